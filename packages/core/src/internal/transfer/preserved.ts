/**
 * Computes the mode, owner and times of a copy from its source and from the file that it replaces.
 */
import * as Effect from "effect/Effect"
import type { Options } from "../../Transfer.js"
import type { FileInfo, PreservedAttributes } from "./endpoint.js"

const permissionBits = 0o777
const ownerMay = 0o700
const othersMay = 0o007

/** @internal */
export const nothing: PreservedAttributes = {
  created: undefined,
  permissions: undefined,
  limit: undefined,
  owner: undefined,
  times: undefined,
  isOptional: true
}

// The coarsest timestamps of a file system have a step of two seconds.
const granularity = 2000

/**
 * Whether the next change of a file may leave it with the same time. This includes times in the future.
 *
 * @internal
 */
export const isYoung = ({ mtime }: Pick<FileInfo, "mtime">, now: number): boolean => mtime > now - granularity

// The next quick check must not trust this copy.
const doubted = ({ atime, mtime }: FileInfo) => ({ atime, mtime: mtime - 1000 })

const timesOf = ({ preserve, skipUnchanged }: Options, seen: FileInfo, now: number): PreservedAttributes["times"] => {
  if (skipUnchanged === "quick") return isYoung(seen, now) ? doubted(seen) : seen
  return preserve?.timestamps === true ? seen : undefined
}

const bitsOf = ({ permissions }: FileInfo): number | undefined =>
  permissions === undefined ? undefined : permissions & permissionBits

interface Target {
  /** The entry to replace. */
  readonly existing: FileInfo | undefined
  /** Whether its owner and mode count only if this user is the owner. */
  readonly isSuspect: boolean
}

/**
 * Computes the attributes of a file. Set-user-id and set-group-id are never copied: they belong to the source's owner.
 *
 * @internal
 */
export const ofFile = (
  options: Options,
  seen: FileInfo,
  { existing, isSuspect }: Target,
  now: number
): PreservedAttributes => {
  const source = bitsOf(seen)
  const times = timesOf(options, seen, now)
  const isAsked = options.preserve?.mode === true
  const others = { times, isOptional: !isAsked && times === undefined }
  if (existing?.type !== "File") {
    return isAsked
      ? { created: source, permissions: source, limit: undefined, owner: undefined, ...others }
      : { created: source, permissions: undefined, limit: source, owner: undefined, ...others }
  }
  const { gid, uid } = existing
  const before = bitsOf(existing)
  const permissions = isAsked ? source : before
  if (permissions === undefined) return { created: source, permissions, limit: source, owner: undefined, ...others }
  if (uid === undefined || gid === undefined) {
    return { created: permissions, permissions, limit: undefined, owner: undefined, ...others }
  }
  return {
    // Rights of others wait until the owner and the group are set.
    created: isSuspect ? (source ?? 0) & (before ?? 0) : permissions & ownerMay,
    permissions,
    limit: source,
    owner: { uid, gid, isSuspect, isAsked },
    ...others
  }
}

/**
 * The attributes of a file that is overwritten in place. It keeps its owner, and its mode unless the source's is asked for.
 *
 * @internal
 */
export const inPlace = (options: Options, seen: FileInfo, now: number): PreservedAttributes => {
  const times = timesOf(options, seen, now)
  const isAsked = options.preserve?.mode === true
  return {
    ...nothing,
    permissions: isAsked ? bitsOf(seen) : undefined,
    times,
    isOptional: !isAsked && times === undefined
  }
}

const narrowed = (now: number | undefined, limit: number | undefined): number | undefined =>
  now === undefined || limit === undefined || (now & permissionBits & ~limit) === 0 ? undefined : now & limit

/**
 * Whether `settle` needs the current attributes of the file.
 *
 * @internal
 */
export const mustLook = ({ created, limit, owner }: PreservedAttributes): boolean =>
  owner !== undefined || limit !== undefined && ((created ?? limit) & ~limit) !== 0

/**
 * Gives an open file the owner and group of the file that it replaces, as far as the server allows this user. Returns the mode
 * to set afterwards. If the group could not be set, its rights become those of others. If the owner could not be set, others
 * get no more rights than at the source.
 *
 * @internal
 */
export const settle = (
  { limit, owner, permissions }: PreservedAttributes,
  own: {
    readonly uid?: number | undefined
    readonly gid?: number | undefined
    readonly permissions?: number | undefined
  },
  give: (uid: number, gid: number) => Effect.Effect<boolean>
): Effect.Effect<number | undefined> =>
  Effect.gen(function*() {
    if (owner === undefined || permissions === undefined) return permissions ?? narrowed(own.permissions, limit)
    const { gid, uid } = owner
    const isOwn = own.uid === uid || own.uid === undefined
    if (isOwn && (own.gid === gid || own.gid === undefined)) return permissions
    if (owner.isSuspect && !isOwn) return owner.isAsked ? permissions : undefined
    if (yield* give(uid, gid)) return permissions
    const hasGroup = own.gid === gid || own.uid !== undefined && own.uid !== uid && (yield* give(own.uid, gid))
    if (owner.isAsked) return permissions
    const others = permissions & othersMay & (isOwn ? othersMay : limit ?? othersMay)
    return permissions & ownerMay | (hasGroup ? permissions & 0o070 : others << 3) | others
  })

/** A directory of the source and its counterpart. */
interface Directories {
  readonly seen: FileInfo
  /** The target's directory before the transfer. Undefined if it is new. */
  readonly existing: FileInfo | undefined
}

/**
 * The final mode of a directory, or `undefined` if it has it already or a mode is unknown. `now` is its current mode: a new
 * directory inherits bits of its parent.
 *
 * @internal
 */
export const ofDirectory = (
  options: Options,
  { existing, seen }: Directories,
  now: number | undefined
): number | undefined => {
  const source = bitsOf(seen)
  if (source === undefined) return undefined
  if (now === undefined) return options.preserve?.mode === true ? source : undefined
  const special = (existing?.permissions ?? now) & ~permissionBits
  const wanted = options.preserve?.mode === true
    ? special | source
    : existing !== undefined
    ? existing.permissions
    : special | now & source
  return wanted === now ? undefined : wanted
}

/** @internal */
export const timesOfDirectory = ({ preserve, skipUnchanged }: Options, seen: FileInfo): PreservedAttributes["times"] =>
  preserve?.timestamps === true || skipUnchanged === "quick" ? seen : undefined
