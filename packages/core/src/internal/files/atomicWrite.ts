/**
 * The atomic write, as a bracket: *acquire* a hidden file with an unguessable name in the target's directory, *commit* it by
 * one rename to the target, or *clean up*. A reader of the target sees the old file or the new one.
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
  /** Appends bytes. */
  readonly write: (bytes: Uint8Array) => Fx<void>
  /** The hidden file. */
  readonly file: OpenFile
  /** Renames the hidden file to the target. A second call does nothing. Without a commit, the scope removes the hidden file. */
  readonly commit: Fx<void>
}

/** @internal */
export interface Options extends AtomicOptions {
  /** Default: true. */
  readonly makesParents?: boolean
}

const renamedWithin = "30 seconds"

const noEntry = Effect.succeedNone

// Content up to this size is sent together with the request that creates the file.
const small = 64 * 1024

/** The checked arguments of a write. */
interface Plan {
  /** Whether the commit was interrupted before the host answered. */
  isInDoubt: boolean
  readonly at: (path: string) => CallContext
  /** The path to replace: the path of the call, or the target of a link there. */
  readonly target: string
  readonly existing: Option.Option<Attributes>
  /** `undefined`: the default mode of a new file. */
  readonly permissions: number | undefined
  readonly directory: string
  readonly hidden: hiddenFile.Hidden
  /** Whether the caller chose the mode. Otherwise it is that of the existing file. */
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
    return yield* refused("Unknown", "`durable` needs fsync@openssh.com, which this SFTP server lacks")
  }
  const isLink = Option.exists(named, fileMode.isSymbolicLink)
  const [target, existing] = Option.isSome(named) && isLink && symlinks === "follow"
    ? yield* links.follow(operations, at(path), named.value)
    : [path, isLink ? Option.none<Attributes>() : named]
  if (Option.exists(existing, fileMode.isDirectory)) return yield* refused("BadResource", "it is a directory")
  if (Option.exists(existing, (found) => !fileMode.isRegularFile(found))) {
    return yield* refused("BadResource", "it is not a regular file")
  }
  // A set-user-id bit belongs to the old owner, and the new file may have another owner.
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

// The replaced file may belong to another user. The mode must then wait for its owner.
const openingMode = ({ existing, permissions }: Plan): number | undefined =>
  permissions === undefined || Option.isNone(existing) ? permissions : owner.untilOwned(permissions)

// A server that does not report modes cannot set them.
const hasPermissions = (own: Attributes, permissions: number): boolean =>
  own.permissions === undefined || (own.permissions & fileMode.permissionBits) === permissions

// The answer to this removal also decides an interrupted commit: without the hidden file, the rename can no longer happen.
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

// Makes missing parent directories, and returns them.
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

// The only irreversible step. It has its own time limit. After an interruption, the target is either the old file or the
// complete new one. The clean-up then waits for the host, for at most the grace period. Returns whether the hidden file no
// longer exists.
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
  // Registered before the file is created, so that an interruption cannot leave it.
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

  // Syncs one directory at a time, so that a write needs at most two handles. An unreadable directory is not synced.
  const syncDirectory = (path: string) =>
    Effect.scoped(Effect.flatMap(operations.open(at(path), OpenFlags.read, {}), ({ sync }) => sync)).pipe(
      Effect.catchIf(errors.isReason("PermissionDenied"), () => Effect.void)
    )
  const directories = options.durable === true ? [directory, ...made.map(posixPath.parent)] : []

  const settle = (permissions: number | undefined) =>
    Effect.flatten(sendSettle({ ...(permissions !== undefined && { attributes: { permissions } }), sync: true }))
  // The mode of the replaced file is meant for its owner, so it is set after the owner.
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
      // After fsync a failing close loses nothing, so the rename is sent without waiting for the close.
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
 * Writes all bytes at once. Small content takes the same steps as `acquire`, without an effect for each request.
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
      // Owner and mode are changed through the handle, because another file may have taken the name.
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
