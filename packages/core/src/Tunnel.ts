/**
 * A way from this machine to an address as another machine sees it.
 *
 * @since 0.1.0
 */
import type * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { LocalAddress } from "./LocalListener.js"
import type { RemoteConnectionError } from "./RemoteError.js"
import type { RemoteAddress } from "./Transport.js"

/**
 * The remote end is a host and port, or the path of a unix socket where the transport can; the local one a host and port
 * or the path of a unix socket to make.
 *
 * @since 0.1.0
 * @category models
 */
export type TunnelOptions = RemoteEnd & LocalEnd

/**
 * @since 0.1.0
 * @category models
 */
export type RemoteEnd =
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
export type LocalEnd =
  | {
    /** Default: `"127.0.0.1"`, which no other machine reaches. */
    readonly localHost?: string | undefined
    /** Default: 0, any free port; see `Tunnel.localPort`. */
    readonly localPort?: number | undefined
    readonly localPath?: undefined
  }
  | { readonly localPath: string; readonly localHost?: undefined; readonly localPort?: undefined }

/**
 * What happens on a tunnel. `peer` is who connected on this side.
 *
 * @since 0.1.0
 * @category models
 */
export type TunnelEvent = Data.TaggedEnum<{
  readonly Opened: { readonly peer: string }
  /** Both sides are done, or one of them broke (`error`). */
  readonly Closed: { readonly peer: string; readonly error: string | undefined }
  /** The target or the server refused; the local connection was closed. */
  readonly Refused: { readonly peer: string; readonly error: RemoteConnectionError }
}>

/**
 * An open tunnel. It listens already, and closes with its scope.
 *
 * @since 0.1.0
 * @category models
 */
export interface Tunnel {
  readonly local: LocalAddress
  readonly remote: RemoteAddress
  readonly localHost: string
  /** The port listened on; 0 for a unix socket. */
  readonly localPort: number
  /** Events from now on; a slow reader misses the oldest of more than 256. */
  readonly events: Stream.Stream<TunnelEvent>
  /** How many connections are open. */
  readonly connections: Effect.Effect<number>
}
