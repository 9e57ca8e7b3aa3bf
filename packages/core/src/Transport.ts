/**
 * The interface of transports: byte channels to one host. Commands, files and tunnels use only this interface. Each
 * transport implements it for one way of connecting.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { RemoteConnectionError } from "./RemoteError.js"
import type { Pty, RemoteHost } from "./RemoteHost.js"

/**
 * @since 0.1.0
 * @category type ids
 */
export const TypeId: unique symbol = Symbol.for("@effect-remote/core/Transport")

/**
 * @since 0.1.0
 * @category type ids
 */
export type TypeId = typeof TypeId

/**
 * Bytes both ways, with back-pressure. Allows one reader and one writer at a time. An interrupted read consumes nothing: the
 * next read returns the same bytes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Duplex<out E> {
  /** Reads the next bytes, at least one. Returns `None` only after the other side has ended its output. */
  readonly read: Effect.Effect<Option.Option<Uint8Array>, E>
  /**
   * Succeeds with `true` when the bytes are accepted and there is room for more. Succeeds with `false` if the other side has
   * stopped reading: nothing more needs to be sent. The bytes must not change afterwards.
   */
  readonly write: (bytes: Uint8Array) => Effect.Effect<boolean, E>
  /** Ends our output. The other direction stays open. Ending twice is allowed. */
  readonly end: Effect.Effect<void, E>
}

/**
 * How the program on a channel ended, as the server reported it. `None`: the server closed the channel without a report.
 * The name of a signal is known only if `capabilities.exitSignal` is true.
 *
 * @since 0.1.0
 * @category models
 */
export type ExitStatus = Data.TaggedEnum<{
  readonly Code: { readonly code: number }
  readonly Signal: { readonly signal: Option.Option<string> }
  readonly None: {}
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const ExitStatus = Data.taggedEnum<ExitStatus>()

/**
 * The input and output of a command, a subsystem or a forwarded connection. Closes with its scope. After the connection is
 * lost, every call fails with `ConnectionLost`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Channel extends Duplex<RemoteConnectionError> {
  /** Like `read`, for stderr (RFC 4254, section 5.2). Read both outputs, because an unread one may block the other. */
  readonly readStderr: Effect.Effect<Option.Option<Uint8Array>, RemoteConnectionError>
  /**
   * Passes all bytes to `take` as they arrive, until the other side ends its output. An alternative to `read` without
   * back-pressure. `take` must copy the bytes: the buffer is reused. Transports implement it if it saves a copy.
   */
  readonly consume?: ((take: (bytes: Uint8Array) => void) => Effect.Effect<void, RemoteConnectionError>) | undefined
  /** Waits for the exit status of the program on the channel. */
  readonly exit: Effect.Effect<ExitStatus, RemoteConnectionError>
  /**
   * How the program has exited, if the server has reported it. For messages, and only for a transport whose `exit` waits for
   * the end of the outputs, which other processes may hold open. `ExitStatus.None`: it has exited, and its status is not known
   * yet.
   */
  readonly exitReported?: Effect.Effect<Option.Option<ExitStatus>> | undefined
}

/**
 * An address that the host connects to or listens on: a host name, which the host resolves, and a port, or a unix socket.
 *
 * @since 0.1.0
 * @category models
 */
