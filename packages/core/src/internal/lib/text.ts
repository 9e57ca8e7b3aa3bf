/**
 * Names on a POSIX host are bytes. Invalid UTF-8 travels in strings as lone surrogates, U+DC80 for 0x80 to
 * U+DCFF for 0xFF (what Python calls `surrogateescape`), so that any name survives the way there and back.
 */
const encoder = new TextEncoder()
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const lenient = new TextDecoder("utf-8", { ignoreBOM: true })
const loneSurrogate = /\p{Surrogate}/u
const loneOther = /[\ud800-\udc7f\udd00-\udfff]/u

/** @internal */
export const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  if (parts.length === 1) return parts[0]!
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/**
 * Whether the text stands for bytes: its lone surrogates are escapes, and only of invalid UTF-8.
 *
 * @internal
 */
export const isEncodable = (text: string): boolean =>
  !loneSurrogate.test(text) || (!loneOther.test(text) && decode(encode(text)) === text)

/** @internal */
export const encode = (text: string): Uint8Array => {
  if (!loneSurrogate.test(text)) return encoder.encode(text)
  const bytes = new Uint8Array(text.length * 3)
  let size = 0
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0
    if (code < 0x80) bytes[size++] = code
    else if (code >= 0xdc80 && code <= 0xdcff) bytes[size++] = code - 0xdc00
    else size += encoder.encodeInto(char, bytes.subarray(size)).written
  }
  return bytes.slice(0, size)
}

// The length of the character at `at`, 0 for invalid bytes (The Unicode Standard, table 3-7).
const characterLength = (bytes: Uint8Array, at: number): number => {
  const first = bytes[at] ?? 0
  if (first < 0x80) return 1
  const length = first < 0xc2 || first > 0xf4 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80
  const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf
  for (let index = 1; index < length; index++) {
    const next = bytes[at + index] ?? 0
    if (next < (index === 1 ? least : 0x80) || next > (index === 1 ? most : 0xbf)) return 0
  }
  return length
}

/** @internal */
export const decode = (bytes: Uint8Array): string => {
  try {
    return strict.decode(bytes)
  } catch {
    let text = ""
    let from = 0
    for (let at = 0; at < bytes.length;) {
      const length = characterLength(bytes, at)
      if (length === 0) {
        text += (from === at ? "" : lenient.decode(bytes.subarray(from, at))) + String.fromCharCode(0xdc00 + bytes[at]!)
        from = at + 1
      }
      at += length === 0 ? 1 : length
    }
    return text + lenient.decode(bytes.subarray(from))
  }
}

/**
 * Text for people: invalid UTF-8 becomes U+FFFD.
 *
 * @internal
 */
export const display = (bytes: Uint8Array): string => lenient.decode(bytes)

// All but tab and line end that a terminal could take for an order, and what turns the direction of writing.
const orders = /(?![\t\n])\p{Cc}|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/**
 * Text for a terminal, from any source: characters that would steer the terminal are escaped, such as `\u001b`.
 *
 * @internal
 */
export const printable = (text: string): string =>
  text.replace(orders, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)
