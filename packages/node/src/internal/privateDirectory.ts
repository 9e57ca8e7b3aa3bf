import * as Effect from "effect/Effect"
import { type ChildProcess, spawn } from "node:child_process"
import * as Fs from "node:fs/promises"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"

const temporary = (prefix: string) =>
  Effect.acquireRelease(
    Effect.tryPromise(() => Fs.mkdtemp(prefix)),
    (path) => Effect.ignoreLogged(Effect.tryPromise(() => Fs.rm(path, { recursive: true, force: true })))
  )

// Removes the directory if this program ends without closing the scope: then its input ends without a line. It works in the
// directory, so it reaches nothing else. An `ssh` that is still ending may add a file.
const remover = `IFS= read -r _ && exit
for _ in 1 2 3 4 5; do
  rm -rf ./*
  rmdir "$0" && exit
  sleep 1
done`

// In a session of its own, where no signal from a terminal reaches it. It does not keep this program from ending.
const watch = (directory: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn("/bin/sh", ["-c", remover, Path.resolve(directory)], {
        cwd: directory,
        stdio: ["pipe", "ignore", "ignore"],
        detached: true
      })
      child.on("error", () => {})
      child.stdin.on("error", () => {})
      child.unref()
      if (child.stdin instanceof Net.Socket) child.stdin.unref()
      return child
    }),
    dismiss
  )

const dismiss = (child: ChildProcess) =>
  Effect.async<void>((resume) => {
    const done = () => resume(Effect.void)
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return done()
    child.once("exit", done)
    child.stdin?.end("\n")
  }).pipe(Effect.interruptible, Effect.timeoutOption("1 second"))

/**
 * A directory that only this user can enter (0700). It is removed with the scope, and by another process if this program is
 * killed.
 *
 * @internal
 */
export const make = Effect.tap(Effect.suspend(() => temporary(Path.join(Os.tmpdir(), "effect-remote-"))), watch)

/**
 * One within another, for one channel or connection.
 *
 * @internal
 */
export const within = (directory: string) => temporary(Path.join(directory, "c-"))

/**
 * Writes a file that only this user can read, or run.
 *
 * @internal
 */
export const write = (path: string, text: string, mode: 0o600 | 0o700 = 0o600) =>
  Effect.tryPromise(() => Fs.writeFile(path, text, { mode, flag: "wx" }))
