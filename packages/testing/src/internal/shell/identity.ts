/**
 * The user of a session. A file system does not report the user, so it is the owner of the home directory.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { SftpFileSystem } from "../sftp/sftpFileSystem.js"
import * as bytes from "./bytes.js"
import { isDirectory, isRegular } from "./directories.js"
import * as fileMode from "./fileMode.js"

/** @internal */
export interface Identity {
  readonly uid: number
  readonly gid: number
}

/** @internal */
export const of = (files: SftpFileSystem): Effect.Effect<Identity> =>
  Effect.match(files.stat(files.home), {
    onFailure: () => ({ uid: 0, gid: 0 }),
    onSuccess: ({ gid, uid }) => ({ uid, gid })
  })

/** @internal */
export const userName = (files: SftpFileSystem, uid: number): Effect.Effect<string> =>
  Effect.map(files.userName(uid), (name) => Option.match(name, { onNone: () => `${uid}`, onSome: bytes.fromText }))

/** @internal */
export const groupName = (files: SftpFileSystem, gid: number): Effect.Effect<string> =>
  Effect.map(files.groupName(gid), (name) => Option.match(name, { onNone: () => `${gid}`, onSome: bytes.fromText }))

/**
 * Whether the user may read (4), write (2) or execute (1) a file. The first two are tried where trying changes nothing.
 *
 * @internal
 */
export const mayAccess = (files: SftpFileSystem, path: string, right: 1 | 2 | 4): Effect.Effect<boolean> => {
  if (path === "/dev/null") return Effect.succeed(right !== 1)
  return Effect.flatMap(Effect.option(files.stat(path)), (found) => {
    if (found._tag === "None") return Effect.succeed(false)
    const { gid, mode, uid } = found.value
    if (right !== 1 && isRegular(found.value)) {
      const flags = {
        read: right === 4,
        write: right === 2,
        append: false,
        create: false,
        truncate: false,
        exclusive: false
      }
      return Effect.isSuccess(Effect.scoped(files.open(path, flags, 0)))
    }
    if (right === 4 && isDirectory(found.value)) return Effect.isSuccess(Effect.scoped(files.openDirectory(path)))
    return Effect.map(of(files), (user) => {
      if (user.uid === 0) return right !== 1 || isDirectory(found.value) || (mode & fileMode.executeBits) !== 0
      const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0
      return (mode >> shift & right) !== 0
    })
  })
}
