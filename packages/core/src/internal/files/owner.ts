/**
 * A file that takes the place of another gets its owner and its group, as far as the server lets this user.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import type { Attributes } from "../../protocol/Sftp.js"
import * as fileMode from "../lib/fileMode.js"

// What programs ask for when they make a file.
const usualMode = 0o666

/**
 * The mode to make a file with whose owner and group are still unknown: no more for its group than for others.
 *
 * @internal
 */
export const untilOwned = (permissions: number): number =>
  permissions & (fileMode.ownerBits | fileMode.othersBits | (permissions & fileMode.othersBits) << 3)

/**
 * Whether one belongs to somebody else than the other, as far as is known.
 *
 * @internal
 */
export const differs = (own: Attributes, { gid, uid }: Attributes): boolean =>
  uid !== undefined && gid !== undefined && (own.uid !== uid || own.gid !== gid)

interface Kept {
  /** The mode that the file is to have. */
  readonly permissions: number | undefined
  /** Whether its owner or group was changed, which takes some bits of the mode away. */
  readonly isChanged: boolean
}

/**
 * Gives a new file the owner and the group of what it replaces. Takes over neither these nor the mode if another user may
 * have put that there for this user to write to. If the group could not be kept, its rights become those of others. If the
 * owner could not be kept, others get no more than the new file has: another user chose that mode.
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
