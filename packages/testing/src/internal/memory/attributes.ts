/**
 * The calls that change the attributes of a file.
 */
import type { Change } from "../sftp/sftpFileSystem.js"
import { type Caller, isMember, isSuperuser } from "./caller.js"
import type { File, Node } from "./node.js"
import { bits, dropPrivileges, requireOwner, requireWritable } from "./permissions.js"
import { refuse } from "./refusal.js"
import { touch, type Volume } from "./volume.js"

const unchanged = 2 ** 32 - 1

const chmod = (caller: Caller, node: Node, mode: number): void => {
  requireOwner(caller, node)
  const mayGroup = isSuperuser(caller) || isMember(caller, node.gid)
  node.mode = mode & (mayGroup ? 0o7777 : 0o7777 & ~bits.setgid)
}

const chown = (caller: Caller, node: Node, uid: number, gid: number): void => {
  const owns = caller.uid === node.uid
  const mayGive = isSuperuser(caller) || uid === unchanged || (owns && uid === node.uid)
  const mayGroup = isSuperuser(caller) || gid === unchanged || (owns && (gid === node.gid || isMember(caller, gid)))
  if (!mayGive || !mayGroup) refuse("EPERM")
  if (node._tag !== "Directory" && (node.mode & (bits.setuid | bits.setgid)) !== 0) {
    requireOwner(caller, node)
    dropPrivileges(caller, node)
  }
  if (uid !== unchanged) node.uid = uid
  if (gid !== unchanged) node.gid = gid
}

/**
 * All but the size, for which a file has to be open.
 *
 * @internal
 */
export const change = (
  volume: Volume,
  caller: Caller,
  node: Node,
  one: Exclude<Change, { readonly _tag: "Size" }>
): void => {
  requireWritable(volume)
  switch (one._tag) {
    case "Mode":
      chmod(caller, node, one.mode)
      break
    case "Owner":
      chown(caller, node, one.uid, one.gid)
      break
    case "Times":
      requireOwner(caller, node)
      node.atime = one.atime * 1000
      node.mtime = one.mtime * 1000
      break
  }
  node.ctime = volume.now()
}

/**
 * Updates a file's attributes after a change to its content.
 *
 * @internal
 */
export const noteWrite = (volume: Volume, caller: Caller, file: File): void => {
  if (!isSuperuser(caller)) dropPrivileges(caller, file)
  touch(volume, file)
}

/** @internal */
export const resize = (volume: Volume, caller: Caller, file: File, size: number): void => {
  file.content.resize(size)
  noteWrite(volume, caller, file)
}
