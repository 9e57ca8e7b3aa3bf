/**
 * The seam between what is done on a host and how it is reached: byte channels to one host, and nothing else. Commands,
 * files and tunnels are written once above it.
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
 * Bytes both ways, with back-pressure. One reader and one writer at a time; an interrupted read has taken nothing, and
 * the next one goes on where it would have.
 *
 * @since 0.1.0
 * @category models
 */
export interface Duplex<out E> {
  /** The next bytes, at least one; `None` once the other side has ended its output, and only then. */
  readonly read: Effect.Effect<Option.Option<Uint8Array>, E>
  /**
   * Succeeds with `true` when the bytes are accepted and there is room for more. `false`: the other side reads no more,
   * and nothing further needs to be sent. The bytes must not change afterwards.
   */
  readonly write: (bytes: Uint8Array) => Effect.Effect<boolean, E>
  /** Ends our output; the other direction stays open. Ending twice is fine. */
  readonly end: Effect.Effect<void, E>
}

/**
 * How what ran on a channel ended. It is what the server said, never a guess: `None` where it said nothing before it
 * closed the channel. The name of a signal is known only where `capabilities.exitSignal` says so.
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
 * One stream of bytes to the host: the input and output of a command, a subsystem or a forwarded connection. It closes
 * with its scope. A connection that is lost fails every call with `ConnectionLost`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Channel extends Duplex<RemoteConnectionError> {
  /** As `read`, for the second output (RFC 4254, section 5.2). Both must be read, one alone may block the other. */
  readonly readStderr: Effect.Effect<Option.Option<Uint8Array>, RemoteConnectionError>
  /**
   * Instead of `read`, for those that hold nothing back: all the bytes, the moment they come, until the other side has ended
   * its output. They must be copied, since they change once `take` has returned. A transport has it where that saves a copy.
   */
  readonly consume?: ((take: (bytes: Uint8Array) => void) => Effect.Effect<void, RemoteConnectionError>) | undefined
  /** Waits for the end of what runs on the channel. */
  readonly exit: Effect.Effect<ExitStatus, RemoteConnectionError>
}

/**
 * An end of a connection on the host's side: a host and port as seen from there, or a unix socket.
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
 * What differs between ways of connecting.
 *
 * @since 0.1.0
 * @category models
 */
export interface Capabilities {
  /** Whether channels share one connection, and so the sessions that a server allows on it. */
  readonly oneConnection: boolean
  /** Whether the name of the signal that ended a command is known. */
  readonly exitSignal: boolean
  /** Whether a pseudo-terminal gets the size asked for when it is opened, rather than by `stty` afterwards. */
  readonly ptySize: boolean
  /** Whether a connection can still be written to after its target has ended its own output. */
  readonly halfClose: boolean
  /** Whether `connect` takes unix sockets. */
  readonly unixSockets: boolean
  /** Whether the host can be asked to listen. */
  readonly remoteForward: boolean
}

/**
 * - `"idle"`: nothing has needed a connection yet. The first use connects.
 * - `"connecting"`: a connection is being made.
 * - `"ready"`: what is asked for next goes out at once.
 * - `"lost"`: the connection has ended. The next use connects again.
 *
 * @since 0.1.0
 * @category models
 */
export type ConnectionState = "idle" | "connecting" | "ready" | "lost"

/**
 * How a session shares the few that a server allows on one connection (`MaxSessions`).
 *
 * A transport may ignore both options, as one with a connection for each session does. Then sessions that stay open keep
 * others waiting on a server with a small limit, and a command that is to be ended cannot be if every session is in use.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionOptions {
  /**
   * What the session does if the server allows no more sessions:
   *
   * - `"normal"`: waits for its turn. Default.
   * - `"idle"`: fails with `ChannelRefused`. It leaves one session free for others, and is reclaimed first.
   * - `"urgent"`: gets a connection of its own.
   */
  readonly priority?: "normal" | "idle" | "urgent" | undefined
  /**
   * For a session that stays open while it is not in use. The transport runs this when another session waits and no session
   * of the server becomes free. It should close the session as soon as it is not in use.
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
 * A connection that somebody on the host's side made to a `RemoteListener`. It closes with its scope.
 *
 * @since 0.1.0
 * @category models
 */
export interface RemoteConnection extends Duplex<RemoteConnectionError> {
  /** Who connected, as far as it is known, for messages. */
  readonly peer: string
}

/**
 * The host listens for us. It stops with its scope.
 *
 * @since 0.1.0
 * @category models
 */
export interface RemoteListener {
  /** The address listened on, with the port that the host chose. */
  readonly address: RemoteAddress
  /** The next connection. Fails with `ConnectionLost` once the host listens no more. */
  readonly accept: Effect.Effect<RemoteConnection, RemoteConnectionError, Scope.Scope>
}

/**
 * Every call that opens something is given `connectTimeout` to connect and to open, and fails with `TimedOut`; waiting for
 * a session that others hold does not count.
 *
 * @since 0.1.0
 * @category models
 */
export interface Transport {
  readonly [TypeId]: TypeId
  readonly host: RemoteHost
  readonly capabilities: Capabilities
  /** The state now, and every change. Where each channel is a connection of its own it is always `"ready"`. */
  readonly state: Stream.Stream<ConnectionState>
  /** Connects where there is no connection, and one is shared. Whatever opens a channel does so, too. */
  readonly ready: Effect.Effect<void, RemoteConnectionError>
  /** Runs a line by the login shell (RFC 4254, section 6.5). */
  readonly exec: (line: string, options?: ExecOptions) => Effect.Effect<Channel, RemoteConnectionError, Scope.Scope>
  /** Starts a subsystem (RFC 4254, section 6.5). Fails with `ChannelRefused` when the server has none of that name. */
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
   * Has the host listen (RFC 4254, section 7.1); port 0 stands for any free one. Fails with `ChannelRefused` when the host
   * does not, and with `Unsupported` where `capabilities.remoteForward` says so.
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
