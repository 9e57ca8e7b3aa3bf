/**
 * The atomic write, as one bracket: *acquire* a hidden sibling that nobody else can have, *commit* it over the target in
 * one step, or *clean up*. Whoever reads the target sees the old file or the new one.
 */
import type { PlatformError, SystemErrorReason } from "@effect/platform/Error"
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { OpenFlags } from "../../protocol/Sftp.js"
import type { AtomicOptions } from "../../RemoteFileSystem.js"
import * as posixPath from "../posixPath.js"
import * as random from "../random.js"
import type { Attempt } from "../sftp/failure.js"
import * as failure from "../sftp/failure.js"
import type { OpenFile } from "../sftp/openFile.js"
import type { Operations } from "../sftp/operations.js"
import * as owner from "./owner.js"

type Fx<A> = Effect.Effect<A, PlatformError>

/** @internal */
export interface AtomicFile {
  /** Puts bytes behind those before. */
  readonly write: (bytes: Uint8Array) => Fx<void>
  /** What will have the name. */
  readonly file: OpenFile
  /** Gives the file its name. Once: asked again it does nothing. Without it the scope removes what was written. */
  readonly commit: Fx<void>
}

/** @internal */
export interface Options extends AtomicOptions {
  /** Default: true. */
  readonly makesParents?: boolean
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

const noEntry = Effect.succeedNone

/** @internal */
export const acquire = Effect.fnUntraced(function*(
  operations: Operations,
  method: string,
  path: string,
  { durable = false, ifAbsent = false, makesParents = true, mode, symlinks = "follow" }: Options
) {
  const at = (path: string): Attempt => ({ method, path })
  const refused = (reason: SystemErrorReason, description?: string) =>
    Effect.fail(failure.system(at(path), reason, undefined, description))

  yield* failure.checkPath(at(path))
  const named = yield* Effect.catchIf(Effect.asSome(operations.lstat(at(path))), failure.isNotFound, () => noEntry)
  if (path.endsWith("/") || Option.exists(named, failure.isDirectory)) {
    return yield* refused("BadResource", "it is a directory")
  }
  if (ifAbsent && Option.isSome(named)) return yield* refused("AlreadyExists")
  if (durable && !(yield* operations.offers(at(path), "fsync"))) {
    return yield* refused("Unknown", "the SFTP server cannot tell when a file is on the disk")
  }
  const isLink = Option.exists(named, failure.isSymbolicLink)
  const target = isLink && symlinks === "follow" ? yield* operations.realPath(at(path)) : path
  const existing = !isLink
    ? named
    : symlinks === "follow"
    ? yield* Effect.catchIf(Effect.asSome(operations.stat(at(target))), failure.isNotFound, () => noEntry)
    : Option.none()
  if (Option.exists(existing, failure.isDirectory)) return yield* refused("BadResource", "it is a directory")
  if (Option.exists(existing, (found) => !failure.isRegularFile(found))) {
    return yield* refused("BadResource", "it is no regular file")
  }
  // A set-user-id bit belongs to the owner it was set for, and the new file may have another one.
  const permissions = mode === undefined
    ? Option.getOrUndefined(
      Option.flatMapNullable(
        existing,
        ({ permissions }) => permissions === undefined ? undefined : permissions & readWriteExecute
      )
    )
    : mode & permissionBits

  const directory = posixPath.parent(target)
  const temporary = posixPath.join(directory, temporaryName(yield* random.hex))
  const create = operations.open(
    at(temporary),
    OpenFlags.write | OpenFlags.create | OpenFlags.exclusive,
    permissions === undefined ? {} : { permissions }
  )

  let isCommitted = false
  // Registered before the file is made, so that nothing can come between; a file that is not there is no matter.
  yield* Effect.addFinalizer(() =>
    isCommitted
      ? Effect.void
      : operations.removeFile(at(temporary)).pipe(
        Effect.interruptible,
        Effect.timeoutOption("10 seconds"),
        Effect.catchIf(failure.isNotFound, () => Effect.void),
        Effect.ignoreLogged
      )
  )
  let made: ReadonlyArray<string> = []
  const file = yield* Effect.catchIf(
    create,
    (error) => makesParents && failure.isNotFound(error),
    () =>
      Effect.flatMap(makeDirectories(operations, at(directory), {}), (directories) => {
        made = directories
        return create
      })
  )
  const { settling, write } = file.writer(0n)

  // Opened before the commit, which is not to fail for it: a directory that may not be read is not synced.
  const openDirectory = (path: string) => Effect.option(operations.open(at(path), OpenFlags.read, {}))
  const directories = durable
    ? Array.getSomes(yield* Effect.forEach([directory, ...made.map(posixPath.parent)], openDirectory))
    : []

  // What the umask took away, a replaced file had. Who it belongs to shows in the same answer.
  const settle = (permissions: number | undefined) =>
    Effect.flatten(settling({ ...(permissions !== undefined && { attributes: { permissions } }), sync: true }))
  const settled = Effect.gen(function*() {
    const own = yield* settle(permissions)
    if (Option.isNone(existing)) return
    const kept = yield* owner.keep(file, own, existing.value, permissions)
    if (Option.isNone(kept)) return
    // A change of the owner takes some bits of the mode away.
    yield* settle(mode === undefined ? kept.value : permissions)
  })
  const canLoseNothing = yield* operations.offers(at(path), "fsync")

  const giveName = ifAbsent ? operations.renameIfAbsent : operations.rename

  const commit = Effect.suspend(() => {
    if (isCommitted) return Effect.void
    return Effect.gen(function*() {
      yield* settled
      // What is on the disk already loses nothing when it is closed: the name can be asked for in the same go.
      const closed = yield* file.closing
      if (!canLoseNothing) yield* closed
      // The one step that cannot be taken back. It has its own limit, since nothing may interrupt it.
      yield* Effect.uninterruptible(Effect.map(
        Effect.timeoutFail(Effect.interruptible(giveName(at(temporary), target)), {
          duration: renamedWithin,
          onTimeout: () =>
            failure.system(at(path), "TimedOut", undefined, "the host did not answer; the new file may be there or not")
        }),
        () => {
          isCommitted = true
        }
      ))
      yield* closed
      yield* Effect.forEach(directories, ({ sync }) => sync, { discard: true })
    })
  })
  const atomic: AtomicFile = { write, file, commit }
  return atomic
})

/**
 * Makes a directory and what is missing above it, and tells which ones. One that exists is fine.
 *
 * @internal
 */
export const makeDirectories = (
  operations: Operations,
  attempt: Attempt,
  attributes: { readonly permissions?: number }
): Fx<ReadonlyArray<string>> => {
  const above = posixPath.parent(attempt.path)
  const make = Effect.as(operations.makeDirectory(attempt, attributes), [attempt.path])
  const made: Fx<ReadonlyArray<string>> = Effect.catchIf(
    make,
    (error) => failure.isNotFound(error) && above !== attempt.path,
    () =>
      Effect.zipWith(
        // A link to nothing is there, and no directory.
        Effect.catchIf(
          makeDirectories(operations, { ...attempt, path: above }, attributes),
          failure.isNotFound,
          (error) => Effect.fail(failure.system(attempt, "BadResource", error))
        ),
        make,
        (above, [path]) => [...above, path!]
      )
  )
  return Effect.catchIf(
    made,
    failure.isReason("AlreadyExists"),
    (error) =>
      Effect.flatMap(
        operations.stat(attempt),
        (found) => failure.isDirectory(found) ? Effect.succeed([]) : Effect.fail(error)
      )
  )
}