export type RemoteAddress = Data.TaggedEnum<{
  readonly Tcp: { readonly host: string; readonly port: number }
  readonly Unix: { readonly path: string }
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const RemoteAddress = Data.taggedEnum<RemoteAddress>()

/**
 * The features that differ between transports.
 *
 * @since 0.1.0
 * @category models
 */
export interface Capabilities {
  /** Whether channels share one connection, and therefore the server's session limit (`MaxSessions`). */
  readonly oneConnection: boolean
  /** Whether the name of the signal that ended a command is known. */
  readonly exitSignal: boolean
  /** Whether a pseudo-terminal is opened with the requested size. Otherwise, `stty` sets it afterwards. */
  readonly ptySize: boolean
  /** Whether a forwarded connection can still be written to after its target has ended its output. */
  readonly halfClose: boolean
  /** Whether `connect` supports unix sockets. */
  readonly unixSockets: boolean
  /** Whether `listen` is supported. */
  readonly remoteForward: boolean
}

/**
 * - `"idle"`: not connected yet. The first use connects.
 * - `"connecting"`: a connection is being opened.
 * - `"ready"`: connected.
 * - `"lost"`: the connection has ended. The next use reconnects.
 *
 * @since 0.1.0
 * @category models
 */
export type ConnectionState = "idle" | "connecting" | "ready" | "lost"

/**
 * How a session shares the server's session limit (`MaxSessions`).
 *
 * A transport may ignore both options, for example if it opens a connection for each session. If it ignores them on a shared
 * connection, idle sessions keep others waiting, and a command cannot be terminated while all sessions are in use.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionOptions {
  /**
   * Behavior if the server refuses another session:
   *
   * - `"normal"`: waits for its turn. Default.
   * - `"idle"`: fails with `ChannelRefused`. It leaves one session free for others, and is reclaimed first.
   * - `"urgent"`: gets a connection of its own.
   */
  readonly priority?: "normal" | "idle" | "urgent" | undefined
  /**
   * For a session that stays open while it is idle. The transport runs this when another caller waits for a session and none
   * becomes free. It should close the session as soon as it is not in use.
   */
  readonly onReclaim?: Effect.Effect<void> | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ExecOptions extends SessionOptions {
  readonly pty?: Pty | undefined
}

/**
 * A connection that a peer on the host's side made to a `RemoteListener`. Closes with its scope.
 *
 * @since 0.1.0
 * @category models
 */
export interface RemoteConnection extends Duplex<RemoteConnectionError> {
  /** The address of the peer, if it is known. For messages. */
  readonly peer: string
}

/**
 * A listener on the host. Closes with its scope.
 *
 * @since 0.1.0
 * @category models
 */
export interface RemoteListener {
  /** The address listened on, with the port that the host chose. */
  readonly address: RemoteAddress
  /** Waits for the next connection. Fails with `ConnectionLost` once the host no longer listens. */
  readonly accept: Effect.Effect<RemoteConnection, RemoteConnectionError, Scope.Scope>
}

/**
 * Opens channels to one host. A call fails with `TimedOut` if it does not connect and open its channel within
 * `connectTimeout`. The time that it waits for a free session does not count.
 *
 * @since 0.1.0
 * @category models
 */
export interface Transport {
  readonly [TypeId]: TypeId
  readonly host: RemoteHost
  readonly capabilities: Capabilities
  /** The current state, then every change. Always `"ready"` if each channel has its own connection. */
  readonly state: Stream.Stream<ConnectionState>
  /** Connects if channels share a connection and it is not open. Every call that opens a channel does the same. */
  readonly ready: Effect.Effect<void, RemoteConnectionError>
  /** Runs a line in the user's login shell (RFC 4254, section 6.5). */
  readonly exec: (line: string, options?: ExecOptions) => Effect.Effect<Channel, RemoteConnectionError, Scope.Scope>
  /** Starts a subsystem (RFC 4254, section 6.5). Fails with `ChannelRefused` if the server does not have it. */
  readonly subsystem: (
    name: string,
    options?: SessionOptions
  ) => Effect.Effect<Channel, RemoteConnectionError, Scope.Scope>
  /**
   * Connects from the host to an address (RFC 4254, section 7.2; OpenSSH's `PROTOCOL`, section 2.4, for unix sockets).
   * Fails with `ChannelRefused` when the server or the target refuses.
   */
  readonly connect: (address: RemoteAddress) => Effect.Effect<Channel, RemoteConnectionError, Scope.Scope>
  /**
   * Listens on the host (RFC 4254, section 7.1). Port 0: any free port. Fails with `ChannelRefused` if the host refuses, and
   * with `Unsupported` if `capabilities.remoteForward` is false.
   */
  readonly listen: (address: RemoteAddress) => Effect.Effect<RemoteListener, RemoteConnectionError, Scope.Scope>
}

/**
 * @since 0.1.0
 * @category tags
 */
export const Transport: Context.Tag<Transport, Transport> = Context.GenericTag<Transport>(
  "@effect-remote/core/Transport"
)
