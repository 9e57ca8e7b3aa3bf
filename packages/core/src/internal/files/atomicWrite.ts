/**
 * The atomic write, as one bracket: *acquire* a hidden sibling that nobody else can have, *commit* it over the target in
 * one step, or *clean up*. Whoever reads the target sees the old file or the new one.
 */
import type { PlatformError, SystemErrorReason } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type Attributes, OpenFlags } from "../../protocol/Sftp.js"
import * as fileMode from "../lib/fileMode.js"
import * as finalizer from "../lib/finalizer.js"
import type { Fx } from "../lib/fx.js"
import * as posixPath from "../lib/posixPath.js"
import type { CallContext } from "../sftp/callContext.js"
import * as checkPath from "../sftp/checkPath.js"
import * as errors from "../sftp/errors.js"
import type { OpenFile } from "../sftp/openFile.js"
import type { Operations } from "../sftp/requests.js"
import * as hiddenFile from "./hiddenFile.js"
import * as links from "./links.js"
import * as makeDirectories from "./makeDirectories.js"
import type { AtomicOptions } from "./models.js"
import * as owner from "./owner.js"

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

const renamedWithin = "30 seconds"

const noEntry = Effect.succeedNone

// What is whole in one go with what makes its file.
const small = 64 * 1024

/** What is to be written where, once nothing speaks against it. */
interface Plan {
  /** Whether the commit was interrupted before the host answered. */
  isInDoubt: boolean
  readonly at: (path: string) => CallContext
  /** What gets the new content: what the path names, or what that leads to. */
  readonly target: string
  readonly existing: Option.Option<Attributes>
  /** `undefined`: what a new file gets. */
  readonly permissions: number | undefined
  readonly directory: string
  readonly hidden: hiddenFile.Hidden
  /** Whether the mode is a given one, rather than that of what is there. */
  readonly hasMode: boolean
}

const makePlan = Effect.fnUntraced(function*(
  operations: Operations,
  method: string,
  path: string,
  { durable = false, ifAbsent = false, mode, symlinks = "follow" }: Options
) {
  const at = (path: string): CallContext => ({ method, path })
  const refused = (reason: SystemErrorReason, description?: string) =>
    Effect.fail(errors.system(at(path), reason, undefined, description))

  yield* checkPath.checkPath(at(path))
  const named = yield* Effect.catchIf(Effect.asSome(operations.lstat(at(path))), errors.isNotFound, () => noEntry)
  if (path.endsWith("/") || Option.exists(named, fileMode.isDirectory)) {
    return yield* refused("BadResource", "it is a directory")
  }
  if (ifAbsent && Option.isSome(named)) return yield* refused("AlreadyExists")
  if (durable && !(yield* operations.offers(at(path), "fsync"))) {
    return yield* refused("Unknown", "the SFTP server cannot tell when a file is on the disk")
  }
  const isLink = Option.exists(named, fileMode.isSymbolicLink)
  const [target, existing] = Option.isSome(named) && isLink && symlinks === "follow"
    ? yield* links.follow(operations, at(path), named.value)
    : [path, isLink ? Option.none<Attributes>() : named]
  if (Option.exists(existing, fileMode.isDirectory)) return yield* refused("BadResource", "it is a directory")
  if (Option.exists(existing, (found) => !fileMode.isRegularFile(found))) {
    return yield* refused("BadResource", "it is no regular file")
  }
  // A set-user-id bit belongs to the owner it was set for, and the new file may have another one.
  const permissions = mode === undefined
    ? Option.getOrUndefined(
      Option.flatMapNullable(
        existing,
        ({ permissions }) => permissions === undefined ? undefined : permissions & fileMode.accessBits
      )
    )
    : mode & fileMode.permissionBits

  const directory = posixPath.parent(target)
  const hidden = yield* hiddenFile.nameIn(directory)
  const plan: Plan = {
    isInDoubt: false,
    at,
    target,
    existing,
    permissions,
    directory,
    hidden,
    hasMode: mode !== undefined
  }
  return plan
})

// What is replaced may be another user's.
const openingMode = ({ existing, permissions }: Plan): number | undefined =>
  permissions === undefined || Option.isNone(existing) ? permissions : owner.untilOwned(permissions)

// A server that tells no modes has none to set.
const hasPermissions = (own: Attributes, permissions: number): boolean =>
  own.permissions === undefined || (own.permissions & fileMode.permissionBits) === permissions

// An answer also ends the doubt about the commit: the hidden file is gone, so that no commit is still to come.
const cleanUp = (operations: Operations, { at, hidden, isInDoubt, target }: Plan): Effect.Effect<void> => {
  const [name, hiddenName] = [JSON.stringify(target), JSON.stringify(hidden.path)]
  return hiddenFile.discard(
    hidden,
    operations.removeFile(at(hidden.path)),
    isInDoubt
      ? `The file ${name} on ${operations.host} may or may not have been replaced, and the hidden file ${hiddenName} may remain`
      : undefined
  )
}

// With the directories that are missing above it, which are told.
const withParents = <A, R>(
  operations: Operations,
  { at, directory }: Plan,
  { makesParents = true }: Options,
  create: Effect.Effect<A, PlatformError, R>
): Effect.Effect<readonly [A, made: ReadonlyArray<string>], PlatformError, R> =>
  Effect.catchIf(
    Effect.map(create, (created): readonly [A, ReadonlyArray<string>] => [created, []]),
    (error) => makesParents && errors.isNotFound(error),
    () =>
      Effect.flatMap(
        makeDirectories.make(operations, at(directory), {}),
        (made) => Effect.map(create, (created) => [created, made] as const)
      )
  )

