import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import * as once from "../../src/internal/lib/once.js"
import * as worlds from "../protocol/scheduler.js"

describe("once", () => {
  it("gives the first value, before and after it is awaited", () => {
    const world = worlds.make()
    const [before, after] = [once.make<number>(), once.make<number>()]
    before.set(1)
    const fibers = [world.fork(before.await), world.fork(after.await)]
    world.settle()
    assert.isFalse(worlds.isDone(fibers[1]!))
    for (const one of [before, after]) for (const value of [1, 2]) one.set(value)
    world.settle()
    assert.deepStrictEqual(fibers.map(worlds.exitOf), [Exit.succeed(1), Exit.succeed(1)])
  })

  it("can be awaited again after an interruption", () => {
    const world = worlds.make()
    const one = once.make<number>()
    const interrupted = world.fork(one.await)
    world.settle()
    worlds.interrupt(interrupted)
    world.settle()
    const fiber = world.fork(Effect.map(one.await, (value) => value + 1))
    world.settle()
    one.set(1)
    world.settle()
    assert.deepStrictEqual(worlds.exitOf(fiber), Exit.succeed(2))
  })
})
