/**
 * Repeats effects in tests against a real host.
 *
 * Unstable: shared by the tests of this repository, and may change in any release.
 *
 * @since 0.1.0
 */
import * as RemoteError from "@effect-remote/core/RemoteError"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * Polls until the answer is good, for states without an event. Waits 10 milliseconds before it asks again. Dies after
 * 20 seconds, with the last answer in the message.
 *
 * @since 0.1.0
 * @category combinators
 */
export const eventually = <A, E, R>(
  ask: Effect.Effect<A, E, R>,
  isGood: (answer: A) => boolean
): Effect.Effect<A, E, R> => {
  let last: A | undefined
  const again: Effect.Effect<A, E, R> = Effect.flatMap(ask, (answer) => {
    last = answer
    return isGood(answer) ? Effect.succeed(answer) : Effect.delay(again, "10 millis")
  })
  return Effect.timeoutFailCause(again, {
    duration: "20 seconds",
    onTimeout: () => Cause.die(`no good answer came in 20 seconds, the last one was ${JSON.stringify(last)}`)
  })
}

/**
 * Repeats an effect while it fails with a lost connection. An effect that starts before the loss is noticed may be lost too.
 *
 * @since 0.1.0
 * @category combinators
 */
export const unlessLost = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.retry(effect, {
    while: (error) => Option.exists(RemoteError.findConnectionError(error), ({ reason }) => reason === "ConnectionLost")
  })
