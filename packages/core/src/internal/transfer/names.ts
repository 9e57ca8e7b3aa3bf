/**
 * Names that a listing told, and those of files that wait for the rest of them.
 */
import * as text from "../text.js"
import type { Seen } from "./side.js"

/** @internal */
export const isText = (name: string): boolean => !/\p{Surrogate}/u.test(name)

/**
 * The path of an entry below what is transferred.
 *
 * @internal
 */
export const below = (directory: string, name: string): string => directory === "" ? name : `${directory}/${name}`

const beginning = ".effect-remote-"
const partial = ".part"
const temporary = ".tmp"

/** @internal */
export const isPartial = (name: string): boolean => name.startsWith(beginning) && name.endsWith(partial)

/** @internal */
export const isTemporary = (name: string): boolean => name.startsWith(beginning) && name.endsWith(temporary)

// FNV-1a with 64 bits. A name that somebody makes for another's to be taken costs a comparison, no more.
const hash = (name: string): string => {
  let value = 0xcbf29ce484222325n
  for (const byte of text.encode(name)) value = BigInt.asUintN(64, (value ^ BigInt(byte)) * 0x100000001b3n)
  return value.toString(16).padStart(16, "0")
}

/**
 * What the names of all partial files of a target begin with.
 *
 * @internal
 */
export const partialsOf = (name: string): string => `${beginning}${hash(name)}-`

/**
 * The name of a partial file: the same for the same target, size and time, and short whatever the target's name.
 *
 * @internal
 */
export const partialName = (name: string, { mtime, size }: Pick<Seen, "mtime" | "size">): string =>
  `${partialsOf(name)}${size.toString(36)}-${Math.trunc(mtime).toString(36)}${partial}`
