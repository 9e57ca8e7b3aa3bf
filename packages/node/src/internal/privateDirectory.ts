import * as Effect from "effect/Effect"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"

const temporary = (prefix: string) =>
  Effect.acquireRelease(
    Effect.tryPromise(() => Fs.mkdtemp(prefix)),
    (path) => Effect.ignoreLogged(Effect.tryPromise(() => Fs.rm(path, { recursive: true, force: true })))
  )

/**
 * A directory that only this user can enter (0700), removed with the scope.
 *
 * @internal
 */
export const make = Effect.suspend(() => temporary(Path.join(Os.tmpdir(), "effect-remote-")))

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
