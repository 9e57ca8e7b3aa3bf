/**
 * Errors of commands, connections and tunnels. All are `Schema.TaggedError`s: match them by tag, or encode them to send them
 * to another process.
 *
 * Their fields contain the host's text unchanged. `message` escapes control characters, so that a host cannot control the
 * terminal that prints the message.
 *
 * @since 0.1.0
 */
import { PlatformError } from "@effect/platform/Error"
import * as Option from "effect/Option"
import type * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { printable } from "./internal/lib/text.js"

const indent = (text: string): string => text.trimEnd().split(/\r?\n/).map((line) => `  | ${line}`).join("\n")

const paragraph = (...parts: ReadonlyArray<string | undefined>): string =>
  printable(parts.filter((part) => part !== undefined && part.length > 0).join("\n"))

/**
 * Why a command failed although the host was reached.
 *
 * - `Exit`: the command ended with a code other than 0 (`exitCode`).
 * - `Signal`: a signal ended the command. `signal` is its name, if the transport reports it.
 * - `ProgramNotFound`: the host does not have the program.
 * - `ProgramNotExecutable`: the file exists, but the host did not run it.
 * - `DirectoryNotFound`: the working directory could not be entered. The command did not run.
 * - `ArgumentsTooLong`: arguments and environment exceed the limit of the host's system. The command did not run.
 * - `TimedOut`: the command took longer than `timeout`. The process group was terminated. If the command itself had exited and its
 *   output had not ended, the detail says so, and `exitCode` has the code, if the transport knows it.
 * - `OutputTooLarge`: the output, or one line of it, was longer than `maxOutput`. The process group was terminated.
 * - `InvalidCommand`: the command cannot be sent, for example a NUL in an argument or an invalid environment name. Nothing was
 *   sent.
 * - `Unsupported`: SSH cannot do what the command asks for (`uid`, `gid`), or the host's shell refuses it (a read-only
 *   variable). The command did not run.
 * - `InputFailed`: the stream given as stdin failed (`cause`). The process group was terminated.
 *
 * @since 0.1.0
 * @category models
 */
export const RemoteCommandReason = Schema.Literal(
  "Exit",
  "Signal",
  "ProgramNotFound",
  "ProgramNotExecutable",
  "DirectoryNotFound",
  "ArgumentsTooLong",
  "TimedOut",
  "OutputTooLarge",
  "InvalidCommand",
  "Unsupported",
  "InputFailed"
)

/**
 * @since 0.1.0
 * @category models
 */
export type RemoteCommandReason = typeof RemoteCommandReason.Type

/**
 * A command failed although the host was reached. Secrets interpolated with `sh` are masked in every field.
 *
 * @since 0.1.0
 * @category errors
 * @example
 * ```ts
 * import { Command } from "@effect/platform"
 * import { RemoteContext } from "@effect-remote/core"
 * import { Effect } from "effect"
 *
 * const files = RemoteContext.lines(Command.make("ls", "/data")).pipe(
 *   Effect.catchTag("RemoteCommandError", (error) =>
 *     error.reason === "Exit" && error.exitCode === 2 ? Effect.succeed([]) : Effect.fail(error))
 * )
 * ```
 */
export class RemoteCommandError extends Schema.TaggedError<RemoteCommandError>(
  "@effect-remote/core/RemoteCommandError"
)("RemoteCommandError", {
  reason: RemoteCommandReason,
  /** The host, as `user@host:port`. */
  host: Schema.String,
  /** The command as a shell line, secrets masked. */
  command: Schema.String,
  /** Description of the failure. */
  detail: Schema.String,
  exitCode: Schema.optional(Schema.Int),
  signal: Schema.optional(Schema.String),
  /** The end of stderr. */
  stderr: Schema.optionalWith(Schema.String, { default: () => "" }),
  /** The part of stdout that the verb had collected. */
  stdout: Schema.optionalWith(Schema.Uint8ArrayFromBase64, { default: () => new Uint8Array() }),
  cause: Schema.optional(Schema.Defect)
}) {
  /**
   * @since 0.1.0
   */
  override get message(): string {
    return paragraph(
      `${this.command} on ${this.host}: ${this.detail}`,
      this.stderr.trim().length === 0 ? undefined : `stderr ended with:\n${indent(this.stderr)}`
    )
  }
}

