/**
 * Conversions between the byte strings of the shell and ordinary strings. As in the C locale, the shell and its tools see bytes.
 * A value is a string with one character for each byte. So lengths, patterns and orders are those of bytes, and nothing is lost.
 * Outside of the shell, words, names and values are strings as `Sftp.encodeName` encodes them.
 */
import * as Sftp from "@effect-remote/core/protocol/Sftp"

const isAscii = (value: string): boolean => {
  for (let at = 0; at < value.length; at++) if (value.charCodeAt(at) > 0x7f) return false
  return true
}

/** @internal */
export const encode = (value: string): Uint8Array => Buffer.from(value, "latin1")

/** @internal */
export const decode = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1")

/** @internal */
export const fromText = (text: string): string => isAscii(text) ? text : decode(Sftp.encodeName(text))

/** @internal */
export const toText = (value: string): string => isAscii(value) ? value : Sftp.decodeName(encode(value))

/**
 * The order of bytes, which that of such strings is.
 *
 * @internal
 */
export const compare = (left: string, right: string): number => left < right ? -1 : left > right ? 1 : 0
