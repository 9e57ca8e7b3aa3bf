/**
 * A file that takes the place of another gets its owner and its group, as far as the server lets this user.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Attributes } from "../../protocol/Sftp.js"

// As what everybody else may do.
const groupAsOthers = (permissions: number): number => (permissions & 0o707) | ((permissions & 0o007) << 3)

/**
 * Whether one belongs to somebody else than the other, as far as is known.
 *
 * @internal
 */
export const differs = (own: Attributes, { gid, uid }: Attributes): boolean =>
  uid !== undefined && gid !== undefined && (own.uid !== uid || own.gid !== gid)

/**
 * Where it is somebody else's until then, the permissions that it is to have: rights of a group that it could not be given
 * are none for another group. `None` where it has the owner and the group already.
 *
 * @internal
 */
export const keep = (
  change: (attributes: Attributes) => Effect.Effect<void, PlatformError>,
  own: Attributes,
  existing: Attributes,
  permissions: number | undefined
): Effect.Effect<Option.Option<number | undefined>, PlatformError> =>
  Effect.gen(function*() {
    const { gid, uid } = existing
    if (uid === undefined || gid === undefined || !differs(own, existing)) return Option.none()
    const given = (uid: number) => Effect.isSuccess(change({ uid, gid }))
    if (yield* given(uid)) return Option.some(permissions)
    if (own.gid === gid || own.uid !== undefined && own.uid !== uid && (yield* given(own.uid))) {
      return Option.some(permissions)
    }
    return Option.some(permissions === undefined ? undefined : groupAsOthers(permissions))
  })
