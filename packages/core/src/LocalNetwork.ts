/**
 * Sockets on this machine, for tunnels. `@effect-remote/node` implements them.
 *
 * @since 0.1.0
 */
import type { SocketError } from "@effect/platform/Socket"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { TunnelError } from "./RemoteError.js"
import type { Duplex } from "./Transport.js"

/**
 * An address on this machine, or as this machine resolves it. To listen on any free port, use port 0.
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
 * An open connection. Closes with its scope. If the scope closes with a failure, the connection is reset, so that the peer
 * does not mistake the end for a complete transfer.
 *
 * @since 0.1.0
 * @category models
 */
export interface LocalConnection extends Duplex<SocketError> {
  /** The other side, for messages. */
  readonly peer: string
}

/**
 * An open listener. It closes with its scope.
 *
 * @since 0.1.0
 * @category models
 */
export interface LocalListener {
  /** The address listened on, with the port that the system chose. */
  readonly address: LocalAddress
  /** Waits for the next connection. Fails once the listener no longer accepts. */
  readonly accept: Effect.Effect<LocalConnection, TunnelError, Scope.Scope>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface LocalNetwork {
  /** Listens. Fails with a `TunnelError` if another process uses the address. */
  readonly listen: (address: LocalAddress) => Effect.Effect<LocalListener, TunnelError, Scope.Scope>
  /** Connects. Fails with a `TunnelError` if nobody listens there. Can be interrupted while it waits. */
  readonly connect: (address: LocalAddress) => Effect.Effect<LocalConnection, TunnelError, Scope.Scope>
}
