import * as Effect from "effect/Effect"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"

/**
 * A directory that only this user can enter (0700), removed with the scope.
 *
 * @internal
 */
export const make = Effect.acquireRelease(
  Effect.tryPromise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "effect-remote-"))),
  (path) => Effect.ignoreLogged(Effect.tryPromise(() => Fs.rm(path, { recursive: true, force: true })))
)

/**
 * Writes a file that only this user can read, or run.
 *
 * @internal
 */
export const write = (path: string, text: string, mode: 0o600 | 0o700 = 0o600) =>
  Effect.tryPromise(() => Fs.writeFile(path, text, { mode, flag: "wx" }))
