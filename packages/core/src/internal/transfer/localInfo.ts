/**
 * The attributes of files of this machine, as a transfer sees them.
 */
import type { File } from "@effect/platform/FileSystem"
import * as Option from "effect/Option"
import type { Info } from "../../LocalFiles.js"
import * as fileMode from "../lib/fileMode.js"
import { describeType, type FileInfo, type Identity } from "./endpoint.js"

/** @internal */
export const idOf = ({ dev, ino }: File.Info): Identity | undefined =>
  Option.getOrUndefined(Option.map(ino, (ino) => ({ dev, ino })))

/**
 * Whether two files are the same. Without an identity they are assumed to be.
 *
 * @internal
 */
export const isSame = (one: Identity | undefined, other: Identity | undefined): boolean =>
  one === undefined || other === undefined || one.dev === other.dev && one.ino === other.ino

/**
 * The attributes of a `FileSystem`.
 *
 * @internal
 */
export const ofPlatform = (info: File.Info): FileInfo => {
  const { atime, gid, mode, mtime, size, type, uid } = info
  const modified = Option.match(mtime, { onNone: () => 0, onSome: (date) => date.getTime() })
  return {
    ...describeType(type),
    size: type === "File" ? size : 0n,
    permissions: mode & fileMode.permissionBits,
    mtime: modified,
    atime: Option.match(atime, { onNone: () => modified, onSome: (date) => date.getTime() }),
    uid: Option.getOrUndefined(uid),
    gid: Option.getOrUndefined(gid),
    id: idOf(info)
  }
}

/**
 * The attributes of `LocalFiles`.
 *
 * @internal
 */
export const ofLocal = ({ atime, dev, gid, ino, mode, mtime, size, uid }: Info): FileInfo => {
  const type = fileMode.typeOf(mode)
  return {
    ...describeType(type),
    size: type === "File" ? BigInt(size) : 0n,
    permissions: mode & fileMode.permissionBits,
    mtime,
    atime,
    uid,
    gid,
    id: { dev, ino }
  }
}
