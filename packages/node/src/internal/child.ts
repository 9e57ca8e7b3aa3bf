/**
 * A child process, from its start until nothing is left of it.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn, type StdioOptions } from "node:child_process"
import * as process from "node:process"

/** @internal */
export const notFound = (host: string, ssh: string, cause?: unknown): RemoteConnectionError =>
  new RemoteConnectionError({
    reason: "SshNotFound",
    host,
    cause,
    detail: `there is no program ${JSON.stringify(ssh)} on this machine`,
    hint:
      "Install OpenSSH's client: apt-get install openssh-client, dnf install openssh-clients, apk add openssh-client."
  })

const spawnError = (host: string, ssh: string, cause: NodeJS.ErrnoException): RemoteConnectionError =>
  cause.code === "ENOENT"
    ? notFound(host, ssh, cause)
    : new RemoteConnectionError({ reason: "Unknown", host, cause, detail: `${ssh} did not start: ${cause.message}` })

// `ssh` runs LocalCommand and ProxyCommand by $SHELL, which for a service account runs nothing.
const shell = (): { readonly SHELL?: string } =>
  /\/(nologin|false|rbash|git-shell)$/.test(process.env.SHELL ?? "") ? { SHELL: "/bin/sh" } : {}

/**
 * The exit code, once it is gone; `null` when a signal ended it.
 *
 * @internal
 */
export const whenExited = (child: ChildProcess): Effect.Effect<number | null> =>
  Effect.async((resume) => {
    const onExit = () => resume(Effect.succeed(child.exitCode))
    if (child.exitCode !== null || child.signalCode !== null) return onExit()
    child.once("exit", onExit)
    return Effect.sync(() => child.off("exit", onExit))
  })

/** @internal */
export interface Options {
  readonly host: string
  /** The `ssh` that this is about, for messages. */
  readonly ssh: string
  readonly program: string
  readonly args: ReadonlyArray<string>
  readonly environment: Readonly<Record<string, string>>
  readonly stdio: StdioOptions
}

/**
 * Starts a child. The scope ends it: TERM, and KILL if it is still there after two seconds.
 *
 * @internal
 */
export const make = <Child extends ChildProcess>(
  { args, environment, host, program, ssh, stdio }: Options
): Effect.Effect<Child, RemoteConnectionError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Child, RemoteConnectionError>((resume) => {
      // A group of its own: a Ctrl-C at the terminal is for this program, which ends its commands by these children.
      const options = { env: { ...process.env, ...shell(), ...environment }, stdio, detached: true } as const
      try {
        const child = spawn(program, args, options)
        child.on("error", (cause) => resume(Effect.fail(spawnError(host, ssh, cause))))
        child.on("spawn", () => resume(Effect.succeed(child as Child)))
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
  )
