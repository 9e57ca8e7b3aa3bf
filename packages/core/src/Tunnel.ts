/**
 * Tunnels between this machine and addresses that a host reaches, as `ssh -L`, `ssh -R` and `ssh -D` make them.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { LocalAddress } from "./LocalNetwork.js"
import type { RemoteConnectionError, TunnelError } from "./RemoteError.js"
import type { RemoteAddress } from "./Transport.js"

/**
 * The address that this machine listens on: a host and port, or the path of a unix socket to create.
 *
 * @since 0.1.0
 * @category models
 */
export type LocalListen =
  | {
    /** Default: `"127.0.0.1"`, which no other machine reaches. */
    readonly localHost?: string | undefined
    /** Default: 0, any free port. `localPort` of the tunnel is the chosen one. */
    readonly localPort?: number | undefined
    readonly localPath?: undefined
  }
  | { readonly localPath: string; readonly localHost?: undefined; readonly localPort?: undefined }

/**
 * The address that the host listens on: a host and port, or the path of a unix socket to create, if the transport supports it.
 *
 * @since 0.1.0
 * @category models
 */
export type RemoteListen =
  | {
    /**
     * An address of the host. Default: `"127.0.0.1"`, which no other machine reaches. OpenSSH's server listens on loopback
     * only, for any address, unless `GatewayPorts` allows more. If a name has several addresses, like `"localhost"` on most
     * hosts, the server silently skips those whose port another process uses.
     */
    readonly remoteHost?: string | undefined
    /** Default: 0, any free port. `remotePort` of the tunnel is the chosen one. */
    readonly remotePort?: number | undefined
    readonly remotePath?: undefined
  }
  | { readonly remotePath: string; readonly remoteHost?: undefined; readonly remotePort?: undefined }

/**
 * The local target of connections: a host and port that this machine reaches, or the path of a unix socket.
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
 * The remote target of connections: a host and port that the host reaches, or the path of a unix socket, if the transport
 * supports it.
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
 * Why a SOCKS proxy refused a client.
 *
 * - `Version`: the client does not speak SOCKS 5.
 * - `Method`: the client wants to authenticate.
 * - `Command`: the client asks for something other than CONNECT.
 * - `AddressType`: the address is neither IPv4 nor IPv6 nor a name.
 * - `Address`: the address has a known type but is not valid.
 * - `Ended`: the client closed the connection before its request was complete.
 * - `TimedOut`: the client did not complete its request within 30 seconds.
 *
 * @since 0.1.0
 * @category models
 */
export const SocksReason = Schema.Literal(
  "Version",
  "Method",
  "Command",
  "AddressType",
  "Address",
  "Ended",
  "TimedOut"
)

/**
 * @since 0.1.0
 * @category models
 */
export type SocksReason = typeof SocksReason.Type

/**
 * A SOCKS proxy refused a client.
 *
 * @since 0.1.0
 * @category errors
 */
export class SocksError extends Schema.TaggedError<SocksError>("@effect-remote/core/SocksError")("SocksError", {
  reason: SocksReason,
  message: Schema.String
}) {}

/**
 * An event of a tunnel. `peer` is the client that connected. Each connection emits either `Refused`, or first `Opened` and
 * then `Closed`.
 *
 * @since 0.1.0
 * @category models
 */
export type TunnelEvent = Data.TaggedEnum<{
  /** The connection to its target is open. `target` is an address such as `search.internal:9200`. */
  readonly Opened: { readonly peer: string; readonly target: string }
  /** Both sides have ended the connection, or it failed (`error`). */
  readonly Closed: { readonly peer: string; readonly error: string | undefined }
  /**
   * The connection was closed: the server or the target refused it, or the SOCKS proxy refused the client (`SocksError`).
   */
  readonly Refused: { readonly peer: string; readonly error: RemoteConnectionError | TunnelError | SocksError }
  /** The tunnel no longer accepts connections. `Tunnel.ended` fails with the same error. */
  readonly Lost: { readonly error: RemoteConnectionError | TunnelError }
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const TunnelEvent = Data.taggedEnum<TunnelEvent>()

/**
 * The common part of all tunnels. A tunnel listens once it is made. It and its connections close with the scope.
 *
 * @since 0.1.0
 * @category models
 */
export interface Tunnel {
  /** Emits events from now on. Up to 256 events are buffered for a slow reader, then the oldest are dropped. */
  readonly events: Stream.Stream<TunnelEvent>
  /** Number of connections, including those still being opened. */
  readonly connections: Effect.Effect<number>
  /**
   * Waits until the tunnel no longer accepts connections. Succeeds after its scope has closed. Fails if the tunnel was lost
   * before. A lost tunnel is not restored.
   */
  readonly ended: Effect.Effect<void, RemoteConnectionError | TunnelError>
}

/**
 * A tunnel from this machine to an address that the host reaches. If the connection to the host is lost, the tunnel keeps
 * listening, and the next client causes a reconnect.
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
 * A tunnel from the host to an address that this machine reaches. The host listens only while the connection to it is open. If
 * the connection is lost, the tunnel is lost, with all its connections.
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
 * A SOCKS 5 proxy on this machine: connects each client to the address that it asks for, from the host. If the connection to
 * the host is lost, the proxy keeps listening, and the next client causes a reconnect.
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
