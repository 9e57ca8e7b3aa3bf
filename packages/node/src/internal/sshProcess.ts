/**
 * One `ssh` child, from its start until nothing is left of it.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import * as process from "node:process"
import type { Readable } from "node:stream"
import * as duplex from "./duplex.js"

/** @internal */
export interface SshProcess {
  readonly pid: number
  readonly stdout: Effect.Effect<Option.Option<Uint8Array>>
  readonly stderr: Effect.Effect<Option.Option<Uint8Array>>
  readonly write: (bytes: Uint8Array) => Effect.Effect<boolean>
  readonly end: Effect.Effect<void>
  /** The exit code, once it is gone; `null` when a signal ended it. */
  readonly exited: Effect.Effect<number | null>
}

const spawnError = (host: string, ssh: string, cause: NodeJS.ErrnoException): RemoteConnectionError =>
  cause.code === "ENOENT"
    ? new RemoteConnectionError({
      reason: "SshNotFound",
      host,
      cause,
      detail: `there is no program ${JSON.stringify(ssh)} on this machine`,
      hint:
        "Install OpenSSH's client: apt-get install openssh-client, dnf install openssh-clients, apk add openssh-client."
    })
    : new RemoteConnectionError({ reason: "Unknown", host, cause, detail: `${ssh} did not start: ${cause.message}` })

// `ssh` runs LocalCommand and ProxyCommand by $SHELL, which for a service account runs nothing.
const shell = (): { readonly SHELL?: string } =>
  /\/(nologin|false|rbash|git-shell)$/.test(process.env.SHELL ?? "") ? { SHELL: "/bin/sh" } : {}

// A pipe of a child that breaks has ended; why is for the exit code and the log to say.
const output = (stream: Readable): SshProcess["stdout"] =>
  Effect.catchAll(duplex.reader(stream, (cause) => cause), () => Effect.succeed(Option.none()))

const whenExited = (child: ChildProcessWithoutNullStreams): Effect.Effect<number | null> =>
  Effect.async((resume) => {
    const onExit = () => resume(Effect.succeed(child.exitCode))
    if (child.exitCode !== null || child.signalCode !== null) return onExit()
    child.once("exit", onExit)
    return Effect.sync(() => child.off("exit", onExit))
  })

/**
 * Starts `ssh`. The scope ends it: TERM, and KILL if it is still there after two seconds.
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
    Effect.acquireRelease(
      Effect.async<ChildProcessWithoutNullStreams, RemoteConnectionError>((resume) => {
        // A group of its own: a Ctrl-C at the terminal is for this program, which ends its commands by these children.
        const options = { env: { ...process.env, ...shell(), ...environment }, stdio: "pipe", detached: true } as const
        try {
          const child = spawn(ssh, args, options)
          child.on("error", (cause) => resume(Effect.fail(spawnError(host, ssh, cause))))
          child.on("spawn", () => resume(Effect.succeed(child)))
          for (const stream of child.stdio ?? []) stream?.on("error", () => {})
        } catch (cause) {
          resume(Effect.fail(spawnError(host, ssh, cause as NodeJS.ErrnoException)))
        }
      }),
      (child) => {
        const exited = whenExited(child)
        return Effect.sync(() => {
          for (const stream of child.stdio) stream?.destroy()
          child.kill("SIGTERM")
        }).pipe(
          Effect.zipRight(Effect.timeoutOption(Effect.interruptible(exited), "2 seconds")),
          Effect.zipRight(Effect.sync(() => child.kill("SIGKILL"))),
          Effect.zipRight(exited)
        )
      }
    ),
    (child) => ({
      pid: child.pid ?? 0,
      stdout: output(child.stdout),
      stderr: output(child.stderr),
      write: duplex.writer(child.stdin),
      end: duplex.end(child.stdin),
      exited: whenExited(child)
    })
  )
