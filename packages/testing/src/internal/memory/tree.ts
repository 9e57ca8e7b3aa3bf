/**
 * The calls that add, remove and rename names.
 */
import { isMember, isSuperuser } from "./caller.js"
import type { Directory, Node } from "./node.js"
import { check } from "./paths.js"
import { bits, permit, permitEntry, permitHardLink, permitRemoval, requireWritable, want } from "./permissions.js"
import { refuse } from "./refusal.js"
import { find, lookUp, type Place, place, type Session } from "./resolve.js"
import { makeDirectory, makeFile, makeLink, type Owner, reap, touch, touchRead, type Volume } from "./volume.js"

/**
 * Gives a node a name.
 *
 * @internal
 */
export const attach = (volume: Volume, directory: Directory, name: string, node: Node): void => {
  directory.entries.set(name, node)
  if (node._tag === "Directory") {
    node.parent = directory
    directory.nlink++
  }
  touch(volume, directory)
}

const detach = (volume: Volume, directory: Directory, name: string, node: Node): void => {
  directory.entries.delete(name)
  if (node._tag === "Directory") directory.nlink--
  touch(volume, directory)
  node.ctime = volume.now()
}

/**
 * Removes a name of a node. A node without names is freed, unless it is open.
 *
 * @internal
 */
export const remove = (volume: Volume, directory: Directory, name: string, node: Node): void => {
  detach(volume, directory, name, node)
  node.nlink = node._tag === "Directory" ? 0 : node.nlink - 1
  reap(node)
}

// A new entry in a setgid directory gets the group of the directory.
const ownerIn = ({ caller }: Session, directory: Directory): Owner => ({
  uid: caller.uid,
  gid: (directory.mode & bits.setgid) === 0 ? caller.gid : directory.gid
})

const fileMode = ({ caller, umask }: Session, directory: Directory, mode: number): number => {
  const masked = mode & 0o7777 & ~umask
  const grouped = bits.setgid | bits.groupExecute
  const forged = (directory.mode & bits.setgid) !== 0 && (mode & grouped) === grouped &&
    !isSuperuser(caller) && !isMember(caller, directory.gid)
  return forged ? masked & ~bits.setgid : masked
}

/** @internal */
export const createFile = (session: Session, { directory, name }: Place, mode: number) => {
  const { caller, volume } = session
  permitEntry(volume, caller, directory)
  const file = makeFile(volume, fileMode(session, directory, mode), ownerIn(session, directory))
  attach(volume, directory, name, file)
  return file
}

// Resolves the place of an entry to create. Fails if the entry exists.
const vacancy = (session: Session, path: string, made: "directory" | "other"): Place => {
  const found = place(session, path)
  if (found.kind !== "name") refuse("EEXIST")
  if (lookUp(found.directory, found.name) !== undefined) refuse("EEXIST")
  if (made === "other" && found.slash) refuse("ENOENT")
  if (found.directory.nlink === 0) refuse("ENOENT")
  requireWritable(session.volume)
  return found
}

/** @internal */
export const mkdir = (session: Session, path: string, mode: number): void => {
  const { caller, umask, volume } = session
  const { directory, name } = vacancy(session, path, "directory")
  permitEntry(volume, caller, directory)
  const masked = mode & 0o1777 & ~umask
  const made = makeDirectory(
    volume,
    masked | (directory.mode & bits.setgid),
    ownerIn(session, directory),
    directory
  )
  attach(volume, directory, name, made)
}

/** @internal */
export const symlink = (session: Session, target: string, path: string): void => {
  const { caller, volume } = session
  const checked = check(target)
  const { directory, name } = vacancy(session, path, "other")
  permitEntry(volume, caller, directory)
  attach(volume, directory, name, makeLink(volume, checked, ownerIn(session, directory)))
}

/** @internal */
export const link = (session: Session, from: string, to: string): void => {
  const { caller, volume } = session
  const node = find(session, from, "link")
  const { directory, name } = vacancy(session, to, "other")
  permitHardLink(volume, caller, node)
  permitEntry(volume, caller, directory)
  if (node._tag === "Directory") refuse("EPERM")
  node.nlink++
  node.ctime = volume.now()
  attach(volume, directory, name, node)
}

/** @internal */
export const readlink = (session: Session, path: string): string => {
  const node = find(session, path, "link")
  if (node._tag !== "Link") return refuse("EINVAL")
  touchRead(session.volume, node)
  return node.target
}

/** @internal */
export const rmdir = (session: Session, path: string): void => {
  const { caller, volume } = session
  const { directory, kind, name } = place(session, path)
  if (kind === "dot") refuse("EINVAL")
  if (kind === "dotdot") refuse("ENOTEMPTY")
  if (kind === "root") refuse("EBUSY")
  requireWritable(volume)
  const node = lookUp(directory, name) ?? refuse("ENOENT")
  permitRemoval(volume, caller, directory, node, "directory")
  if (node._tag === "Directory" && node.entries.size > 0) refuse("ENOTEMPTY")
  remove(volume, directory, name, node)
}

/** @internal */
export const unlink = (session: Session, path: string): void => {
  const { caller, volume } = session
  const { directory, kind, name, slash } = place(session, path)
  if (kind !== "name") refuse("EISDIR")
  requireWritable(volume)
  const node = lookUp(directory, name) ?? refuse("ENOENT")
  if (slash) refuse(node._tag === "Directory" ? "EISDIR" : "ENOTDIR")
  permitRemoval(volume, caller, directory, node, "other")
  remove(volume, directory, name, node)
}

const isWithin = (directory: Directory, above: Node): boolean => {
  for (let at = directory;; at = at.parent) {
    if (at === above) return true
    if (at === at.parent) return false
  }
}

/** @internal */
export const rename = (session: Session, from: string, to: string): void => {
  const { caller, volume } = session
  const old = place(session, from)
  const next = place(session, to)
  if (old.kind !== "name" || next.kind !== "name") refuse("EBUSY")
  requireWritable(volume)
  const node = lookUp(old.directory, old.name) ?? refuse("ENOENT")
  const replaced = lookUp(next.directory, next.name)
  const isDirectory = node._tag === "Directory"
  if (next.directory.nlink === 0) refuse("ENOENT")
  if (!isDirectory && (old.slash || next.slash)) refuse("ENOTDIR")
  if (isDirectory && isWithin(next.directory, node)) refuse("EINVAL")
  if (replaced !== undefined && isWithin(old.directory, replaced)) refuse("ENOTEMPTY")
  // also by two names of one file
  if (replaced === node) return

  const call = isDirectory ? "directory" : "other"
  permitRemoval(volume, caller, old.directory, node, call)
  if (replaced === undefined) permitEntry(volume, caller, next.directory)
  else permitRemoval(volume, caller, next.directory, replaced, call)
  // its ".." changes
  if (isDirectory && old.directory !== next.directory) permit(volume, caller, node, want.write)
  if (replaced?._tag === "Directory" && replaced.entries.size > 0) refuse("ENOTEMPTY")

  if (replaced !== undefined) remove(volume, next.directory, next.name, replaced)
  detach(volume, old.directory, old.name, node)
  attach(volume, next.directory, next.name, node)
}
