import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { RemoteHost } from "@effect-remote/core/RemoteHost"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as finalizer from "./finalizer.js"

/**
 * Limits what is asked of a host to its `connectTimeout`. It holds in finalizers too, where nothing else interrupts.
 *
 * @internal
 */
export const within = (host: RemoteHost, what: string) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  finalizer.apart(Effect.timeoutFail(Effect.interruptible(effect), {
    duration: host.connectTimeout,
    onTimeout: () =>
      new RemoteConnectionError({
        reason: "TimedOut",
        host: String(host),
        detail: `${what} took more than ${Duration.format(host.connectTimeout)}`,
        hint: "Is the host up and reachable? A slow one needs a larger connectTimeout."
      })
  }))
