/**
 * A command that runs on another machine.
 *
 * @since 0.1.0
 */
import type { ExitCode, ProcessId, Signal } from "@effect/platform/CommandExecutor"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Sink from "effect/Sink"
import type * as Stream from "effect/Stream"
import type { RemoteCommandError, RemoteConnectionError } from "./RemoteError.js"
import type { Pty } from "./RemoteHost.js"

/**
 * A running command, as `RemoteContext.start` gives it. When its scope closes before it has ended, its process group is
 * ended: TERM, then KILL after the grace period.
 *
 * @since 0.1.0
 * @category models
 */
export interface RemoteProcess {
  /** The process id on the host, also that of its process group; 0 on a host with `shell: "none"`. */
  readonly pid: ProcessId
  /** Runs to the end of the stream and ends the input, or stops early when the command reads no more. */
  readonly stdin: Sink.Sink<void, Uint8Array, never, RemoteConnectionError>
  /** Read once. Holds the command back while nobody reads; a lost connection fails it. */
  readonly stdout: Stream.Stream<Uint8Array, RemoteConnectionError>
  /**
   * Always drained, so that it never blocks the command: until it is read, its last 256 KiB are kept. With a
   * pseudo-terminal it is empty, what would go there is on `stdout`.
   */
  readonly stderr: Stream.Stream<Uint8Array, RemoteConnectionError>
  /**
   * Waits for the end. Fails with a `RemoteCommandError` if a signal ended the command (`Signal`), or if it could not be run
   * (`ProgramNotFound` and its siblings). Fails with a `RemoteConnectionError` if the connection was lost before the exit
   * status arrived. If a stream given as stdin fails, this fails with `InputFailed` at once; `stdout` goes on until the scope
   * closes, which ends the command. In a pipeline the code is that of the last program that failed (see
   * `StartOptions.pipefail`), and a signal shows as 128 + its number, as in a shell.
   */
  readonly exitCode: Effect.Effect<ExitCode, RemoteCommandError | RemoteConnectionError>
  readonly isRunning: Effect.Effect<boolean>
  /**
   * Sends a signal (default `SIGTERM`) to the process group and waits until the command has ended. A command that handles
   * the signal and goes on keeps it waiting.
   */
  readonly kill: (signal?: Signal) => Effect.Effect<void, RemoteCommandError | RemoteConnectionError>
  /** The last 16 KiB that the login shell printed before the command began, secrets masked. */
  readonly loginOutput: Effect.Effect<string>
}

/**
 * @since 0.1.0
 * @category models
 */
export type RunError = RemoteCommandError | RemoteConnectionError

/**
 * @since 0.1.0
 * @category models
 */
export interface StartOptions {
  /**
   * A pseudo-terminal: stderr is merged into stdout, stdin is echoed, line ends become CR LF, and the whole command must
   * fit into some 120 kB. Default: false. The command travels in an argument then, so that its words and its environment show
   * in the host's process list while it starts.
   *
   * stdin is typed: the terminal acts on control characters, and cuts a line at 4095 bytes. Its end is typed as ^D (twice
   * after an unfinished line), which one program reads as the end of its input. A program that has left the terminal's
   * canonical mode, as an editor does, gets the character instead.
   */
  readonly pty?: Pty | boolean | undefined
  /**
   * Whether a pipeline (`Command.pipeTo`) fails when an earlier program does, as with `set -o pipefail`. Its code is that of
   * the last program that failed, and the error has all of them. A program that SIGPIPE ended (code 141) has not failed,
   * because a later one, such as `head`, has read enough. A program that handles this by a code of its own has. With `false`
   * the last program alone counts, as locally. On a host with `shell: "none"` it always does. Default: true.
   */
  readonly pipefail?: boolean | undefined
  /**
   * How long a process group has between TERM and KILL when it must end. Default: 5 seconds. If the host does not confirm
   * the end within two seconds more, a warning is logged that names the command, and nothing waits for it any longer. Without
   * a guardian to ask, that is five seconds more. After a lost connection the guardian always waits 5 seconds.
   */
  readonly killAfter?: Duration.DurationInput | undefined
  /**
   * Whether the host ends the command if the connection is lost or this program is killed. With `"end"` it ends the command
   * and all that it has started. With `"keep"` the command goes on. Its scope ends it in either case. Default: `"end"`.
   */
  readonly onDisconnect?: "end" | "keep" | undefined
  /**
   * Whether the command is an attribute of its span (`process.command_line`). `Redacted` interpolations of `sh` are
   * masked there, but any other argument can be a secret. Default: false.
   */
  readonly traceCommand?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface RunOptions extends StartOptions {
  /**
   * From the call to the end of the command, connecting included. When it passes, the process group is ended, which may
   * take `killAfter` more, and the verb fails with `TimedOut`.
   */
  readonly timeout?: Duration.DurationInput | undefined
  /**
   * The most bytes of stdout that are collected. For `run`: the most bytes of each output. For `streamLines`: the most
   * characters of one line, of any number of lines. Beyond it the command is ended, and the verb fails with
   * `OutputTooLarge`. `stream` and `exitCode` have no such limit. Default: 64 MiB (67,108,864).
   */
  readonly maxOutput?: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface TextOptions extends RunOptions {
  /** As `TextDecoder` knows it. Default: `"utf-8"`, in which invalid bytes become U+FFFD. */
  readonly encoding?: string | undefined
}

/**
 * The outputs of a command and how it ended, as `RemoteContext.run` gives them.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunResult<out A = string> {
  /** All of stdout. */
  readonly stdout: A
  /** All of stderr. With a pseudo-terminal it is empty, because the terminal merges it into stdout. */
  readonly stderr: A
  /** The exit code. `undefined` if a signal ended the command. */
  readonly exitCode: ExitCode | undefined
  /**
   * The name of the signal that ended the command, such as `"SIGKILL"`. `undefined` if the command exited with a code, or if
   * the transport does not know the name (see `Capabilities.exitSignal`).
   */
  readonly signal: string | undefined
}
