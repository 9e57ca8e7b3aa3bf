/**
 * Ways between this machine and addresses as another machine sees them: those of `ssh -L`, `ssh -R` and `ssh -D`.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { LocalAddress } from "./LocalNetwork.js"
import type { RemoteConnectionError, TunnelError } from "./RemoteError.js"
import type { RemoteAddress } from "./Transport.js"

/**
 * Where this machine listens: a host and port, or the path of a unix socket to make.
 *
 * @since 0.1.0
 * @category models
 */
export type LocalListen =
  | {
    /** Default: `"127.0.0.1"`, which no other machine reaches. */
    readonly localHost?: string | undefined
    /** Default: 0, any free port; the tunnel tells which. */
    readonly localPort?: number | undefined
    readonly localPath?: undefined
  }
  | { readonly localPath: string; readonly localHost?: undefined; readonly localPort?: undefined }

/**
 * Where the host listens: a host and port, or the path of a unix socket to make where the transport can.
 *
 * @since 0.1.0
 * @category models
 */
export type RemoteListen =
  | {
    /**
     * Which of its addresses. Default: `"127.0.0.1"`, which no other machine reaches. Unless its `GatewayPorts` says
     * otherwise, OpenSSH's server listens on loopback whatever is asked for. Of a name that has several addresses, as
     * `"localhost"` has on most hosts, it takes those where the port is free: on the others it is somebody else's.
     */
    readonly remoteHost?: string | undefined
    /** Default: 0, any free port; the tunnel tells which. */
    readonly remotePort?: number | undefined
    readonly remotePath?: undefined
  }
  | { readonly remotePath: string; readonly remoteHost?: undefined; readonly remotePort?: undefined }

/**
 * Where connections go on this side: a host and port as this machine sees them, or the path of a unix socket.
 *
 * @since 0.1.0
 * @category models
 */
export type LocalDestination =
  | {
    /** Default: `"127.0.0.1"`. */
    readonly localHost?: string | undefined
    readonly localPort: number
    readonly localPath?: undefined
  }
  | { readonly localPath: string; readonly localHost?: undefined; readonly localPort?: undefined }

/**
 * Where connections go on the host's side: a host and port, or the path of a unix socket where the transport can.
 *
 * @since 0.1.0
 * @category models
 */
export type RemoteDestination =
  | {
    /** As seen from the host. Default: `"localhost"`, the host itself. */
    readonly remoteHost?: string | undefined
    readonly remotePort: number
    readonly remotePath?: undefined
  }
  | { readonly remotePath: string; readonly remoteHost?: undefined; readonly remotePort?: undefined }

/**
 * @since 0.1.0
 * @category models
 */
export type LocalTunnelOptions = LocalListen & RemoteDestination

/**
 * @since 0.1.0
 * @category models
 */
export type RemoteTunnelOptions = RemoteListen & LocalDestination

/**
 * @since 0.1.0
 * @category models
 */
export type SocksProxyOptions = LocalListen

/**
 * Why a client of a SOCKS proxy was not served.
 *
 * - `Version`: the client does not speak SOCKS 5.
 * - `Method`: the client wants to authenticate.
 * - `Command`: the client asks for something other than CONNECT.
 * - `AddressType`: the address is neither IPv4 nor IPv6 nor a name.
 * - `Address`: the address has a known type but is not valid.
 * - `Ended`: the client closed the connection before its request was complete.
 * - `TimedOut`: the client was silent for too long.
 *
 * @since 0.1.0
 * @category models
 */
export type SocksReason = "Version" | "Method" | "Command" | "AddressType" | "Address" | "Ended" | "TimedOut"

/**
 * A client of a SOCKS proxy that cannot be served.
 *
 * @since 0.1.0
 * @category errors
 */
export class SocksError extends Data.TaggedError("SocksError")<{
  readonly reason: SocksReason
  readonly message: string
}> {}

/**
 * What happens on a tunnel. `peer` is who connected to it. Each connection is told either as `Refused`, or as `Opened`
 * and in the end `Closed`.
 *
 * @since 0.1.0
 * @category models
 */
export type TunnelEvent = Data.TaggedEnum<{
  /** `target` is where it leads, as `search.internal:9200`. */
  readonly Opened: { readonly peer: string; readonly target: string }
  /** Both sides are done, or one of them broke (`error`). */
  readonly Closed: { readonly peer: string; readonly error: string | undefined }
  /**
   * The server, the target, or a local target (`TunnelError`) refused, or a client of a SOCKS proxy asked for what there
   * is not (`SocksError`). The connection was closed.
   */
  readonly Refused: { readonly peer: string; readonly error: RemoteConnectionError | TunnelError | SocksError }
  /** The tunnel accepts no more, as `Tunnel.ended` tells too. */
  readonly Lost: { readonly error: RemoteConnectionError | TunnelError }
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const TunnelEvent = Data.taggedEnum<TunnelEvent>()

/**
 * What is common to tunnels. One listens from the moment it is made, and closes with its scope, connections included.
 *
 * @since 0.1.0
 * @category models
 */
export interface Tunnel {
  /** Events from now on; a slow reader misses the oldest of more than 256. */
  readonly events: Stream.Stream<TunnelEvent>
  /** How many connections there are, those that are still being opened included. */
  readonly connections: Effect.Effect<number>
  /**
   * Waits until the tunnel accepts no more: succeeds once its scope has closed, and fails with what it was lost by before.
   * A tunnel that is lost stays so.
   */
  readonly ended: Effect.Effect<void, RemoteConnectionError | TunnelError>
}

/**
 * From this machine to an address as the host sees it. Should the connection to the host be lost, it goes on listening,
 * and what connects next is carried by a new one.
 *
 * @since 0.1.0
 * @category models
 */
export interface LocalTunnel extends Tunnel {
  /** The address listened on. */
  readonly local: LocalAddress
  readonly remote: RemoteAddress
  /** Empty for a unix socket. */
  readonly localHost: string
  /** The port listened on; 0 for a unix socket. */
  readonly localPort: number
}

/**
 * From the host to an address as this machine sees it. The host listens only as long as the connection to it lasts: when
 * that is lost, so is the tunnel, with all that it carries.
 *
 * @since 0.1.0
 * @category models
 */
export interface RemoteTunnel extends Tunnel {
  /** The address that the host listens on. */
  readonly remote: RemoteAddress
  readonly local: LocalAddress
  /** Empty for a unix socket. */
  readonly remoteHost: string
  /** The port that the host listens on; 0 for a unix socket. */
  readonly remotePort: number
}

/**
 * From this machine to whatever a client asks for by SOCKS 5. Should the connection to the host be lost, it goes on
 * listening, and what connects next is carried by a new one.
 *
 * @since 0.1.0
 * @category models
 */
export interface SocksProxy extends Tunnel {
  /** The address listened on. */
  readonly local: LocalAddress
  /** Empty for a unix socket. */
  readonly localHost: string
  /** The port listened on; 0 for a unix socket. */
  readonly localPort: number
}
