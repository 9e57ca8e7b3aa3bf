/**
 * A command that runs on another machine.
 *
 * @since 0.1.0
 */
import type { ExitCode, ProcessId, Signal } from "@effect/platform/CommandExecutor"
import type * as Effect from "effect/Effect"
import type * as Sink from "effect/Sink"
import type * as Stream from "effect/Stream"
import type { RemoteCommandError, RemoteConnectionError } from "./RemoteError.js"

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
   * Waits for the end. Fails with a `RemoteCommandError` when a signal ended it (`Signal`) or it could not be run
   * (`ProgramNotFound` and its siblings), and with a `RemoteConnectionError` when the connection was lost before the host
   * said how it ended. A stream given as stdin that fails is `InputFailed` here at once; `stdout` goes on until the scope
   * closes, which ends the command. In a pipeline the code is that of the last program that failed (see `StartOptions.pipefail`), and a signal shows as
   * 128 + its number, as in a shell.
   */
  readonly exitCode: Effect.Effect<ExitCode, RemoteCommandError | RemoteConnectionError>
  readonly isRunning: Effect.Effect<boolean>
  /**
   * Sends a signal (default `SIGTERM`) to the process group and waits until the command has ended. A command that handles
   * the signal and goes on keeps it waiting.
   */
  readonly kill: (signal?: Signal) => Effect.Effect<void, RemoteCommandError | RemoteConnectionError>
  /** What the login shell printed before the command began: the last 16 KiB, with secrets masked. */
  readonly loginOutput: Effect.Effect<string>
}
