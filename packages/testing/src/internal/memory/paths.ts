/**
 * Paths as the host takes them: bytes, written as `Sftp.encodeName` has them.
 */
import * as Sftp from "@effect-remote/core/protocol/Sftp"
import { refuse } from "./refusal.js"

const longestName = 255
const longestPath = 4096
const mostBytesOfUnit = 3
const loneSurrogate = /\p{Surrogate}/u

/** @internal */
export const byteLength = (text: string): number => Sftp.encodeName(text).length

// The bytes of a short text are not counted, because they cannot exceed the limit.
const hasBytes = (text: string, most: number): boolean =>
  text.length * mostBytesOfUnit > most && byteLength(text) > most

/** @internal */
export const isTooLongName = (name: string): boolean => hasBytes(name, longestName)

/**
 * The end of a path is a NUL, which counts.
 *
 * @internal
 */
export const isTooLongPath = (path: string): boolean => hasBytes(path, longestPath - 1)

/**
 * The one way to write a path: the same bytes may be a character or escapes of its bytes.
 *
 * @internal
 */
export const canonical = (path: string): string =>
  loneSurrogate.test(path) ? Sftp.decodeName(Sftp.encodeName(path)) : path

/**
 * A path, or a link's target, that can be walked.
 *
 * @internal
 */
export const check = (path: string): string => {
  if (path === "") refuse("ENOENT")
  if (path.includes("\0")) refuse("EINVAL")
  const bytes = canonical(path)
  if (isTooLongPath(bytes)) refuse("ENAMETOOLONG")
  return bytes
}

/** @internal */
export const components = (path: string): Array<string> => path.split("/").filter((name) => name !== "")

/** @internal */
export const join = (directory: string, name: string): string => directory === "/" ? `/${name}` : `${directory}/${name}`
