/**
 * A volume: the root of a tree of files, its clock, its space, and its open files and directories.
 */
import type { FileSystemInfo } from "@effect-remote/core/protocol/Sftp"
import type { Errno } from "../sftp/sftpFileSystem.js"
import type { Caller } from "./caller.js"
import { Content, roomIn, type Space } from "./content.js"
import type { Directory, Fifo, File, Link, Node } from "./node.js"

/**
 * Linux's `fs.protected_*` settings, which protect shared directories such as `/tmp`.
 *
 * @internal
 */
export interface Protections {
  readonly hardlinks: boolean
  readonly symlinks: boolean
  /** 2: also in sticky directories that the group may write. */
  readonly regular: 0 | 1 | 2
}

/** @internal */
export type Operation =
  | "open"
  | "opendir"
  | "stat"
  | "lstat"
  | "truncate"
  | "chmod"
  | "utimes"
  | "chown"
  | "mkdir"
  | "rmdir"
  | "unlink"
  | "rename"
  | "link"
  | "symlink"
  | "readlink"
  | "statvfs"
  | "read"
  | "write"
  | "fstat"
  | "ftruncate"
  | "fchmod"
  | "futimes"
  | "fchown"
  | "fstatvfs"
  | "fsync"
  | "close"
  | "readdir"

/**
 * Called before each operation. The operation fails with the returned error, if any. `path` is absolute, `to` is the second path
 * of `rename` and `link`. An open file has the path that it was opened by. After a failed `close` the file is closed.
 *
 * @internal
 */
export type Fault = (operation: Operation, path: string, to: string | undefined) => Errno | undefined

/** @internal */
export interface Volume {
  readonly root: Directory
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly space: Space
  readonly protections: Protections
  readOnly: boolean
  fault: Fault | undefined
  /** By the paths that they were opened by. */
  readonly openFiles: Set<{ readonly path: string }>
  readonly openDirectories: Set<{ readonly path: string }>
  readonly nextIno: () => number
}

/** @internal */
export type Owner = Pick<Caller, "uid" | "gid">

const common = (volume: Pick<Volume, "nextIno" | "now">, mode: number, { gid, uid }: Owner) => {
  const now = volume.now()
  return { ino: volume.nextIno(), mode, uid, gid, nlink: 1, opens: 0, atime: now, mtime: now, ctime: now }
}

/** @internal */
export const makeFile = (volume: Volume, mode: number, owner: Owner): File => ({
  _tag: "File",
  ...common(volume, mode, owner),
  content: new Content(volume.space)
})

/** @internal */
export const makeDirectory = (volume: Volume, mode: number, owner: Owner, parent: Directory): Directory => ({
  _tag: "Directory",
  ...common(volume, mode, owner),
  nlink: 2,
  entries: new Map(),
  parent
})

/** @internal */
export const makeLink = (volume: Volume, target: string, owner: Owner): Link => ({
  _tag: "Link",
  ...common(volume, 0o777, owner),
  target
})

/** @internal */
export const makeFifo = (volume: Volume, mode: number, owner: Owner): Fifo => ({
  _tag: "Fifo",
  ...common(volume, mode, owner)
})

const makeRoot = (volume: Pick<Volume, "nextIno" | "now">): Directory => {
  const fields = { _tag: "Directory" as const, ...common(volume, 0o755, { uid: 0, gid: 0 }), nlink: 2 }
  // the root is its own parent
  const root: Omit<Directory, "parent"> & { parent?: Directory } = { ...fields, entries: new Map<string, Node>() }
  return Object.assign(root, { parent: root as Directory })
}

/** @internal */
export const make = (options: {
  readonly now: () => number
  readonly quota: number
  readonly protections: Protections
}): Volume => {
  // as ext4 numbers its root
  let ino = 2
  const { now, protections, quota } = options
  const nextIno = () => ino++
  return {
    root: makeRoot({ now, nextIno }),
    now,
    space: { quota, used: 0, cap: () => Infinity, onFull: () => {} },
    protections,
    readOnly: false,
    fault: undefined,
    openFiles: new Set(),
    openDirectories: new Set(),
    nextIno
  }
}

/** @internal */
export const touch = (volume: Volume, node: Node): void => {
  node.mtime = node.ctime = volume.now()
}

const day = 24 * 60 * 60 * 1000

/**
 * Updates the access time as `relatime` does: after a change since the last update, and once a day.
 *
 * @internal
 */
export const touchRead = (volume: Volume, node: Node): void => {
  if (volume.readOnly) return
  const now = volume.now()
  if (node.atime <= node.mtime || node.atime <= node.ctime || now - node.atime >= day) node.atime = now
}

/**
 * Frees the content of a file without names, unless it is open.
 *
 * @internal
 */
export const reap = (node: Node): void => {
  if (node.nlink === 0 && node.opens === 0 && node._tag === "File") node.content.resize(0)
}

const blockSize = 4096
const mostBlocks = 2 ** 30
const mostFiles = 2n ** 30n
const readOnlyFlag = 1n

/** @internal */
export const info = ({ readOnly, space }: Volume): FileSystemInfo => {
  const total = Math.min(Math.floor(space.quota / blockSize), mostBlocks)
  const free = BigInt(Math.min(total, Math.floor(roomIn(space) / blockSize)))
  return {
    bsize: BigInt(blockSize),
    frsize: BigInt(blockSize),
    blocks: BigInt(total),
    bfree: free,
    bavail: free,
    files: mostFiles,
    ffree: mostFiles,
    favail: mostFiles,
    fsid: 0n,
    flag: readOnly ? readOnlyFlag : 0n,
    namemax: 255n
  }
}