// The one step that cannot be taken back. It has its own limit. If it is interrupted, it has happened or not, and both are
// whole. The clean-up then waits for the host, for the grace period at most. Returns whether the hidden name is gone.
const giveName = (operations: Operations, plan: Plan, { ifAbsent = false }: Options): Fx<boolean> => {
  const { at, hidden, target } = plan
  const named = finalizer.apart(
    Effect.timeoutFail(
      Effect.interruptible(
        ifAbsent
          ? operations.renameIfAbsent(at(hidden.path), target)
          : Effect.as(operations.rename(at(hidden.path), target), true)
      ),
      {
        duration: renamedWithin,
        onTimeout: () =>
          errors.system(at(target), "TimedOut", undefined, "the host did not answer; the new file may be there or not")
      }
    )
  )
  return Effect.onInterrupt(named, () =>
    Effect.sync(() => {
      plan.isInDoubt = true
    }))
}

/** @internal */
export const acquire = Effect.fnUntraced(function*(
  operations: Operations,
  method: string,
  path: string,
  options: Options
) {
  const plan = yield* makePlan(operations, method, path, options)
  const { at, directory, existing, hasMode, hidden, permissions, target } = plan
  let isCommitted = false
  // Registered before the file is made, so that nothing can come between.
  yield* Effect.addFinalizer(() => cleanUp(operations, plan))
  const opening = openingMode(plan)
  const [file, made] = yield* withParents(
    operations,
    plan,
    options,
    hiddenFile.creating(
      hidden,
      operations.open(
        at(hidden.path),
        OpenFlags.write | OpenFlags.create | OpenFlags.exclusive,
        opening === undefined ? {} : { permissions: opening },
        { isTemporary: true }
      )
    )
  )
  const { sendSettle, write } = file.writer(0n)

  // One after the other: a write takes a second handle, and never more. A directory that may not be read is not synced.
  const syncDirectory = (path: string) =>
    Effect.scoped(Effect.flatMap(operations.open(at(path), OpenFlags.read, {}), ({ sync }) => sync)).pipe(
      Effect.catchIf(errors.isReason("PermissionDenied"), () => Effect.void)
    )
  const directories = options.durable === true ? [directory, ...made.map(posixPath.parent)] : []

  const settle = (permissions: number | undefined) =>
    Effect.flatten(sendSettle({ ...(permissions !== undefined && { attributes: { permissions } }), sync: true }))
  // The mode of what is replaced is for its owner: it is set once the new file has that owner.
  const settled = Effect.gen(function*() {
    if (Option.isNone(existing)) return yield* settle(permissions)
    const own = yield* settle(undefined)
    const isShared = links.isByAnybody(operations, at(target), existing.value)
    const kept = yield* owner.keep(file.setAttributes, own, existing.value, permissions, isShared)
    const final = hasMode ? permissions : kept.permissions
    if (final !== undefined && (kept.isChanged || !hasPermissions(own, final))) yield* settle(final)
  })
  const canLoseNothing = yield* operations.offers(at(path), "fsync")

  const commit = Effect.suspend(() => {
    if (isCommitted) return Effect.void
    return Effect.gen(function*() {
      yield* settled
      // What is on the disk already loses nothing when it is closed: the name can be asked for in the same go.
      const closed = yield* file.sendClose
      if (!canLoseNothing) yield* closed
      yield* Effect.uninterruptibleMask((restore) =>
        Effect.map(restore(giveName(operations, plan, options)), (gone) => {
          isCommitted = true
          if (gone) hidden.mayExist = false
        })
      )
      yield* closed
      yield* Effect.forEach(directories, syncDirectory, { discard: true })
    })
  })
  const atomic: AtomicFile = { write, file, commit }
  return atomic
})

/**
 * Writes all at once. What is small takes the same steps as `acquire`, without an effect for each request.
 *
 * @internal
 */
export const put = (
  operations: Operations,
  method: string,
  path: string,
  bytes: Uint8Array,
  options: Options
): Fx<void> =>
  bytes.length <= small && options.durable !== true
    ? putSmall(operations, method, path, bytes, options)
    : putLarge(operations, method, path, bytes, options)

const putLarge = (operations: Operations, method: string, path: string, bytes: Uint8Array, options: Options) =>
  Effect.scoped(Effect.flatMap(
    acquire(operations, method, path, options),
    ({ commit, write }) => Effect.zipRight(write(bytes), commit)
  ))

const putSmall = Effect.fnUntraced(function*(
  operations: Operations,
  method: string,
  path: string,
  bytes: Uint8Array,
  options: Options
) {
  const plan = yield* makePlan(operations, method, path, options)
  const { at, existing, hidden, permissions } = plan
  const opening = openingMode(plan)
  const isReplacing = Option.isSome(existing)
  let isCreated = false
  const isWritten = opening === permissions && (yield* Effect.onError(
    Effect.gen(function*() {
      const [own] = yield* withParents(
        operations,
        plan,
        options,
        hiddenFile.creating(
          hidden,
          operations.writeSmallFile(at(hidden.path), {
            bytes,
            attributes: permissions === undefined || isReplacing ? undefined : { permissions },
            created: opening,
            sync: true,
            isTemporary: true,
            onCreated: () => {
              isCreated = true
            }
          }),
          () => isCreated
        )
      )
      // Only by its handle it is surely this file whose owner and mode are changed.
      const isRight = !isReplacing ||
        !owner.differs(own, existing.value) && (permissions === undefined || hasPermissions(own, permissions))
      if (!isRight) yield* operations.removeFile(at(hidden.path))
      else if (!(yield* giveName(operations, plan, options))) yield* cleanUp(operations, plan)
      return isRight
    }),
    () => cleanUp(operations, plan)
  ))
  if (!isWritten) yield* putLarge(operations, method, path, bytes, options)
})
