import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Logger, TestClock } from "effect"
import * as finalizer from "../src/internal/lib/finalizer.js"

/** Work that signals its beginning, and goes on after it is released. */
const work = Effect.gen(function*() {
  const entered = yield* Deferred.make<void>()
  const released = yield* Deferred.make<void>()
  let isDone = false
  return {
    entered: Deferred.await(entered),
    release: Deferred.succeed(released, undefined),
    run: Effect.gen(function*() {
      yield* Deferred.succeed(entered, undefined)
      yield* Deferred.await(released)
      isDone = true
    }),
    isDone: () => isDone
  }
})

const warnings = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const logged: Array<string> = []
    const logger = Logger.make(({ message }) => void logged.push(String(message)))
    yield* Effect.provide(effect, Logger.replace(Logger.defaultLogger, logger))
    return logged
  })

// FOUND E5
describe("a finalizer that waits", () => {
  it.effect("goes on through a second and a third interruption", () =>
    Effect.gen(function*() {
      const { entered, isDone, release, run } = yield* work
      const fiber = yield* Effect.fork(Effect.ensuring(Effect.never, finalizer.bounded(run, { left: "left" })))
      yield* Effect.yieldNow()
      const interrupted = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* entered
      yield* Fiber.interruptFork(fiber)
      yield* Fiber.interruptFork(fiber)
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      yield* release
      yield* Fiber.join(interrupted)
      assert.isTrue(isDone())
    }))

  it.effect("goes on through the interruption that comes after a timeout", () =>
    Effect.gen(function*() {
      const { entered, isDone, release, run } = yield* work
      const fiber = yield* Effect.never.pipe(
        Effect.ensuring(finalizer.bounded(run, { left: "left" })),
        Effect.timeout("1 second"),
        Effect.fork
      )
      yield* TestClock.adjust("1 second")
      yield* entered
      yield* Fiber.interruptFork(fiber)
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      yield* release
      yield* Fiber.await(fiber)
      assert.isTrue(isDone())
    }))

  it.effect("is abandoned in time, with a warning, though its work cannot be interrupted", () =>
    Effect.gen(function*() {
      const logged = yield* warnings(Effect.gen(function*() {
        const fiber = yield* Effect.fork(
          finalizer.bounded(Effect.uninterruptible(Effect.never), {
            left: "The file a may remain",
            within: "3 seconds"
          })
        )
        yield* TestClock.adjust("2 seconds")
        assert.isNull(fiber.unsafePoll())
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(fiber)
      }))
      assert.deepStrictEqual(logged, ["The file a may remain: the host did not answer within 3s"])
    }))

  it.effect("warns when its work fails", () =>
    Effect.gen(function*() {
      const logged = yield* warnings(finalizer.bounded(Effect.fail("lost"), { left: "The file a may remain" }))
      assert.deepStrictEqual(logged, ["The file a may remain,lost"])
    }))
})

describe("a finalizer that may take longer", () => {
  it.effect("is abandoned a grace period after an interruption that comes while it runs", () =>
    Effect.gen(function*() {
      const logged = yield* warnings(Effect.gen(function*() {
        const fiber = yield* Effect.fork(Effect.scoped(
          Effect.addFinalizer(() => finalizer.patient(Effect.never, { left: "a may remain", within: "30 seconds" }))
        ))
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.interruptFork(fiber)
        yield* TestClock.adjust("4 seconds")
        assert.isNull(fiber.unsafePoll())
        yield* Fiber.interruptFork(fiber)
        yield* TestClock.adjust("1 second")
        yield* Fiber.await(fiber)
      }))
      assert.deepStrictEqual(logged, ["a may remain: the host did not finish within 30s, or 5s of an interruption"])
    }))

  it.effect("is abandoned at its own limit when nothing interrupts it", () =>
    Effect.gen(function*() {
      const logged = yield* warnings(Effect.gen(function*() {
        const fiber = yield* Effect.fork(
          finalizer.patient(Effect.never, { left: "a may remain", within: "30 seconds" })
        )
        yield* TestClock.adjust("29 seconds")
        assert.isNull(fiber.unsafePoll())
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(fiber)
      }))
      assert.strictEqual(logged.length, 1)
    }))
})

describe("apart", () => {
  it.effect("is not interrupted where the caller is uninterruptible, though a part of it is interruptible", () =>
    Effect.gen(function*() {
      const { entered, isDone, release, run } = yield* work
      const timed = finalizer.apart(Effect.timeoutOption(Effect.interruptible(run), "1 second"))
      const fiber = yield* Effect.fork(Effect.uninterruptible(timed))
      yield* entered
      yield* Fiber.interruptFork(fiber)
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      yield* release
      yield* Fiber.await(fiber)
      assert.isTrue(isDone())
    }))

  it.effect("is interrupted with the caller, which waits for its finalizers", () =>
    Effect.gen(function*() {
      const { entered, isDone, release, run } = yield* work
      const fiber = yield* Effect.fork(finalizer.apart(Effect.ensuring(Effect.never, run)))
      yield* Effect.yieldNow()
      yield* Fiber.interruptFork(fiber)
      yield* entered
      assert.isNull(fiber.unsafePoll())
      yield* release
      assert.isTrue(Exit.isInterrupted(yield* Fiber.await(fiber)))
      assert.isTrue(isDone())
    }))
})
