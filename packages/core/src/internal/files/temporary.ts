/**
 * Temporary files and directories, in `/tmp` unless another directory is given.
 */
import type { PlatformError } from "@effect/platform/Error"
import type { FileSystem, MakeTempDirectoryOptions, MakeTempFileOptions } from "@effect/platform/FileSystem"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import { OpenFlags } from "../../protocol/Sftp.js"
import * as finalizer from "../lib/finalizer.js"
import type { Fx } from "../lib/fx.js"
import * as posixPath from "../lib/posixPath.js"
import * as random from "../lib/random.js"
import * as errors from "../sftp/errors.js"
import type { Operations } from "../sftp/requests.js"
import * as hiddenFile from "./hiddenFile.js"
import * as remove from "./remove.js"

const nobodyElse = { directory: { permissions: 0o700 }, file: { permissions: 0o600 } }

// Number of random characters. Node uses six.
const lengthOfChance = 12

// A large directory may take longer to remove than the grace of an interruption. After success there is more time.
const removedWithin = "30 seconds"

// A temporary file or directory, before and after it is created.
interface Temporary {
  readonly path: string
  readonly create: Fx<void>
  /** Removes it with what it contains, if it may exist. An interruption ends this after `finalizer.grace`. */
  readonly remove: (within: Duration.DurationInput) => Effect.Effect<void>
}

const checkName = (method: string, what: "prefix" | "suffix", name: string): Fx<void> =>
  name.includes("/")
    ? Effect.fail(
      errors.badArgument({ method, path: name }, `the ${what} ${JSON.stringify(name)} holds a "/"`)
    )
    : Effect.void

const unguessable = Effect.map(random.hex, (hex) => hex.slice(0, lengthOfChance))

const directory = (
  operations: Operations,
  method: string,
  { directory = "/tmp", prefix = "" }: MakeTempDirectoryOptions = {}
): Fx<Temporary> =>
  Effect.gen(function*() {
    yield* checkName(method, "prefix", prefix)
    const path = posixPath.join(directory, `${prefix}${yield* unguessable}`)
    const hidden = hiddenFile.named(path)
    const temporary: Temporary = {
      path,
      create: hiddenFile.creating(
        hidden,
        operations.makeDirectory({ method, path }, nobodyElse.directory, { isTemporary: true })
      ),
      remove: (within) =>
        Effect.suspend(() =>
          hidden.mayExist
            ? finalizer.patient(remove.remove(operations, { method, path }, { recursive: true, force: true }), {
              left: `The temporary directory ${JSON.stringify(path)} may remain`,
              within
            })
            : Effect.void
        )
    }
    return temporary
  })

// A file in a directory of its own, as Node's implementation makes it.
const file = (
  operations: Operations,
  method: string,
  options: MakeTempFileOptions = {}
): Fx<Temporary> =>
  Effect.gen(function*() {
    const { suffix = "" } = options
    yield* checkName(method, "suffix", suffix)
    const parent = yield* directory(operations, method, options)
    const path = posixPath.join(parent.path, `${yield* unguessable}${suffix}`)
    const opened = operations.open(
      { method, path },
      OpenFlags.write | OpenFlags.create | OpenFlags.exclusive,
      nobodyElse.file,
      { isTemporary: true }
    )
    const temporary: Temporary = {
      path,
      create: Effect.zipRight(parent.create, Effect.scoped(Effect.asVoid(opened))),
      remove: parent.remove
    }
    return temporary
  })

// Creates a temporary file or directory. Removes it if that fails or is interrupted.
const make = (named: Fx<Temporary>): Fx<string> =>
  Effect.flatMap(
    named,
    ({ create, path, remove }) => Effect.as(Effect.onError(create, () => remove(finalizer.grace)), path)
  )

// Creates a temporary file or directory, and removes it when the scope closes.
const scoped = (named: Fx<Temporary>): Effect.Effect<string, PlatformError, Scope.Scope> =>
  Effect.flatMap(named, ({ create, path, remove }) =>
    // Registered first, so that an interruption between both is not missed.
    Effect.zipRight(
      Effect.addFinalizer((exit) => remove(Exit.isSuccess(exit) ? removedWithin : finalizer.grace)),
      Effect.as(create, path)
    ))

type Methods = "makeTempDirectory" | "makeTempDirectoryScoped" | "makeTempFile" | "makeTempFileScoped"

/**
 * The methods of `RemoteFileSystem` for them.
 *
 * @internal
 */
export const methods = (operations: Operations): Pick<FileSystem, Methods> => ({
  makeTempDirectory: (options) => make(directory(operations, "makeTempDirectory", options)),
  makeTempDirectoryScoped: (options) => scoped(directory(operations, "makeTempDirectoryScoped", options)),
  makeTempFile: (options) => make(file(operations, "makeTempFile", options)),
  makeTempFileScoped: (options) => scoped(file(operations, "makeTempFileScoped", options))
})
