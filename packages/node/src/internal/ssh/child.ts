/**
 * An `ssh`, from its start until nothing is left of it. It ends with this program, however that ends.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import * as Finalizer from "@effect-remote/core/unstable/Finalizer"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, type IOType, spawn } from "node:child_process"
import * as process from "node:process"
import type { Readable } from "node:stream"

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

// A second process waits for the end of descriptor 3, whose other end this program holds, and takes `ssh` with it. A line
// there says that `ssh` has ended by itself: then its process id is nobody's, or another process's.
const watched = `{ IFS= read -r _ <&3 || kill "$$"; } </dev/null >/dev/null 2>&1 & exec "$@" 3<&-`

/**
 * Whether that is how the shell says that it did not find `ssh`.
 *
 * @internal
 */
export const isMissing = (code: number | null, log: string): boolean => code === 127 && /^sh: |^\/bin\/sh: /m.test(log)

// A helper that a ProxyCommand has started may hold the outputs of an `ssh` that has ended. What is in them is read first:
// reading goes on while less is held than the stream's limit, and the immediate comes after what can be read now.
const closeWhenEmpty = (stream: Readable): void => {
  const timer = setInterval(() => {
    setImmediate(() => {
      if (stream.readableLength === 0) stream.destroy()
    })
  }, 500)
  stream.once("close", () => clearInterval(timer))
}

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
  readonly ssh: string
  readonly args: ReadonlyArray<string>
  readonly environment: Readonly<Record<string, string>>
  readonly stdio: readonly [stdin: IOType, stdout: IOType, stderr: IOType]
}

/**
 * Starts a child. The scope ends it: TERM, and KILL if it is still there after two seconds. No interruption ends this.
 *
 * @internal
 */
export const make = <Child extends ChildProcess>(
  { args, environment, host, ssh, stdio }: Options
): Effect.Effect<Child, RemoteConnectionError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Child, RemoteConnectionError>((resume) => {
      // A group of its own: a Ctrl-C at the terminal is for this program, which ends its commands by these children.
      const env = { ...process.env, ...shell(), ...environment }
      try {
        const child = spawn("/bin/sh", ["-c", watched, "sh", ssh, ...args], {
          env,
          stdio: [...stdio, "pipe"],
          detached: true
        })
        child.on("error", (cause) => resume(Effect.fail(spawnError(host, ssh, cause))))
        child.on("spawn", () => resume(Effect.succeed(child as Child)))
        for (const stream of child.stdio ?? []) stream?.on("error", () => {})
        const watch = (child.stdio ?? [])[3]
        child.on("exit", () => {
          if (watch !== null && watch !== undefined && "end" in watch) watch.end("\n")
          for (const stream of [child.stdout, child.stderr]) {
            if (stream !== null && !stream.closed) closeWhenEmpty(stream)
          }
        })
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
        Finalizer.apart,
        Effect.zipRight(Finalizer.bounded(exited, { left: `The process ${child.pid} of ${ssh} may still run` }))
      )
    }
  )
