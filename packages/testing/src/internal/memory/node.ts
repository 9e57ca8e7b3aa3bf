/**
 * Nodes, as inodes: files, directories, links and named pipes, independent of their names.
 */
import type { Stat } from "../sftp/sftpFileSystem.js"
import type { Content } from "./content.js"
import { byteLength } from "./paths.js"

interface Common {
  readonly ino: number
  /** The permissions, without the bits of the type. */
  mode: number
  uid: number
  gid: number
  /** 0 once removed. */
  nlink: number
  /** How often it is open. */
  opens: number
  /** Times in milliseconds. */
  atime: number
  mtime: number
  ctime: number
}

/** @internal */
export interface File extends Common {
  readonly _tag: "File"
  readonly content: Content
}

/** @internal */
export interface Directory extends Common {
  readonly _tag: "Directory"
  readonly entries: Map<string, Node>
  /** The root is its own parent. A removed directory keeps its last parent. */
  parent: Directory
}

/** @internal */
export interface Link extends Common {
  readonly _tag: "Link"
  readonly target: string
}

/** @internal */
export interface Fifo extends Common {
  readonly _tag: "Fifo"
}

/** @internal */
export type Node = File | Directory | Link | Fifo

const typeBits = { File: 0o100000, Directory: 0o040000, Link: 0o120000, Fifo: 0o010000 } as const

const directorySize = 4096

const sizeOf = (node: Node): number => {
  switch (node._tag) {
    case "File":
      return node.content.size
    case "Directory":
      return directorySize
    case "Link":
      return byteLength(node.target)
    case "Fifo":
      return 0
  }
}

/** @internal */
export const stat = (node: Node): Stat => ({
  mode: typeBits[node._tag] | node.mode,
  nlink: node.nlink,
  uid: node.uid,
  gid: node.gid,
  size: BigInt(sizeOf(node)),
  atime: Math.floor(node.atime / 1000),
  mtime: Math.floor(node.mtime / 1000),
  dev: 1n,
  ino: BigInt(node.ino)
})