/**
 * Why a connection could not be made, or failed.
 *
 * - `InvalidHost`: an option of the host is invalid. Nothing was started.
 * - `Unreachable`: the connection was refused, no route was found, or the name does not resolve.
 * - `TimedOut`: connecting and opening a channel, or starting a command on it, took longer than `connectTimeout`.
 * - `AuthenticationFailed`: the server refused the keys, the password or the answers offered, or `answer` failed.
 * - `HostKeyUnknown`: the server's key is not known.
 * - `HostKeyMismatch`: the server's key differs from the known one.
 * - `HostKeyRevoked`: the server's key is revoked.
 * - `NegotiationFailed`: client and server have no algorithm in common.
 * - `ServerBusy`: the server refuses every login from this address for now (`PerSourcePenalties`, `MaxStartups`).
 * - `ConnectionLost`: the connection ended while it was in use. A request in flight may or may not have been carried out.
 * - `ChannelRefused`: the server did not open a channel (`MaxSessions`, forwarding forbidden, target refused).
 * - `ShellUnavailable`: the host does not have a POSIX shell at `/bin/sh`, or does not let it run.
 * - `Protocol`: the host sent a message that violates the protocol.
 * - `SshNotFound`: the program `ssh` was not found on this machine.
 * - `Unsupported`: the transport, the server or the platform does not support the request.
 * - `Unknown`: `ssh` failed for another reason. `output` holds its message.
 *
 * @since 0.1.0
 * @category models
 */
export const RemoteConnectionReason = Schema.Literal(
  "InvalidHost",
  "Unreachable",
  "TimedOut",
  "AuthenticationFailed",
  "HostKeyUnknown",
  "HostKeyMismatch",
  "HostKeyRevoked",
  "NegotiationFailed",
  "ServerBusy",
  "ConnectionLost",
  "ChannelRefused",
  "ShellUnavailable",
  "Protocol",
  "SshNotFound",
  "Unsupported",
  "Unknown"
)

/**
 * @since 0.1.0
 * @category models
 */
export type RemoteConnectionReason = typeof RemoteConnectionReason.Type

/**
 * A connection to a host could not be made, or failed.
 *
 * @since 0.1.0
 * @category errors
 * @example
 * ```ts
 * import { Command } from "@effect/platform"
 * import { RemoteContext } from "@effect-remote/core"
 * import { Effect } from "effect"
 *
 * const uptime = RemoteContext.string(Command.make("uptime")).pipe(
 *   Effect.retry({ times: 3, while: (error) => error._tag === "RemoteConnectionError" && error.reason === "Unreachable" })
 * )
 * ```
 */
export class RemoteConnectionError extends Schema.TaggedError<RemoteConnectionError>(
  "@effect-remote/core/RemoteConnectionError"
)("RemoteConnectionError", {
  reason: RemoteConnectionReason,
  /** The host, as `user@host:port`. */
  host: Schema.String,
  /** Description of the attempt and its failure. */
  detail: Schema.String,
  /** The end of the output of the host, or of `ssh`. */
  output: Schema.optionalWith(Schema.String, { default: () => "" }),
  /** Advice on how to fix it. */
  hint: Schema.optional(Schema.String),
  cause: Schema.optional(Schema.Defect)
}) {
  /**
   * @since 0.1.0
   */
  override get message(): string {
    return paragraph(
      `${this.host}: ${this.detail}`,
      this.output.trim().length === 0 ? undefined : indent(this.output),
      this.hint
    )
  }
}

/**
 * Why a tunnel could not be made, or could not connect to its local target.
 *
 * - `AddressInUse`: another process uses the local address.
 * - `AddressNotAvailable`: this machine does not have the local address, or the directory for the unix socket.
 * - `PermissionDenied`: this user may not listen on the address (for example on a port below 1024), or may not connect to
 *   it.
 * - `ConnectionRefused`: no program listens at the local target.
 * - `Unreachable`: no route to the local target was found, or its name does not resolve.
 * - `InvalidAddress`: the host is empty, the port is outside 0..65535, or the path of the unix socket is too long. Nothing was
 *   sent.
 * - `Unsupported`: this machine has no network (`LocalMachine`).
 * - `Unknown`: another failure, described by `detail` and `cause`.
 *
 * @since 0.1.0
 * @category models
 */
export const TunnelReason = Schema.Literal(
  "AddressInUse",
  "AddressNotAvailable",
  "PermissionDenied",
  "ConnectionRefused",
  "Unreachable",
  "InvalidAddress",
  "Unsupported",
  "Unknown"
)

/**
 * @since 0.1.0
 * @category models
 */
export type TunnelReason = typeof TunnelReason.Type

/**
 * A tunnel could not be made, or could not connect to its local target. `from` and `to` name its two ends.
 *
 * @since 0.1.0
 * @category errors
 */
