/**
 * The `ssh` process of one channel.
 */
import type { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { ChildProcessWithoutNullStreams } from "node:child_process"
import type { Readable } from "node:stream"
import * as duplex from "../local/duplex.js"
import * as children from "../ssh/child.js"

/** @internal */
export interface SshProcess {
  readonly pid: number
  readonly stdout: Effect.Effect<Option.Option<Uint8Array>>
  readonly stderr: Effect.Effect<Option.Option<Uint8Array>>
  readonly write: (bytes: Uint8Array) => Effect.Effect<boolean>
  readonly end: Effect.Effect<void>
  /** Waits for the exit. Succeeds with the exit code, or `null` if a signal ended it. */
  readonly exited: Effect.Effect<number | null>
}

// A broken pipe reads as end of file. The exit code and the log have the reason.
const output = (stream: Readable): SshProcess["stdout"] =>
  Effect.catchAll(duplex.reader(stream, (cause) => cause), () => Effect.succeed(Option.none()))

/**
 * Starts `ssh`, which ends with the scope.
 *
 * @internal
 */
export const make = (
  host: string,
  ssh: string,
  args: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>>
): Effect.Effect<SshProcess, RemoteConnectionError, Scope.Scope> =>
  Effect.map(
    children.make<ChildProcessWithoutNullStreams>({
      host,
      ssh,
      args,
      environment,
      stdio: ["pipe", "pipe", "pipe"]
    }),
    (child) => ({
      pid: child.pid ?? 0,
      stdout: output(child.stdout),
      stderr: output(child.stderr),
      ...duplex.writer(child.stdin),
      exited: children.whenExited(child)
    })
  )
