import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import * as once from "../../src/internal/lib/once.js"
import * as scheduler from "../protocol/scheduler.js"

describe("once", () => {
  it("gives the first value, before and after it is awaited", () => {
    const world = scheduler.make()
    const [before, after] = [once.make<number>(), once.make<number>()]
    before.set(1)
    const fibers = [world.fork(before.await), world.fork(after.await)]
    world.settle()
    assert.isFalse(scheduler.isDone(fibers[1]!))
    for (const one of [before, after]) for (const value of [1, 2]) one.set(value)
    world.settle()
    assert.deepStrictEqual(fibers.map(scheduler.exitOf), [Exit.succeed(1), Exit.succeed(1)])
  })

  it("can be awaited again after an interruption", () => {
    const world = scheduler.make()
    const one = once.make<number>()
    const interrupted = world.fork(one.await)
    world.settle()
    scheduler.interrupt(interrupted)
    world.settle()
    const fiber = world.fork(Effect.map(one.await, (value) => value + 1))
    world.settle()
    one.set(1)
    world.settle()
    assert.deepStrictEqual(scheduler.exitOf(fiber), Exit.succeed(2))
  })
})
