/**
 * Who may do what, as Linux decides it.
 */
import { type Caller, isMember, isOwner, isSuperuser } from "./caller.js"
import type { Directory, Node } from "./node.js"
import { refuse } from "./refusal.js"
import type { Volume } from "./volume.js"

/** @internal */
export const want = { read: 4, write: 2, search: 1 } as const

/** @internal */
export const bits = { setuid: 0o4000, setgid: 0o2000, sticky: 0o1000, groupExecute: 0o010 } as const

const allows = (caller: Caller, node: Node, wanted: number): boolean => {
  const shift = caller.uid === node.uid ? 6 : isMember(caller, node.gid) ? 3 : 0
  if ((wanted & ~(node.mode >> shift)) === 0) return true
  // nothing here executes a file
  return isSuperuser(caller)
}

/** @internal */
export const permit = (volume: Volume, caller: Caller, node: Node, wanted: number): void => {
  if ((wanted & want.write) !== 0 && node._tag !== "Fifo") requireWritable(volume)
  if (!allows(caller, node, wanted)) refuse("EACCES")
}

/** @internal */
export const requireWritable = (volume: Volume): void => {
  if (volume.readOnly) refuse("EROFS")
}

/** @internal */
export const requireOwner = (caller: Caller, node: Node): void => {
  if (!isOwner(caller, node)) refuse("EPERM")
}

/**
 * Requires permission to add a name to a directory.
 *
 * @internal
 */
export const permitEntry = (volume: Volume, caller: Caller, directory: Directory): void => {
  if (directory.nlink === 0) refuse("ENOENT")
  permit(volume, caller, directory, want.write | want.search)
}

/**
 * A name is taken from a directory, by a call that is for directories or for all else.
 *
 * @internal
 */
export const permitRemoval = (
  volume: Volume,
  caller: Caller,
  directory: Directory,
  node: Node,
  call: "directory" | "other"
): void => {
  permit(volume, caller, directory, want.write | want.search)
  const sticky = (directory.mode & bits.sticky) !== 0
  if (sticky && !isOwner(caller, node) && !isOwner(caller, directory)) refuse("EPERM")
  if (call === "directory" && node._tag !== "Directory") refuse("ENOTDIR")
  if (call === "other" && node._tag === "Directory") refuse("EISDIR")
}

// Only members of its group, and root, may leave this bit on a file that others of the group do not execute.
const losesSetgid = (caller: Caller, node: Node): boolean =>
  (node.mode & bits.groupExecute) !== 0 || !(isSuperuser(caller) || isMember(caller, node.gid))

/**
 * Clears the setuid and setgid bits of a file that was changed, as Linux does.
 *
 * @internal
 */
export const dropPrivileges = (caller: Caller, node: Node): void => {
  node.mode &= ~(bits.setuid | (losesSetgid(caller, node) ? bits.setgid : 0))
}

const worldWritable = 0o002
const groupWritable = 0o020

/**
 * A link at the end of a path is not followed out of a directory that everybody writes to, unless it is the caller's or the
 * directory's owner's.
 *
 * @internal
 */
export const permitFollowing = (volume: Volume, caller: Caller, directory: Directory, link: Node): void => {
  if (!volume.protections.symlinks || caller.uid === link.uid || directory.uid === link.uid) return
  const exposed = bits.sticky | worldWritable
  if ((directory.mode & exposed) === exposed) refuse("EACCES")
}

/**
 * The same for what exists where a file is to be made.
 *
 * @internal
 */
export const permitReuse = (volume: Volume, caller: Caller, directory: Directory, node: Node): void => {
  const { regular } = volume.protections
  if (regular === 0 || node._tag !== "File" || (directory.mode & bits.sticky) === 0) return
  if (node.uid === directory.uid || node.uid === caller.uid) return
  if ((directory.mode & (regular === 1 ? worldWritable : worldWritable | groupWritable)) !== 0) refuse("EACCES")
}

/**
 * Refuses a hard link to another user's file unless the caller may read and write the file.
 *
 * @internal
 */
export const permitHardLink = (volume: Volume, caller: Caller, node: Node): void => {
  if (!volume.protections.hardlinks || isOwner(caller, node)) return
  const grouped = bits.setgid | bits.groupExecute
  const safe = node._tag === "File" && (node.mode & bits.setuid) === 0 && (node.mode & grouped) !== grouped &&
    allows(caller, node, want.read | want.write)
  if (!safe) refuse("EPERM")
}
