import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Scope } from "effect"
import * as singleFlight from "../../src/internal/lib/singleFlight.js"

describe("a single flight", () => {
  const make = Effect.gen(function*() {
    let runs = 0
    const gate = yield* Deferred.make<void>()
    const run = Effect.zipRight(Effect.sync(() => ++runs), Deferred.await(gate))
    const scope = yield* Scope.make()
    const flight = singleFlight.make(Effect.map(run, () => runs), scope)
    return { flight, land: Deferred.succeed(gate, undefined), runs: () => runs, scope }
  })

  it.effect("runs once for all that wait, and again for later callers", () =>
    Effect.gen(function*() {
      const { flight, land } = yield* make
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.fork(flight))
      yield* Effect.yieldNow()
      yield* land
      assert.deepStrictEqual(yield* Effect.forEach(fibers, Fiber.join), [1, 1, 1])
      assert.strictEqual(yield* flight, 2)
    }))

  it.effect("goes on for the others when one caller is interrupted", () =>
    Effect.gen(function*() {
      const { flight, land, runs } = yield* make
      const first = yield* Effect.fork(flight)
      const second = yield* Effect.fork(flight)
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(first)
      yield* land
      assert.strictEqual(yield* Fiber.join(second), 1)
      assert.strictEqual(runs(), 1)
    }))

  it.effect("ends with its scope", () =>
    Effect.gen(function*() {
      const { flight, scope } = yield* make
      const fiber = yield* Effect.fork(flight)
      yield* Effect.yieldNow()
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.await(fiber)))
    }))

  it.effect("fails all callers, and runs again after that", () =>
    Effect.gen(function*() {
      let runs = 0
      const flight = singleFlight.make(Effect.suspend(() => Effect.fail(++runs)), yield* Scope.make())
      assert.strictEqual(yield* Effect.flip(flight), 1)
      assert.strictEqual(yield* Effect.flip(flight), 2)
    }))
})
