/**
 * Starts and ends `ssh` processes. When this program ends or is killed, its `ssh` processes end too.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import * as Finalizer from "@effect-remote/core/unstable/Finalizer"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, type IOType, spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as process from "node:process"
import type { Readable } from "node:stream"
import { exportAsker } from "./askpass.js"

/** @internal */
export const notFound = (host: string, ssh: string, cause?: unknown): RemoteConnectionError =>
  new RemoteConnectionError({
    reason: "SshNotFound",
    host,
    cause,
    detail: `the program ${JSON.stringify(ssh)} was not found on this machine`,
    hint:
      "Install OpenSSH's client: apt-get install openssh-client, dnf install openssh-clients, apk add openssh-client."
  })

const spawnError = (host: string, ssh: string, cause: NodeJS.ErrnoException): RemoteConnectionError =>
  cause.code === "ENOENT"
    ? notFound(host, ssh, cause)
    : new RemoteConnectionError({ reason: "Unknown", host, cause, detail: `${ssh} did not start: ${cause.message}` })

// A second process reads descriptor 3, whose other end this program holds, and kills `ssh` at the end of input. A line means
// that `ssh` has exited by itself: its process id may then belong to another process.
const watched = `{ IFS= read -r _ <&3 || kill "$$"; } </dev/null >/dev/null 2>&1 & ${exportAsker} exec "$@" 3<&-`

/**
 * Whether code and log mean that the shell did not find `ssh`.
 *
 * @internal
 */
export const isMissing = (code: number | null, log: string): boolean => code === 127 && /^sh: |^\/bin\/sh: /m.test(log)

// A helper started by a ProxyCommand may keep the output pipes open after `ssh` has exited. A pipe is closed when it is
// empty: the stream reads ahead up to its limit, and the immediate runs after all data that is available now.
const closeWhenEmpty = (stream: Readable): void => {
  const timer = setInterval(() => {
    setImmediate(() => {
      if (stream.readableLength === 0) stream.destroy()
    })
  }, 500)
  stream.once("close", () => clearInterval(timer))
}

const isExecutable = (path: string): boolean => {
  try {
    Fs.accessSync(path, Fs.constants.X_OK)
    return true
  } catch {
    return false
  }
}

// `ssh` runs LocalCommand and ProxyCommand with $SHELL. The shell of a service account runs nothing, and may not exist.
const shell = (): { readonly SHELL?: string } => {
  const { SHELL = "/bin/sh" } = process.env
  return /\/(nologin|false|true|rbash|git-shell)$/.test(SHELL) || !isExecutable(SHELL) ? { SHELL: "/bin/sh" } : {}
}

/**
 * Waits until the child has exited. Its exit code, or `null` if a signal ended it.
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
 * Starts a child. The scope ends it: SIGTERM, then SIGKILL after two seconds. An interruption does not cut this short.
 *
 * @internal
 */
export const make = <Child extends ChildProcess>(
  { args, environment, host, ssh, stdio }: Options
): Effect.Effect<Child, RemoteConnectionError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Child, RemoteConnectionError>((resume) => {
      // A process group of its own: Ctrl-C at the terminal reaches this program alone, which ends its commands through `ssh`.
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
