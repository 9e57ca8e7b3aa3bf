import { assert, describe, it } from "@effect/vitest"
import * as idleSessions from "../../src/internal/multiplexed/idleSessions.js"
import * as sessionQueue from "../../src/internal/multiplexed/sessionQueue.js"

const caller = (number: number, since = 0): sessionQueue.Waiting => ({ number, since })

const [first, second, third] = [caller(1), caller(2), caller(3)]

describe("the queue for sessions", () => {
  it("puts a refused caller before those who asked later", () => {
    assert.deepStrictEqual(sessionQueue.insert([], second), [second])
    assert.deepStrictEqual(sessionQueue.insert([second, third], first), [first, second, third])
    assert.deepStrictEqual(sessionQueue.insert([first, third], second), [first, second, third])
    assert.deepStrictEqual(sessionQueue.insert([first, second], third), [first, second, third])
  })

  it("removes a caller wherever it stands, and nobody else", () => {
    assert.deepStrictEqual(sessionQueue.remove([first, second, third], second), [first, third])
    assert.deepStrictEqual(sessionQueue.remove([first, third], second), [first, third])
  })

  it("counts the patience from the last use here, or from the begin of the wait", () => {
    const queue = [caller(1, 0), caller(2, 500), caller(3, 900)]
    const stuck = (now: number, unheldSince: number) =>
      sessionQueue.stuck(queue, { now, patience: 1000, unheldSince }).map(({ number }) => number)
    assert.deepStrictEqual(stuck(999, -Infinity), [])
    assert.deepStrictEqual(stuck(1000, -Infinity), [1])
    assert.deepStrictEqual(stuck(1500, -Infinity), [1, 2])
    assert.deepStrictEqual(stuck(1599, 600), [])
    assert.deepStrictEqual(stuck(1600, 600), [1, 2])
    assert.deepStrictEqual(stuck(1900, 600), [1, 2, 3])
  })
})

describe("idle sessions", () => {
  const idle = (isSpare: boolean, status: idleSessions.Status): idleSessions.IdleSession => ({ isSpare, status })
  const spare = idle(true, "Kept")
  const kept = idle(false, "Kept")

  it.each<readonly [string, ReadonlyArray<idleSessions.IdleSession>, open: number, idleSessions.Reclaim<unknown>]>([
    ["none if there is none", [], 2, { _tag: "None" }],
    ["a spare one soon, although others are in use", [kept, spare], 3, { _tag: "Soon", session: spare }],
    ["none while a spare one is pending", [idle(true, "Pending"), kept], 2, { _tag: "None" }],
    ["another one if all are idle", [kept, idle(false, "Kept")], 2, { _tag: "Now", session: kept }],
    ["none if another one is in use", [kept], 2, { _tag: "None" }],
    ["the next one after one was asked", [idle(false, "Asked"), kept], 2, { _tag: "Now", session: kept }],
    ["the next one after a spare one was asked", [idle(true, "Asked"), kept], 2, { _tag: "Now", session: kept }],
    ["none after all were asked", [idle(true, "Asked"), idle(false, "Asked")], 2, { _tag: "None" }]
  ])("asks %s", (_, sessions, open, expected) => {
    assert.deepStrictEqual(idleSessions.reclaim(sessions, open), expected)
  })
})
