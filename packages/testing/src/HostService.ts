/**
 * What listens where connections from the host in memory lead: at a host and port, or a unix socket.
 *
 * @since 0.1.0
 */
import type { Duplex } from "@effect-remote/core/Transport"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * Serves one connection, which closes when it ends. One that fails has the other side see the end of the connection.
 *
 * @since 0.1.0
 * @category models
 */
export type Handler<R = never> = (connection: Duplex<never>) => Effect.Effect<unknown, unknown, R>

/**
 * By address, `"db.internal:5432"`, `"[::1]:80"`, or the absolute path of a unix socket; `N` is what each needs of whoever
 * builds the host.
 *
 * @since 0.1.0
 * @category models
 */
export type Services<N> = { readonly [K in keyof N]: Handler<N[K]> }

/**
 * Sends back what it gets.
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
 * Sends that, and reads nothing.
 *
 * @since 0.1.0
 * @category handlers
 */
export const constant = (data: string | Uint8Array): Handler => (connection) =>
  Effect.zipRight(
    connection.write(typeof data === "string" ? new TextEncoder().encode(data) : data),
    connection.end
  )
