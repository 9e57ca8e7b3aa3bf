/**
 * A file that takes the place of another gets its owner and its group, as far as the server lets this user.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import type { Attributes } from "../../protocol/Sftp.js"
import type { OpenFile } from "../sftp/openFile.js"

// As what everybody else may do.
const groupAsOthers = (permissions: number): number => (permissions & 0o707) | ((permissions & 0o007) << 3)

/**
 * The permissions that it is to have: rights of a group that it could not be given are none for another group.
 *
 * @internal
 */
export const keep = (
  file: Pick<OpenFile, "stat" | "setAttributes">,
  existing: Attributes,
  permissions: number | undefined
): Effect.Effect<number | undefined, PlatformError> =>
  Effect.gen(function*() {
    const { gid, uid } = existing
    if (uid === undefined || gid === undefined) return permissions
    const own = yield* file.stat
    if (own.uid === uid && own.gid === gid) return permissions
    const given = (uid: number) => Effect.isSuccess(file.setAttributes({ uid, gid }))
    if (yield* given(uid)) return permissions
    if (own.gid === gid || own.uid !== undefined && own.uid !== uid && (yield* given(own.uid))) return permissions
    return permissions === undefined ? undefined : groupAsOthers(permissions)
  })
