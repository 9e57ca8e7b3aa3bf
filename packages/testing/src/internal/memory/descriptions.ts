/**
 * Open files and directories. They stay usable after their name is removed.
 */
import type { OpenFlags } from "../sftp/sftpFileSystem.js"
import { noteWrite, resize } from "./attributes.js"
import type { Caller } from "./caller.js"
import { largestFile } from "./content.js"
import type { Directory, Node } from "./node.js"
import { permit, permitReuse, requireWritable, want } from "./permissions.js"
import { refuse } from "./refusal.js"
import { find, findOrPlace, type Session } from "./resolve.js"
import { createFile } from "./tree.js"
import { reap, touchRead, type Volume } from "./volume.js"

const openExisting = (session: Session, node: Node, { read, truncate, write }: OpenFlags): Node => {
  const { caller, volume } = session
  if (node._tag === "Link") refuse("ELOOP")
  const wanted = (read || !write ? want.read : 0) | (write || truncate ? want.write : 0)
  if (node._tag === "Directory" && (wanted & want.write) !== 0) refuse("EISDIR")
  permit(volume, caller, node, wanted)
  // the other end of the pipe is not open
  if (node._tag === "Fifo") refuse("ENXIO")
  if (truncate && node._tag === "File") resize(volume, caller, node, 0)
  return node
}

const openNode = (session: Session, path: string, flags: OpenFlags, mode: number): Node => {
  if (!flags.create) return openExisting(session, find(session, path, "follow"), flags)
  const { node, place } = findOrPlace(session, path, flags.exclusive ? "link" : "follow")
  if (node === undefined) return createFile(session, place, mode)
  if (flags.exclusive) refuse("EEXIST")
  if (node._tag === "Directory") refuse("EISDIR")
  permitReuse(session.volume, session.caller, place.directory, node)
  return openExisting(session, node, flags)
}

/** @internal */
export class FileDescription {
  readonly path: string
  readonly node: Node
  readonly #volume: Volume
  readonly #caller: Caller
  readonly #flags: OpenFlags
  #isOpen = true

  constructor(session: Session, path: string, flags: OpenFlags, mode: number, absolute: string) {
    this.node = openNode(session, path, flags, mode)
    this.path = absolute
    this.#volume = session.volume
    this.#caller = session.caller
    this.#flags = flags
    this.node.opens++
    this.#volume.openFiles.add(this)
  }

  read(offset: number, length: number): Uint8Array {
    this.requireOpen()
    if (!this.#flags.read && this.#flags.write) refuse("EBADF")
    if (this.node._tag === "Directory") refuse("EISDIR")
    if (this.node._tag !== "File") return refuse("EINVAL")
    // a read past the largest possible file does not touch the file
    if (length > 0 && offset < largestFile) touchRead(this.#volume, this.node)
    return this.node.content.read(offset, length)
  }

  write(offset: number, bytes: Uint8Array): number {
    this.requireOpen()
    if (!this.#flags.write) refuse("EBADF")
    if (this.node._tag !== "File") return refuse("EINVAL")
    if (bytes.length === 0) return 0
    requireWritable(this.#volume)
    const { content } = this.node
    const written = content.write(this.#flags.append ? content.size : offset, bytes)
    noteWrite(this.#volume, this.#caller, this.node)
    return written
  }

  resize(size: number): void {
    this.requireOpen()
    if (!this.#flags.write || this.node._tag !== "File") return refuse("EINVAL")
    requireWritable(this.#volume)
    resize(this.#volume, this.#caller, this.node, size)
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.node.opens--
    this.#volume.openFiles.delete(this)
    reap(this.node)
  }

  requireOpen(): void {
    if (!this.#isOpen) refuse("EBADF")
  }
}

/** @internal */
export class DirectoryDescription {
  readonly path: string
  readonly #volume: Volume
  readonly #directory: Directory
  #names: Iterator<string> | undefined
  #isOpen = true

  constructor(session: Session, path: string, absolute: string) {
    const node = find(session, path, "follow")
    if (node._tag !== "Directory") refuse("ENOTDIR")
    permit(session.volume, session.caller, node, want.read)
    this.path = absolute
    this.#volume = session.volume
    this.#directory = node
    this.#volume.openDirectories.add(this)
  }

  /** The next names. Entries created during the reading may be among them. */
  read(most: number): ReadonlyArray<string> {
    if (!this.#isOpen) refuse("EBADF")
    if (this.#directory.nlink > 0) touchRead(this.#volume, this.#directory)
    this.#names ??= this.#all()
    const found: Array<string> = []
    while (found.length < most) {
      const next = this.#names.next()
      if (next.done === true) break
      found.push(next.value)
    }
    return found
  }

  close(): void {
    this.#isOpen = false
    this.#volume.openDirectories.delete(this)
  }

  *#all(): Generator<string, void> {
    if (this.#directory.nlink === 0) return
    yield "."
    yield ".."
    yield* this.#directory.entries.keys()
  }
}
