/**
 * The seam through which tunnels listen and connect on this machine. `@effect-remote/node` implements it.
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
 * An address on this machine, or as this machine sees it; where it listens, port 0 stands for any free one.
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
 * A connection that was accepted or made. It closes with its scope: where that fails, the peer is told by a reset, since
 * an end in good order would mean that it has got everything.
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
  /** The next connection. Fails once nothing is accepted any more. */
  readonly accept: Effect.Effect<LocalConnection, TunnelError, Scope.Scope>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface LocalNetwork {
  /** Listens, and fails with a `TunnelError` when somebody else has the address. */
  readonly listen: (address: LocalAddress) => Effect.Effect<LocalListener, TunnelError, Scope.Scope>
  /** Connects, and fails with a `TunnelError` when nobody listens there. It can be interrupted while it waits. */
  readonly connect: (address: LocalAddress) => Effect.Effect<LocalConnection, TunnelError, Scope.Scope>
}
