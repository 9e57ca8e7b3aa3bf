/**
 * Doubles that are wrong on purpose, for the test of the test.
 */
import type { RemoteFileSystem } from "@effect-remote/core/RemoteFileSystem"
import { ExitCode } from "@effect/platform/CommandExecutor"
import { Effect } from "effect"
import type { Defect } from "./sides.js"

const withFiles = (change: (files: RemoteFileSystem) => Partial<RemoteFileSystem>): Defect => (side) => ({
  ...side,
  files: { ...side.files, ...change(side.files) }
})

/** Defects to put into a side, by description. */
export const defects: Readonly<Record<string, Defect>> = {
  "a rename that does not replace": withFiles((files) => ({
    rename: (from, to) =>
      Effect.zipRight(
        Effect.whenEffect(files.remove(from), Effect.orElseSucceed(files.exists(to), () => false)),
        Effect.ignore(files.rename(from, to))
      )
  })),
  "a truncation that does not fill up with zeros": withFiles((files) => ({
    truncate: (path, length = 0) =>
      Effect.gen(function*() {
        const { size } = yield* files.stat(path)
        yield* files.truncate(path, length)
        if (Number(length) > Number(size)) {
          yield* files.writeFile(path, new Uint8Array(Number(length) - Number(size)).fill(120), { flag: "a" })
        }
      })
  })),
  "directories that ignore the umask": withFiles((files) => ({
    makeDirectory: (path, options = {}) =>
      Effect.zipRight(
        files.makeDirectory(path, options),
        options.mode === undefined ? Effect.void : files.chmod(path, options.mode)
      )
  })),
  "an exit code that is 1 for every failure": (side) => ({
    ...side,
    context: {
      ...side.context,
      start: (command, options) =>
        Effect.map(side.context.start(command, options), (process) => ({
          ...process,
          exitCode: Effect.map(process.exitCode, (code) => ExitCode(Math.min(code, 1)))
        }))
    }
  })
}
