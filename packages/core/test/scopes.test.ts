import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Scope } from "effect"
import * as scopes from "../src/internal/lib/scopes.js"

const resource = (events: Array<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => void events.push("acquired")),
    () => Effect.sync(() => void events.push("released"))
  )

describe("a scope of its own", () => {
  it.scoped("stays open until it is closed", () =>
    Effect.gen(function*() {
      const events: Array<string> = []
      const { close, value } = yield* scopes.own(Effect.as(resource(events), 1), yield* Effect.scope)
      assert.strictEqual(value, 1)
      assert.deepStrictEqual(events, ["acquired"])
      yield* close
      assert.deepStrictEqual(events, ["acquired", "released"])
    }))

  it.effect("closes with its parent", () =>
    Effect.gen(function*() {
      const events: Array<string> = []
      const parent = yield* Scope.make()
      yield* scopes.own(resource(events), parent)
      yield* Scope.close(parent, Exit.void)
      assert.deepStrictEqual(events, ["acquired", "released"])
    }))

  it.scoped("closes at once after a failure or an interruption", () =>
    Effect.gen(function*() {
      const events: Array<string> = []
      const scope = yield* Effect.scope
      yield* Effect.flip(scopes.own(Effect.zipRight(resource(events), Effect.fail("no")), scope))
      assert.deepStrictEqual(events, ["acquired", "released"])
      const fiber = yield* Effect.fork(scopes.own(Effect.zipRight(resource(events), Effect.never), scope))
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(events, ["acquired", "released", "acquired", "released"])
    }))
})

describe("a forked effect", () => {
  it.effect("ends with its scope, even if it was forked uninterruptibly", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const began = yield* Deferred.make<void>()
      const forked = yield* Effect.zipRight(Deferred.succeed(began, undefined), Effect.never).pipe(
        scopes.forkInterruptible,
        Scope.extend(scope),
        Effect.uninterruptible
      )
      yield* Deferred.await(began)
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.isInterrupted(yield* Fiber.await(forked)))
    }))
})
