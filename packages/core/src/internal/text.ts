/**
 * Names on a POSIX host are bytes. Bytes that are no UTF-8 travel in strings as lone surrogates, U+DC80 for 0x80 to
 * U+DCFF for 0xFF (what Python calls `surrogateescape`), so that any name survives the way there and back.
 */
const encoder = new TextEncoder()
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
const lenient = new TextDecoder("utf-8", { ignoreBOM: true })
const loneSurrogate = /\p{Surrogate}/u
const loneOther = /[\ud800-\udc7f\udd00-\udfff]/u
const escapes = /([\udc80-\udcff]+)/u

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
 * Whether the text stands for bytes: its lone surrogates are escapes, and only of bytes that are no UTF-8.
 *
 * @internal
 */
export const isEncodable = (text: string): boolean =>
  !loneSurrogate.test(text) || (!loneOther.test(text) && decode(encode(text)) === text)

/** @internal */
export const encode = (text: string): Uint8Array =>
  loneSurrogate.test(text)
    ? concat(
      text.split(escapes).map((part, index) =>
        index % 2 === 0 ? encoder.encode(part) : Uint8Array.from(part, (char) => char.charCodeAt(0) - 0xdc00)
      )
    )
    : encoder.encode(text)

// The length of the character at `at`, 0 where the bytes there are none.
const characterLength = (bytes: Uint8Array, at: number): number => {
  const first = bytes[at]!
  const length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
  return lenient.decode(bytes.subarray(at, at + length)).includes("\ufffd") && !isReplacement(bytes, at) ? 0 : length
}

const isReplacement = (bytes: Uint8Array, at: number): boolean =>
  bytes[at] === 0xef && bytes[at + 1] === 0xbf && bytes[at + 2] === 0xbd

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
        text += lenient.decode(bytes.subarray(from, at)) + String.fromCharCode(0xdc00 + bytes[at]!)
        from = at + 1
      }
      at += length === 0 ? 1 : length
    }
    return text + lenient.decode(bytes.subarray(from))
  }
}

/**
 * Text for people: what is no UTF-8 becomes U+FFFD.
 *
 * @internal
 */
export const display = (bytes: Uint8Array): string => lenient.decode(bytes)
