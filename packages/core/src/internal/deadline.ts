import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { RemoteConnectionError } from "../RemoteError.js"
import type { RemoteHost } from "../RemoteHost.js"

/**
 * Limits a conversation with the host to its `connectTimeout`, from now or from when it began. It holds in finalizers too,
 * where nothing else interrupts.
 *
 * @internal
 */
export const within = (host: RemoteHost, what: string, begun?: number) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Effect.timeoutFail(Effect.interruptible(effect), {
      duration: Math.max(0, Duration.toMillis(host.connectTimeout) - (now - (begun ?? now))),
      onTimeout: () =>
        new RemoteConnectionError({
          reason: "TimedOut",
          host: String(host),
          detail: `${what} took more than ${Duration.format(host.connectTimeout)}`,
          hint: "A slow host needs a larger connectTimeout."
        })
    }))
