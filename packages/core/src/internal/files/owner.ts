/**
 * Gives a file the owner and group of the file that it replaces, as far as the server allows this user.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import type { Attributes } from "../../protocol/Sftp.js"
import * as fileMode from "../lib/fileMode.js"

// The mode that programs usually create files with.
const usualMode = 0o666

/**
 * The mode of a new file until its owner and group are set. Its group gets no more rights than others.
 *
 * @internal
 */
export const untilOwned = (permissions: number): number =>
  permissions & (fileMode.ownerBits | fileMode.othersBits | (permissions & fileMode.othersBits) << 3)

/**
 * Whether two files have different owners or groups, as far as the server reports them.
 *
 * @internal
 */
export const differs = (own: Attributes, { gid, uid }: Attributes): boolean =>
  uid !== undefined && gid !== undefined && (own.uid !== uid || own.gid !== gid)

interface Kept {
  /** The final mode of the file. */
  readonly permissions: number | undefined
  /** Whether its owner or group was changed, which may clear bits of the mode. */
  readonly isChanged: boolean
}

/**
 * Gives a new file the owner and the group of the file that it replaces. Keeps neither these nor the mode if another user may
 * have made that file for this user to write to. If the group could not be kept, its rights become those of others. If the
 * owner could not be kept, others get no more rights than the new file has, because another user chose that mode.
 *
 * @internal
 */
export const keep = <E>(
  change: (attributes: Attributes) => Effect.Effect<void, PlatformError>,
  own: Attributes,
  existing: Attributes,
  permissions: number | undefined,
  isShared: Effect.Effect<boolean, E>
): Effect.Effect<Kept, E> =>
  Effect.gen(function*() {
    const { gid, uid } = existing
    if (uid === undefined || gid === undefined || !differs(own, existing)) return { permissions, isChanged: false }
    const isSuspect = own.uid !== uid && (yield* isShared)
    if (isSuspect) {
      return {
        permissions: own.permissions === undefined ? undefined : own.permissions & usualMode,
        isChanged: false
      }
    }
    const given = (uid: number) => Effect.isSuccess(change({ uid, gid }))
    if (yield* given(uid)) return { permissions, isChanged: true }
    const hasGroup = own.gid === gid || own.uid !== undefined && own.uid !== uid && (yield* given(own.uid))
    if (permissions === undefined) return { permissions, isChanged: true }
    const others = permissions & fileMode.othersBits &
      (own.uid === uid ? fileMode.othersBits : own.permissions ?? fileMode.othersBits)
    return {
      permissions: permissions & fileMode.ownerBits | (hasGroup ? permissions & fileMode.groupBits : others << 3) |
        others,
      isChanged: true
    }
  })
