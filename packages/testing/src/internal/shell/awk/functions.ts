/**
 * The functions of awk that need their values alone.
 */
import type { Expression } from "./regexp.js"

/** @internal */
export const ofNumbers: Readonly<Record<string, (first: number, second: number) => number>> = {
  atan2: Math.atan2,
  cos: Math.cos,
  exp: Math.exp,
  int: Math.trunc,
  log: Math.log,
  sin: Math.sin,
  sqrt: Math.sqrt
}

/** @internal */
export const ofText: Readonly<Record<string, (text: string) => string>> = {
  // letters beyond ASCII have no case in the C locale
  tolower: (text) => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()),
  toupper: (text) => text.replace(/[a-z]+/g, (letters) => letters.toUpperCase())
}

const toEven = (number: number): number => {
  const down = Math.floor(number)
  const rest = number - down
  return rest < 0.5 || rest === 0.5 && down % 2 === 0 ? down : down + 1
}

/** @internal */
export const substr = (text: string, from: number, size: number): string => {
  const start = toEven(from)
  const end = size === Infinity ? Infinity : start + toEven(size)
  const first = Math.max(start, 1)
  return end > first ? text.slice(first - 1, end - 1) : ""
}

/** `&` in the text is what was matched, `\&` is `&`, and `\\&` is a backslash before what was matched. */
const replacementOf = (text: string) => (matched: string): string =>
  text.replace(/\\\\&|\\&|&/g, (part) => part === "&" ? matched : part === "\\&" ? "&" : `\\${matched}`)

/**
 * `sub` and `gsub`: the text, and how many were replaced.
 *
 * @internal
 */
export const substitute = (
  expression: Expression,
  replacement: string,
  text: string,
  all: boolean
): readonly [text: string, count: number] => {
  const replace = replacementOf(replacement)
  let result = ""
  let count = 0
  let from = 0
  let last = -1
  while (from <= text.length) {
    const match = expression.search(text, from)
    if (match === undefined) break
    result += text.slice(from, match.start)
    // nothing is replaced right after a match
    if (match.end > match.start || match.start !== last) {
      result += replace(text.slice(match.start, match.end))
      count++
    }
    from = match.end
    last = match.end
    if (!all) break
    if (match.end === match.start) {
      result += text.charAt(from)
      from++
    }
  }
  return [result + text.slice(from), count]
}

/**
 * Numbers from 0 to 1 by a seed.
 *
 * @internal
 */
export const random = (seed: number): () => number => {
  let state = Math.trunc(seed) | 0
  return () => {
    state = state + 0x6d2b79f5 | 0
    let mixed = Math.imul(state ^ state >>> 15, 1 | state)
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32
  }
}
