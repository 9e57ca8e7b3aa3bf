import { RemoteConnectionError, type RemoteConnectionReason } from "@effect-remote/core/RemoteError"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import { reconnects } from "../../src/internal/multiplexed/reconnects.js"

describe("the default schedule for reconnecting", () => {
  // The attempts that are made until `duration` has passed, and whether the schedule has ended by then.
  const attempts = (reason: RemoteConnectionReason, duration: string & `${number} seconds`) =>
    Effect.gen(function*() {
      let made = 0
      const attempt = Effect.suspend(() => {
        made++
        return new RemoteConnectionError({ reason, host: "h", detail: "" })
      })
      const fiber = yield* Effect.fork(Effect.flip(Effect.retry(attempt, reconnects)))
      yield* TestClock.adjust(duration)
      const end = yield* Fiber.poll(fiber)
      yield* Fiber.interrupt(fiber)
      return { made, ended: end._tag === "Some" }
    })

  it.effect("tries four more times within five seconds", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* attempts("Unreachable", "5 seconds"), { made: 5, ended: true })
    }))

  // B12
  it.effect("goes on for a minute if the server is busy", () =>
    Effect.gen(function*() {
      assert.isFalse((yield* attempts("ServerBusy", "40 seconds")).ended)
      const { ended, made } = yield* attempts("ServerBusy", "90 seconds")
      assert.isTrue(ended)
      assert.isBelow(made, 20)
    }))

  // B12
  it.effect("never tries a refused login again", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* attempts("AuthenticationFailed", "90 seconds"), { made: 1, ended: true })
    }))
})