export class TunnelError extends Schema.TaggedError<TunnelError>("@effect-remote/core/TunnelError")("TunnelError", {
  reason: TunnelReason,
  /** The address it listens on, if known: `127.0.0.1:8080`, a path, or `127.0.0.1:0 on luigi@worker-01`. */
  from: Schema.optional(Schema.String),
  /** The address it leads to, if known: `search.internal:9200 through luigi@worker-01`. */
  to: Schema.optional(Schema.String),
  detail: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {
  /**
   * @since 0.1.0
   */
  override get message(): string {
    const from = this.from === undefined ? "" : ` from ${this.from}`
    return printable(`tunnel${from}${this.to === undefined ? "" : ` to ${this.to}`}: ${this.detail}`)
  }
}

/**
 * The status that an SFTP server returned for a failed request (draft-ietf-secsh-filexfer-02, section 7). It is the cause of
 * the `PlatformError`. Version 3 of the protocol has few codes: most failures have code 4, "failure".
 *
 * @since 0.1.0
 * @category errors
 */
export class SftpStatusError extends Schema.TaggedError<SftpStatusError>("@effect-remote/core/SftpStatusError")(
  "SftpStatusError",
  {
    code: Schema.Int,
    /** The server's error message. */
    detail: Schema.String
  }
) {
  /**
   * @since 0.1.0
   */
  override get message(): string {
    return printable(`SFTP status ${this.code}: ${this.detail}`)
  }
}

const isConnectionError = Schema.is(RemoteConnectionError)

/**
 * Finds the `RemoteConnectionError` in an error: the error itself, or the cause of a `PlatformError` of the platform's
 * `CommandExecutor` or `FileSystem`.
 *
 * @since 0.1.0
 * @category accessors
 * @example
 * ```ts
 * import { Command } from "@effect/platform"
 * import { RemoteError } from "@effect-remote/core"
 * import { Console, Effect, Option } from "effect"
 *
 * // `Command.string` needs the platform's executor, which may be a remote one
 * const uptime = Command.string(Command.make("uptime")).pipe(
 *   Effect.tapError((error) =>
 *     Option.match(RemoteError.findConnectionError(error), {
 *       onNone: () => Console.error("uptime failed"),
 *       onSome: ({ reason }) => Console.error(`no connection: ${reason}`)
 *     })
 *   )
 * )
 * ```
 */
export const findConnectionError = (error: unknown): Option.Option<RemoteConnectionError> => {
  if (isConnectionError(error)) return Option.some(error)
  return isPlatformError(error) && error.cause !== undefined ? findConnectionError(error.cause) : Option.none()
}

const isPlatformError: Predicate.Refinement<unknown, PlatformError> = Schema.is(PlatformError)

const transient: ReadonlyArray<RemoteConnectionReason> = ["Unreachable", "TimedOut", "ServerBusy", "ConnectionLost"]

/**
 * Whether an error is a connection failure that a retry may fix: `Unreachable`, `TimedOut`, `ServerBusy` or `ConnectionLost`,
 * also as the cause of a `PlatformError`. `OpenSsh` reconnects after these. Other reasons, such as `AuthenticationFailed`, are
 * permanent.
 *
 * After `ConnectionLost`, a command may have run. Retry only commands that may run twice.
 *
 * @since 0.1.0
 * @category guards
 * @example
 * ```ts
 * import { Command } from "@effect/platform"
 * import { RemoteContext, RemoteError } from "@effect-remote/core"
 * import { Effect } from "effect"
 *
 * const uptime = RemoteContext.string(Command.make("uptime")).pipe(
 *   Effect.retry({ times: 3, while: RemoteError.isTransient })
 * )
 * ```
 */
export const isTransient = (error: unknown): boolean =>
  Option.exists(findConnectionError(error), ({ reason }) => transient.includes(reason))

const isCommandError = Schema.is(RemoteCommandError)

/**
 * Whether an error is an exit code other than 0: `code`, or any if `code` is left out.
 *
 * @since 0.1.0
 * @category guards
 * @example
 * ```ts
 * import { Command } from "@effect/platform"
 * import { RemoteContext, RemoteError } from "@effect-remote/core"
 * import { Effect } from "effect"
 *
 * // grep ends with 1 if no line matches
 * const matches = RemoteContext.lines(Command.make("grep", "ERROR", "/var/log/app.log")).pipe(
 *   Effect.catchIf((error) => RemoteError.isExit(error, 1), () => Effect.succeed([]))
 * )
 * ```
 */
export const isExit = (
  error: unknown,
  code?: number
): error is RemoteCommandError & { readonly reason: "Exit"; readonly exitCode: number } =>
  isCommandError(error) && error.reason === "Exit" && (code === undefined || error.exitCode === code)
