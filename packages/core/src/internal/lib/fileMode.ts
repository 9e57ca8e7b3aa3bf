/**
 * The `st_mode` of POSIX: a type and permission bits.
 */
import type { File } from "@effect/platform/FileSystem"

const typeBits = 0o170000

/**
 * The permission bits, with set-user-id, set-group-id and sticky.
 *
 * @internal
 */
export const permissionBits = 0o7777

/**
 * The permission bits of owner, group and others.
 *
 * @internal
 */
export const accessBits = 0o777

/** @internal */
export const ownerBits = 0o700

/** @internal */
export const groupBits = 0o070

/** @internal */
export const othersBits = 0o007

/** @internal */
export const stickyBit = 0o1000

const types: Readonly<Record<number, File.Type>> = {
  [0o010000]: "FIFO",
  [0o020000]: "CharacterDevice",
  [0o040000]: "Directory",
  [0o060000]: "BlockDevice",
  [0o100000]: "File",
  [0o120000]: "SymbolicLink",
  [0o140000]: "Socket"
}

const nouns: Readonly<Record<File.Type, string>> = {
  BlockDevice: "a device",
  CharacterDevice: "a device",
  Directory: "a directory",
  FIFO: "a named pipe",
  File: "a file",
  Socket: "a socket",
  SymbolicLink: "a link",
  Unknown: "of an unknown type"
}

/** @internal */
export const typeOf = (mode: number): File.Type => types[mode & typeBits] ?? "Unknown"

/**
 * Whether the mode has a type, known here or not. Some servers list permission bits alone.
 *
 * @internal
 */
export const hasType = (mode: number): boolean => (mode & typeBits) !== 0

/**
 * The type as a message names it.
 *
 * @internal
 */
export const nounOf = (type: File.Type): string => nouns[type]

/** Attributes that may lack a mode. Some servers report no type in it: `type` is then what was found out otherwise. */
interface WithMode {
  readonly permissions?: number | undefined
  readonly type?: File.Type | undefined
}

/** @internal */
export const typeIn = ({ permissions = 0, type = typeOf(permissions) }: WithMode): File.Type => type

const isType = (type: File.Type) => (attributes: WithMode): boolean => typeIn(attributes) === type

/**
 * Whether the type is known, and is another one.
 *
 * @internal
 */
export const isOtherThan = (type: File.Type, attributes: WithMode): boolean =>
  (attributes.type !== undefined || hasType(attributes.permissions ?? 0)) && typeIn(attributes) !== type

/** @internal */
export const isDirectory = isType("Directory")

/** @internal */
export const isRegularFile = isType("File")

/** @internal */
export const isSocket = isType("Socket")

/** @internal */
export const isSymbolicLink = isType("SymbolicLink")

/**
 * Whether opening, reading or writing it can wait for another process, as a named pipe and a terminal do.
 *
 * @internal
 */
export const mayBlock = (attributes: WithMode): boolean => ["FIFO", "CharacterDevice"].includes(typeIn(attributes))
