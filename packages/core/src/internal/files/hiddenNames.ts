/**
 * The names of this library's hidden files: one grammar for writing, listing and sweeping them.
 */
import * as text from "../lib/text.js"

const beginning = ".effect-remote-"
const temporary = ".tmp"
const partial = ".part"

/**
 * The name that a file is written under before its rename. It cannot be guessed. Its length is fixed, because the target's name
 * may already have the maximum length.
 *
 * @internal
 */
export const temporaryName = (unguessable: string): string => `${beginning}${unguessable}${temporary}`

/** @internal */
export const isTemporary = (name: string): boolean => /^\.effect-remote-[0-9a-f]{32}\.tmp$/.test(name)

/**
 * Whether this is the name of a partial file, which a resumable transfer left.
 *
 * @internal
 */
export const isPartial = (name: string): boolean =>
  /^\.effect-remote-[0-9a-f]{16}-[0-9a-z]+--?[0-9a-z]+\.part$/.test(name)

/** @internal */
export const isHidden = (name: string): boolean => name.startsWith(beginning) && (isTemporary(name) || isPartial(name))

// FNV-1a with 64 bits. A deliberate collision costs only a comparison, because resuming compares the content.
const hash = (name: string): string => {
  let value = 0xcbf29ce484222325n
  for (const byte of text.encode(name)) value = BigInt.asUintN(64, (value ^ BigInt(byte)) * 0x100000001b3n)
  return value.toString(16).padStart(16, "0")
}

/**
 * The beginning of the names of all partial files of a target.
 *
 * @internal
 */
export const partialsOf = (name: string): string => `${beginning}${hash(name)}-`

/**
 * The name of a partial file. It depends only on the target, the size and the time. It is short even if the target's name is
 * long.
 *
 * @internal
 */
export const partialName = (
  name: string,
  { mtime, size }: { readonly mtime: number; readonly size: bigint }
): string => `${partialsOf(name)}${size.toString(36)}-${Math.trunc(mtime).toString(36)}${partial}`
