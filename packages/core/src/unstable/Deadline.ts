/**
 * The time limit for one conversation with a host.
 *
 * Unstable: shared by this library's packages, and may change in any release.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as finalizer from "../internal/lib/finalizer.js"
import { RemoteConnectionError } from "../RemoteError.js"
import type { RemoteHost } from "../RemoteHost.js"

/**
 * Limits an effect to the host's `connectTimeout`, also in finalizers. Fails with a `RemoteConnectionError` with reason
 * `TimedOut`.
 *
 * @since 0.1.0
 * @category combinators
 */
export const within =
  (host: RemoteHost, what: string, hint = "A slow host needs a larger connectTimeout.") =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    finalizer.apart(Effect.timeoutFail(Effect.interruptible(effect), {
      duration: host.connectTimeout,
      onTimeout: () =>
        new RemoteConnectionError({
          reason: "TimedOut",
          host: String(host),
          detail: `${what} took more than ${Duration.format(host.connectTimeout)}`,
          hint
        })
    }))
