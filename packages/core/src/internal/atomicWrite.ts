/**
 * The atomic write, as one bracket: *acquire* a hidden sibling that nobody else can have, *commit* it over the target in
 * one step, or *clean up*. Whoever reads the target sees the old file or the new one.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { OpenFlags } from "../protocol/Sftp.js"
import * as posixPath from "./posixPath.js"
import * as random from "./random.js"
import type { Attempt } from "./sftp/failure.js"
import * as failure from "./sftp/failure.js"
import type { Operations } from "./sftp/operations.js"

type Fx<A> = Effect.Effect<A, PlatformError>

/** @internal */
export interface AtomicFile {
  /** Puts bytes behind those before. */
  readonly write: (bytes: Uint8Array) => Fx<void>
  /** Gives the file its name. Once: asked again it does nothing. Without it the scope removes what was written. */
  readonly commit: Fx<void>
}

const permissionBits = 0o7777
const readWriteExecute = 0o777

const renamedWithin = "30 seconds"

/**
 * Hidden, and long enough that nobody can guess it; its length does not depend on the target's, which may be the longest.
 *
 * @internal
 */
export const temporaryName = (unguessable: string): string => `.effect-remote-${unguessable}.tmp`

/** @internal */
export const acquire = Effect.fnUntraced(function*(
  operations: Operations,
  method: string,
  path: string,
  options: { readonly mode?: number | undefined }
) {
  const at = (path: string): Attempt => ({ method, path })
  const isNotFound = (error: PlatformError) => error._tag === "SystemError" && error.reason === "NotFound"

  yield* failure.checkPath(at(path))
  // A link is followed, as by any write: what it names is replaced, not the link.
  const target = yield* Effect.matchEffect(operations.lstat(at(path)), {
    onFailure: (error) => isNotFound(error) ? Effect.succeed(path) : Effect.fail(error),
    onSuccess: (found) => failure.isSymbolicLink(found) ? operations.realPath(at(path)) : Effect.succeed(path)
  })
  const existing = yield* Effect.catchIf(
    Effect.asSome(operations.stat(at(target))),
    isNotFound,
    () => Effect.succeedNone
  )
  if (path.endsWith("/") || Option.exists(existing, failure.isDirectory)) {
    return yield* Effect.fail(failure.system(at(path), "BadResource", undefined, "it is a directory"))
  }
  if (Option.exists(existing, (found) => !failure.isRegularFile(found))) {
    return yield* Effect.fail(failure.system(at(path), "BadResource", undefined, "it is no regular file"))
  }
  // A set-user-id bit belongs to the owner it was set for, and the new file may have another one.
  const permissions = options.mode === undefined
    ? Option.getOrUndefined(
      Option.flatMapNullable(
        existing,
        ({ permissions }) => permissions === undefined ? undefined : permissions & readWriteExecute
      )
    )
    : options.mode & permissionBits

  const directory = posixPath.parent(target)
  const temporary = posixPath.join(directory, temporaryName(yield* random.hex))
  const create = operations.open(
    at(temporary),
    OpenFlags.write | OpenFlags.create | OpenFlags.exclusive,
    permissions === undefined ? {} : { permissions }
  )

  let state: "open" | "committed" = "open"
  // Registered before the file is made, so that nothing can come between; a file that is not there is no matter.
  yield* Effect.addFinalizer(() =>
    state === "committed"
      ? Effect.void
      : operations.removeFile(at(temporary)).pipe(
        Effect.interruptible,
        Effect.timeoutOption("10 seconds"),
        Effect.catchIf(isNotFound, () => Effect.void),
        Effect.ignoreLogged
      )
  )
  const file = yield* Effect.catchIf(
    create,
    isNotFound,
    () => Effect.zipRight(makeDirectories(operations, at(directory), {}), create)
  )
  const { flush, write } = file.writer(0n)

  const commit = Effect.suspend(() => {
    if (state === "committed") return Effect.void
    return Effect.gen(function*() {
      yield* flush
      // What the umask took away, a replaced file had.
      if (permissions !== undefined) yield* file.setAttributes({ permissions })
      yield* file.sync
      yield* file.close
      // The one step that cannot be taken back. It has its own limit, since nothing may interrupt it.
      yield* Effect.uninterruptible(Effect.map(
        Effect.timeoutFail(Effect.interruptible(operations.rename(at(temporary), target)), {
          duration: renamedWithin,
          onTimeout: () =>
            failure.system(at(path), "TimedOut", undefined, "the host did not answer; the new file may be there or not")
        }),
        () => {
          state = "committed"
        }
      ))
    })
  })
  const atomic: AtomicFile = { write, commit }
  return atomic
})

/**
 * Makes a directory and what is missing above it. One that exists is fine.
 *
 * @internal
 */
export const makeDirectories = (
  operations: Operations,
  attempt: Attempt,
  attributes: { readonly permissions?: number }
): Fx<void> => {
  const above = posixPath.parent(attempt.path)
  const make = operations.makeDirectory(attempt, attributes)
  const made = Effect.catchIf(
    make,
    (error) => error._tag === "SystemError" && error.reason === "NotFound" && above !== attempt.path,
    () => Effect.zipRight(makeDirectories(operations, { ...attempt, path: above }, attributes), make)
  )
  return Effect.catchIf(
    made,
    (error) => error._tag === "SystemError" && error.reason === "AlreadyExists",
    (error) =>
      Effect.flatMap(operations.stat(attempt), (found) => failure.isDirectory(found) ? Effect.void : Effect.fail(error))
  )
}
