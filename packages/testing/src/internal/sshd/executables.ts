import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as childProcess from "node:child_process"
import * as fs from "node:fs/promises"
import * as path from "node:path"

const isExecutable = (file: string): Effect.Effect<boolean> =>
  Effect.promise(() =>
    fs.access(file, fs.constants.X_OK).then(() => fs.stat(file)).then((found) => found.isFile(), () => false)
  )

/** @internal */
export const isDirectory = (name: string): Effect.Effect<boolean> =>
  Effect.promise(() => fs.stat(name).then((found) => found.isDirectory(), () => false))

/**
 * The directories of `PATH`.
 *
 * @internal
 */
export const searchPath: Effect.Effect<ReadonlyArray<string>> = Config.string("PATH").pipe(
  Effect.map((value) => value.split(path.delimiter).filter((directory) => path.isAbsolute(directory))),
  Effect.orElseSucceed(() => ["/usr/local/bin", "/usr/bin", "/bin"])
)

/**
 * The absolute path of a program: itself if it is one, else in `directories`, else in `PATH`.
 *
 * @internal
 */
export const find = (name: string, directories: ReadonlyArray<string> = []): Effect.Effect<Option.Option<string>> =>
  Effect.flatMap(searchPath, (search) =>
    Effect.findFirst(
      path.isAbsolute(name) ? [name] : [...directories, ...search].map((directory) => path.join(directory, name)),
      isExecutable
    ))

/**
 * Runs a program to its end. Fails only if the program cannot be started.
 *
 * @internal
 */
export const run = (
  program: string,
  args: ReadonlyArray<string>
): Effect.Effect<{ readonly ok: boolean; readonly output: string }, Error> =>
  Effect.async((resume) => {
    const child = childProcess.execFile(program, args, (error, stdout, stderr) => {
      resume(
        error !== null && typeof error.code === "string"
          ? Effect.fail(error)
          : Effect.succeed({ ok: error === null, output: stdout + stderr })
      )
    })
    child.stdin?.end()
    return Effect.sync(() => child.kill("SIGKILL"))
  })
