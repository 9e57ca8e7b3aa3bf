/**
 * The atomic write, as a bracket: *acquire* a hidden file with an unguessable name in the target's directory, *commit* it by
 * one rename to the target, or *clean up*. A reader of the target sees the old file or the new one.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { OpenFlags } from "../../protocol/Sftp.js"
import * as finalizer from "../lib/finalizer.js"
import type { Fx } from "../lib/fx.js"
import * as posixPath from "../lib/posixPath.js"
import type { CallContext } from "../sftp/callContext.js"
import * as errors from "../sftp/errors.js"
import type { FileWriter } from "../sftp/fileWriter.js"
import type { OpenFile } from "../sftp/openFile.js"
import type { Operations } from "../sftp/requests.js"
import * as atomicPlan from "./atomicPlan.js"
import * as hiddenFile from "./hiddenFile.js"
import * as links from "./links.js"
import * as makeDirectories from "./makeDirectories.js"
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

type Options = atomicPlan.Options

const renamedWithin = "30 seconds"

// Content up to this size is sent together with the request that creates the file.
const small = 64 * 1024

// The answer to this removal also decides an interrupted commit: without the hidden file, the rename can no longer happen.
const cleanUp = ({ atHidden, hidden, isInDoubt, operations, target }: atomicPlan.Plan): Effect.Effect<void> => {
  const [name, hiddenName] = [JSON.stringify(target), JSON.stringify(hidden.path)]
  return hiddenFile.discard(
    hidden,
    operations.removeFile(atHidden),
    isInDoubt
      ? `The file ${name} on ${operations.host} may or may not have been replaced, and the hidden file ${hiddenName} may remain`
      : undefined
  )
}

const warnMode = (path: string): Effect.Effect<void> =>
  Effect.logWarning(`The mode of ${JSON.stringify(path)} was not set: the server refuses it`)

const makeParents = ({ at, atHidden: { method, target }, directory, operations }: atomicPlan.Plan) =>
  Effect.mapError(
    makeDirectories.make(operations, at(directory), {}),
    errors.ofStep({ method, path: target }, `its directory ${JSON.stringify(directory)} cannot be made`)
  )

// Creates the hidden file and the missing parent directories, which it returns.
const create = <A, R>(
  plan: atomicPlan.Plan,
  make: (call: CallContext) => Effect.Effect<A, PlatformError, R>
): Effect.Effect<readonly [A, made: ReadonlyArray<string>], PlatformError, R> => {
  const { atHidden, hidden, options: { makesParents = true } } = plan
  const created = hiddenFile.creating(hidden, make(atHidden))
  return Effect.catchIf(
    Effect.map(created, (file): readonly [A, ReadonlyArray<string>] => [file, []]),
    (error) => makesParents && errors.isNotFound(error),
    () =>
      Effect.flatMap(
        makeParents(plan),
        (made) => Effect.map(created, (file) => [file, made] as const)
      )
  )
}

// The only irreversible step. It has its own time limit. After an interruption, the target is either the old file or the
// complete new one. The clean-up then waits for the host, for at most the grace period.
const giveName = (plan: atomicPlan.Plan): Fx<void> => {
  const { atHidden, hidden, operations, options: { ifAbsent = false }, target } = plan
  const named = finalizer.apart(
    Effect.timeoutFail(
      Effect.interruptible(
        ifAbsent
          ? operations.renameIfAbsent(atHidden, target)
          : Effect.as(operations.rename(atHidden, target), true)
      ),
      {
        duration: renamedWithin,
        onTimeout: () =>
          errors.system(atHidden, "TimedOut", undefined, "the host did not answer; the new file may be there or not")
      }
    )
  )
  const doubted = Effect.onInterrupt(named, () =>
    Effect.sync(() => {
      plan.isInDoubt = true
    }))
  return Effect.uninterruptibleMask((restore) =>
    Effect.map(restore(doubted), (isGone) => {
      plan.isCommitted = true
      if (isGone) hidden.mayExist = false
    })
  )
}

// The mode of the replaced file is meant for its owner, so it is set after the owner.
const settle = (
  { at, atHidden, existing, operations, options, permissions, target }: atomicPlan.Plan,
  file: OpenFile,
  { sendSettle }: FileWriter
): Fx<unknown> =>
  Effect.gen(function*() {
    const isOptional = options.mode === undefined || options.isModeOptional === true
    const send = (permissions: number | undefined) =>
      Effect.flatten(
        sendSettle({ ...(permissions !== undefined && { attributes: { permissions } }), isOptional, sync: true })
      ).pipe(Effect.tap(({ lacksMode = false }) => lacksMode ? warnMode(atHidden.target) : Effect.void))
    if (Option.isNone(existing)) return yield* send(permissions)
    const own = yield* send(undefined)
    const isShared = links.isByAnybody(operations, at(target), existing.value)
    const kept = yield* owner.keep(file.setAttributes, own, existing.value, permissions, isShared)
    const final = options.mode === undefined ? kept.permissions : permissions
    if (final !== undefined && (kept.isChanged || !atomicPlan.hasPermissions(own, final))) yield* send(final)
  })

// An unreadable directory is not synced.
const syncDirectory = ({ at, operations }: atomicPlan.Plan, path: string): Fx<void> =>
  Effect.scoped(Effect.flatMap(operations.open(at(path), OpenFlags.read, {}), ({ sync }) => sync)).pipe(
    Effect.catchIf(errors.isReason("PermissionDenied"), () => Effect.void)
  )

/** @internal */
export const acquire = Effect.fnUntraced(function*(
  operations: Operations,
  method: string,
  path: string,
  options: Options
) {
  const plan = yield* atomicPlan.make(operations, method, path, options)
  // Registered before the file is created, so that an interruption cannot leave it.
  yield* Effect.addFinalizer(() => cleanUp(plan))
  const mode = atomicPlan.openingMode(plan)
  const [file, made] = yield* create(plan, (call) =>
    operations.open(
      call,
      OpenFlags.write | OpenFlags.create | OpenFlags.exclusive,
      mode === undefined ? {} : { permissions: mode },
      { isTemporary: true }
    ))
  const writer = file.writer(0n)
  const directories = options.durable === true ? [plan.directory, ...made.map(posixPath.parent)] : []
  const canLoseNothing = yield* operations.offers(plan.at(path), "fsync")

  const commit = Effect.gen(function*() {
    if (plan.isCommitted) return
    yield* settle(plan, file, writer)
    // After fsync a failing close loses nothing, so the rename is sent without waiting for the close.
    const closed = yield* file.sendClose
    if (!canLoseNothing) yield* closed
    yield* giveName(plan)
    yield* closed
    // One directory at a time, so that a write needs at most two handles.
    yield* Effect.forEach(directories, (path) => syncDirectory(plan, path), { discard: true })
  })
  const atomic: AtomicFile = { write: writer.write, file, commit }
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
    ? Effect.flatMap(
      putSmall(operations, method, path, bytes, options),
      (isWritten) => isWritten ? Effect.void : putLarge(operations, method, path, bytes, options)
    )
    : putLarge(operations, method, path, bytes, options)

const putLarge = (
  operations: Operations,
  method: string,
  path: string,
  bytes: Uint8Array,
  options: Options
): Fx<void> =>
  Effect.scoped(Effect.flatMap(
    acquire(operations, method, path, options),
    ({ commit, write }) => Effect.zipRight(write(bytes), commit)
  ))

// Returns false if the new file needs another owner or mode, which takes more steps.
const putSmall = Effect.fnUntraced(function*(
  operations: Operations,
  method: string,
  path: string,
  bytes: Uint8Array,
  options: Options
) {
  const plan = yield* atomicPlan.make(operations, method, path, options)
  const mode = atomicPlan.openingMode(plan)
  return mode === plan.permissions && (yield* Effect.ensuring(
    putAtOnce(plan, bytes, mode),
    Effect.suspend(() => cleanUp(plan))
  ))
})

const putAtOnce = (plan: atomicPlan.Plan, bytes: Uint8Array, mode: number | undefined): Fx<boolean> =>
  Effect.gen(function*() {
    const { atHidden, existing, hidden, operations, permissions } = plan
    const isReplacing = Option.isSome(existing)
    const [own] = yield* create(plan, (call) =>
      operations.writeSmallFile(call, {
        bytes,
        attributes: permissions === undefined || isReplacing ? undefined : { permissions },
        created: mode,
        sync: true,
        isTemporary: true,
        onCreated: () => {
          hidden.isMade = true
        }
      }))
    // Owner and mode are changed through the handle, because another file may have taken the name.
    const isRight = !isReplacing ||
      !owner.differs(own, existing.value) && (permissions === undefined || atomicPlan.hasPermissions(own, permissions))
    if (isRight) {
      yield* giveName(plan)
    } else {
      yield* operations.removeFile(atHidden)
      hidden.mayExist = false
    }
    return isRight
  })
