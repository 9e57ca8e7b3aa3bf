/**
 * The time limit for one conversation with a host.
 *
 * Unstable: shared by this library's packages, and may change in any release.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as durations from "../internal/lib/duration.js"
import * as finalizer from "../internal/lib/finalizer.js"
import { RemoteConnectionError } from "../RemoteError.js"
import type { RemoteHost } from "../RemoteHost.js"

/**
 * Details of a conversation that takes too long.
 *
 * @since 0.1.0
 * @category models
 */
export interface Explanation {
  /** The step that was not completed. */
  readonly step?: string
  /** The output of the host, or of `ssh`. */
  readonly output?: string
  readonly hint?: string
}

/**
 * Limits an effect to the host's `connectTimeout`, also in finalizers. Fails with a `RemoteConnectionError` with reason
 * `TimedOut`. When the time is over, `explain` provides the step, the output and the hint of this error.
 *
 * @since 0.1.0
 * @category combinators
 */
export const within = (
  host: RemoteHost,
  what: string,
  explain: Effect.Effect<Explanation> = Effect.succeed({})
) =>
<A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E | RemoteConnectionError, R> =>
  finalizer.apart(Effect.flatten(Effect.timeoutTo(Effect.interruptible(effect), {
    duration: host.connectTimeout,
    onSuccess: Effect.succeed,
    onTimeout: () =>
      Effect.flatMap(
        explain,
        ({ hint = "A slow host needs a larger connectTimeout.", output, step }) =>
          new RemoteConnectionError({
            reason: "TimedOut",
            host: String(host),
            detail: `${what} took more than ${Duration.format(host.connectTimeout)}` +
              durations.unitAdvice(host.connectTimeout) +
              (step === undefined ? "" : `: ${step}`),
            ...(output !== undefined && { output }),
            hint
          })
      )
  })))
