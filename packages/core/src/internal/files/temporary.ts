/**
 * Temporary files and directories, in `/tmp` unless another directory is given.
 */
import type { PlatformError } from "@effect/platform/Error"
import type { MakeTempDirectoryOptions, MakeTempFileOptions } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import { OpenFlags } from "../../protocol/Sftp.js"
import * as posixPath from "../posixPath.js"
import * as random from "../random.js"
import * as failure from "../sftp/failure.js"
import type { Operations } from "../sftp/operations.js"

type Fx<A> = Effect.Effect<A, PlatformError>

const nobodyElse = { directory: { permissions: 0o700 }, file: { permissions: 0o600 } }

// What the platform's own leaves to chance is six characters long.
const lengthOfChance = 12

/** @internal */
export const makeDirectory = (
  operations: Operations,
  method: string,
  { directory = "/tmp", prefix = "" }: MakeTempDirectoryOptions = {}
): Fx<string> =>
  Effect.flatMap(random.hex, (unguessable) => {
    const path = posixPath.join(directory, `${prefix}${unguessable.slice(0, lengthOfChance)}`)
    return prefix.includes("/")
      ? Effect.fail(failure.badArgument({ method, path }, `the prefix ${JSON.stringify(prefix)} holds a "/"`))
      : Effect.as(operations.makeDirectory({ method, path }, nobodyElse.directory), path)
  })

/**
 * A file in a directory of its own, as the platform's.
 *
 * @internal
 */
export const makeFile = (
  operations: Operations,
  method: string,
  options: MakeTempFileOptions = {}
): Fx<string> =>
  Effect.gen(function*() {
    const { suffix = "" } = options
    if (suffix.includes("/")) {
      return yield* Effect.fail(
        failure.badArgument({ method, path: suffix }, `the suffix ${JSON.stringify(suffix)} holds a "/"`)
      )
    }
    const directory = yield* makeDirectory(operations, method, options)
    const unguessable = yield* random.hex
    const path = posixPath.join(directory, `${unguessable.slice(0, lengthOfChance)}${suffix}`)
    const create = operations.open(
      { method, path },
      OpenFlags.write | OpenFlags.create | OpenFlags.exclusive,
      nobodyElse.file
    )
    yield* Effect.onError(
      Effect.scoped(create),
      () => Effect.ignoreLogged(operations.removeDirectory({ method, path: directory }))
    )
    return path
  })
