/**
 * The seam through which tunnels accept connections on this machine. `@effect-remote/node` implements it.
 *
 * @since 0.1.0
 */
import type { SocketError } from "@effect/platform/Socket"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { TunnelError } from "./RemoteError.js"
import type { Duplex } from "./Transport.js"

/**
 * An address on this machine; port 0 stands for any free one.
 *
 * @since 0.1.0
 * @category models
 */
export type LocalAddress = Data.TaggedEnum<{
  readonly Tcp: { readonly host: string; readonly port: number }
  readonly Unix: { readonly path: string }
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const LocalAddress = Data.taggedEnum<LocalAddress>()

/**
 * A connection that was accepted. It closes with its scope.
 *
 * @since 0.1.0
 * @category models
 */
export interface LocalConnection extends Duplex<SocketError> {
  /** Who connected, for messages. */
  readonly peer: string
}

/**
 * An open listener. It closes with its scope.
 *
 * @since 0.1.0
 * @category models
 */
export interface Listening {
  /** The address listened on, with the port that the system chose. */
  readonly address: LocalAddress
  /** The next connection. */
  readonly accept: Effect.Effect<LocalConnection, TunnelError, Scope.Scope>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface LocalListener {
  /** Listens, and fails with a `TunnelError` when somebody else has the address. */
  readonly listen: (address: LocalAddress) => Effect.Effect<Listening, TunnelError, Scope.Scope>
}

/**
 * @since 0.1.0
 * @category tags
 */
export const LocalListener: Context.Tag<LocalListener, LocalListener> = Context.GenericTag<LocalListener>(
  "@effect-remote/core/LocalListener"
)
