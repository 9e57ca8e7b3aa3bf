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
 * A running command, started by `RemoteContext.start`. If its scope closes while it runs, its process group gets TERM, and
 * KILL after the grace period (`killAfter`).
 *
 * @since 0.1.0
 * @category models
 */
export interface RemoteProcess {
  /** The process id on the host. The process group has the same id. 0 on a host with `shell: "none"`. */
  readonly pid: ProcessId
  /** Writes the stream and then closes stdin. Stops early if the command has closed its stdin. */
  readonly stdin: Sink.Sink<void, Uint8Array, never, RemoteConnectionError>
  /** Can be read once. The command blocks while its output is not read. Fails if the connection is lost. */
  readonly stdout: Stream.Stream<Uint8Array, RemoteConnectionError>
  /**
   * Never blocks the command: before it is read, only its last 256 KiB are kept. With a pseudo-terminal it is empty, because
   * the terminal merges it into stdout.
   */
  readonly stderr: Stream.Stream<Uint8Array, RemoteConnectionError>
  /**
   * Waits for the exit status. Fails with a `RemoteCommandError` if a signal ended the command (`Signal`), or if it could
   * not be run (`ProgramNotFound` and similar reasons). Fails with a `RemoteConnectionError` if the connection was lost
   * before the exit status arrived.
   *
   * If a stream given as stdin fails, this fails at once with `InputFailed`. The command and `stdout` go on until the scope
   * closes. In a pipeline, the code is that of the last program that failed (see `StartOptions.pipefail`). A signal is then
   * 128 + its number, as in a shell.
   */
  readonly exitCode: Effect.Effect<ExitCode, RemoteCommandError | RemoteConnectionError>
  readonly isRunning: Effect.Effect<boolean>
  /**
   * Sends a signal to the process group and waits until the command has ended. If the command handles the signal and goes
   * on, this keeps waiting. Default: `SIGTERM`.
   */
  readonly kill: (signal?: Signal) => Effect.Effect<void, RemoteCommandError | RemoteConnectionError>
  /** Output of the login shell before the command began: its last 16 KiB, secrets masked. */
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
   * Runs the command with a pseudo-terminal: stderr is merged into stdout, stdin is echoed, and line ends become CR LF. The
   * command is passed as an argument, of at most 120 kB. While it starts, its arguments and environment are visible in the
   * host's process list. Default: false.
   *
   * The terminal interprets control characters of stdin, and cuts a line at 4095 bytes. The end of stdin is sent as ^D
   * (twice after an unfinished line), which one program reads as end of file. A program that has left canonical mode, such
   * as an editor, reads the character instead.
   */
  readonly pty?: Pty | boolean | undefined
  /**
   * Whether a pipeline (`Command.pipeTo`) fails if an earlier program fails, as with `set -o pipefail`. Its code is then
   * that of the last program that failed. The error's `detail` lists all codes. A program that SIGPIPE ended (code 141) did
   * not fail: a later one, such as `head`, has read enough. A program that handles SIGPIPE and exits with another code did
   * fail. With `false`, only the last program counts, as in a local pipeline. On a host with `shell: "none"`, only the last
   * one counts in any case. Default: true.
   */
  readonly pipefail?: boolean | undefined
  /**
   * Time between TERM and KILL when a process group is terminated. A number is in milliseconds. Default: 5 seconds. If the host does not confirm the end
   * within 2 seconds more (5 without a guardian), a warning names the command, and the caller stops waiting. After a lost
   * connection, the guardian always waits 5 seconds.
   */
  readonly killAfter?: Duration.DurationInput | undefined
  /**
   * The host's action if the connection is lost or this program is killed. `"end"`: terminates the command and all processes
   * it started. `"keep"`: lets the command go on. Closing its scope terminates it in both cases. Default: `"end"`.
   */
  readonly onDisconnect?: "end" | "keep" | undefined
  /**
   * Adds the command line to its span as `process.command_line`. `Redacted` interpolations of `sh` are masked there. Any
   * other argument is shown, even if it is a secret. Default: false.
   */
  readonly traceCommand?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface RunOptions extends StartOptions {
  /**
   * Time limit from the call to the end of the command and of its output, including the connection. After it, the process
   * group is terminated, which takes up to `killAfter`, and the verb fails with `TimedOut`. A number is in milliseconds.
   * Default: none.
   *
   * A process that the command leaves in the background holds the output open. Redirect its output:
   * `daemon >/dev/null 2>&1 &`.
   */
  readonly timeout?: Duration.DurationInput | undefined
  /**
   * Maximum number of bytes of stdout. For `run`, of each output. For `streamLines`, maximum number of characters of one
   * line. If it is exceeded, the command is terminated and the verb fails with `OutputTooLarge`. Ignored by `stream` and
   * `exitCode`. Default: 64 MiB (67,108,864).
   */
  readonly maxOutput?: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface TextOptions extends RunOptions {
  /** Encoding of the output, as a label of `TextDecoder`. Invalid bytes become U+FFFD. Default: `"utf-8"`. */
  readonly encoding?: string | undefined
}

/**
 * The result of `RemoteContext.run`: both outputs, and the exit code or the signal.
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
