/**
 * The names of hidden files, which only this library makes: one grammar, for those who write, list and sweep them.
 */
import * as text from "../lib/text.js"

const beginning = ".effect-remote-"
const temporary = ".tmp"
const partial = ".part"

/**
 * The name that a file is written under. Unguessable, and its length does not depend on the target's, which may be the
 * longest.
 *
 * @internal
 */
export const temporaryName = (unguessable: string): string => `${beginning}${unguessable}${temporary}`

/** @internal */
export const isTemporary = (name: string): boolean => /^\.effect-remote-[0-9a-f]{32}\.tmp$/.test(name)

/**
 * Whether a file of that name waits for the rest of a transfer.
 *
 * @internal
 */
export const isPartial = (name: string): boolean =>
  /^\.effect-remote-[0-9a-f]{16}-[0-9a-z]+--?[0-9a-z]+\.part$/.test(name)

/** @internal */
export const isHidden = (name: string): boolean => name.startsWith(beginning) && (isTemporary(name) || isPartial(name))

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
export const partialName = (
  name: string,
  { mtime, size }: { readonly mtime: number; readonly size: bigint }
): string => `${partialsOf(name)}${size.toString(36)}-${Math.trunc(mtime).toString(36)}${partial}`
