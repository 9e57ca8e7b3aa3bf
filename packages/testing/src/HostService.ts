/**
 * Services that the in-memory host's tunnels connect to: at a host and port, or at a unix socket.
 *
 * @since 0.1.0
 */
import type { Duplex } from "@effect-remote/core/Transport"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * Serves one connection. The connection closes when the handler ends. If the handler fails, the other side sees the end of the
 * connection.
 *
 * @since 0.1.0
 * @category models
 */
export type Handler<R = never> = (connection: Duplex<never>) => Effect.Effect<unknown, unknown, R>

/**
 * Handlers by address: `"db.internal:5432"`, `"[::1]:80"`, or the absolute path of a unix socket. `N` maps each address to the
 * context that its handler requires from the host's layer.
 *
 * @since 0.1.0
 * @category models
 */
export type Services<N> = { readonly [K in keyof N]: Handler<N[K]> }

/**
 * Sends back everything it receives.
 *
 * @since 0.1.0
 * @category handlers
 */
export const echo: Handler = (connection) => {
  const next: Effect.Effect<void> = Effect.flatMap(
    connection.read,
    Option.match({
      onNone: () => connection.end,
      onSome: (bytes) => Effect.flatMap(connection.write(bytes), (more) => more ? next : Effect.void)
    })
  )
  return next
}

/**
 * Sends `data`, then ends. Reads nothing.
 *
 * @since 0.1.0
 * @category handlers
 */
export const constant = (data: string | Uint8Array): Handler => (connection) =>
  Effect.zipRight(
    connection.write(typeof data === "string" ? new TextEncoder().encode(data) : data),
    connection.end
  )
