import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { RemoteConnectionError } from "../../RemoteError.js"
import type { RemoteHost } from "../../RemoteHost.js"
import * as finalizer from "./finalizer.js"

/**
 * Limits a conversation with the host to its `connectTimeout`, also in finalizers.
 *
 * @internal
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
