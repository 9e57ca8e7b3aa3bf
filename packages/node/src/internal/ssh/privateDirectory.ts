import * as Finalizer from "@effect-remote/core/unstable/Finalizer"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { type ChildProcess, spawn } from "node:child_process"
import * as Fs from "node:fs/promises"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import * as process from "node:process"

/**
 * Another user could replace the files in the directory.
 *
 * @internal
 */
export class UntrustedDirectory extends Data.TaggedError("UntrustedDirectory")<{ readonly detail: string }> {}

const everybodyWrites = 0o002
const sticky = 0o1000

// In a container, the user id of a file whose owner has no id there.
const unmapped = 65534

const withAbove = (path: string): ReadonlyArray<string> => {
  const above = Path.dirname(path)
  return above === path ? [path] : [path, ...withAbove(above)]
}

const distrust = async (directory: string): Promise<string | undefined> => {
  const own = process.getuid?.()
  if (own === undefined) return undefined
  const paths = [...withAbove(Path.resolve(directory)), ...withAbove(await Fs.realpath(directory))]
  for (const path of new Set(paths)) {
    const found = await Fs.lstat(path)
    if (![0, own, unmapped].includes(found.uid)) return `${path} belongs to another user (${found.uid})`
    if (found.isDirectory() && (found.mode & everybodyWrites) !== 0 && (found.mode & sticky) === 0) {
      return `everybody may write to ${path}, which has no sticky bit`
    }
  }
  return undefined
}

// `ssh` runs commands that it reads from files in the directory.
const checkTrust = (directory: string) =>
  Effect.flatMap(
    Effect.tryPromise(() => distrust(directory)),
    (detail) => detail === undefined ? Effect.void : Effect.fail(new UntrustedDirectory({ detail }))
  )

const temporary = (prefix: string) =>
  Effect.acquireRelease(
    Effect.tryPromise(() => Fs.mkdtemp(prefix)),
    (path) => Effect.ignoreLogged(Effect.tryPromise(() => Fs.rm(path, { recursive: true, force: true })))
  )

// Removes the directory if this program ends without closing the scope: its input then ends without a line. Relative paths
// keep it within the directory. It tries again because an `ssh` that is still ending may add a file.
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
  }).pipe(Effect.interruptible, Effect.timeoutOption("1 second"), Finalizer.apart)

/**
 * Makes a directory that only this user can enter (0700). Fails with `UntrustedDirectory` if another user could replace it.
 * The scope removes it, or another process if this program is killed.
 *
 * @internal
 */
export const make = Effect.suspend(() => {
  const above = Os.tmpdir()
  return checkTrust(above).pipe(
    Effect.zipRight(temporary(Path.join(above, "effect-remote-"))),
    Effect.tap(watch)
  )
})

/**
 * Makes a subdirectory for one channel or connection.
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
