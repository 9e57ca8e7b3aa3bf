/**
 * `printf`, and the escapes of `echo`.
 */
import { pad, padNumber, signOf, type Specifier } from "./conversion.js"

/** @internal */
export interface Formatted {
  readonly text: string
  /** Messages about invalid arguments. Their valid part is used. */
  readonly problems: ReadonlyArray<string>
  /** The construct that is not supported. */
  readonly refused: string | undefined
}

const simple: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\"
}

/**
 * A text with its escapes undone, up to `\c`. `octal`: `"plain"` is `\ooo`, `"both"` is `\0ooo` as well.
 *
 * @internal
 */
export const unescape = (
  text: string,
  octal: "both" | "plain",
  hex = false
): { readonly text: string; readonly stopped: boolean } => {
  let result = ""
  for (let at = 0; at < text.length;) {
    const character = text.charAt(at++)
    const following = text.charAt(at)
    if (character !== "\\" || following === "") {
      result += character
      continue
    }
    const rest = text.slice(at, at + 4)
    const digits = octal !== "plain" && /^0[0-7]{0,3}/.exec(rest) || /^[0-7]{1,3}/.exec(rest)
    const hexDigits = hex ? /^x[0-9A-Fa-f]{1,2}/.exec(rest) : null
    if (following === "c" && octal !== "plain") return { text: result, stopped: true }
    if (digits) {
      result += String.fromCharCode(Number.parseInt(digits[0], 8) & 255)
      at += digits[0].length
    } else if (hexDigits !== null) {
      result += String.fromCharCode(Number.parseInt(hexDigits[0].slice(1), 16))
      at += hexDigits[0].length
    } else if (following in simple || hex && following === "e") {
      result += simple[following] ?? "\x1b"
      at++
    } else {
      result += `\\${following}`
      at++
    }
  }
  return { text: result, stopped: false }
}

const padInteger = (sign: string, digits: string, spec: Specifier): string =>
  padNumber(sign, digits.padStart(spec.precision ?? 1, "0"), spec, spec.precision === undefined)

interface State {
  readonly values: ReadonlyArray<string>
  readonly problems: Array<string>
  /** The number of values used so far. */
  taken: number
  text: string
  refused: string | undefined
  /** Set by `\c` in a value, and by a construct that is not supported. */
  isStopped: boolean
}

const take = (state: State): string | undefined => state.values[state.taken++]

const refuse = (state: State, construct: string): void => {
  state.refused = construct
  state.isStopped = true
}

const takeInteger = (state: State): bigint => {
  const value = take(state)
  if (value === undefined || value === "") return 0n
  if (/^["']/.test(value)) return BigInt(value.charCodeAt(1) || 0)
  const match = /^\s*([-+]?)(0[xX][0-9A-Fa-f]+|[0-9]+)/.exec(value)
  if (match === null) {
    state.problems.push(`${value}: expected numeric value`)
    return 0n
  }
  const [whole, sign, digits = "0"] = match
  if (whole.length < value.length) state.problems.push(`${value}: not completely converted`)
  const octal = /^0[0-7]+$/.test(digits)
  const magnitude = BigInt(octal ? `0o${digits.slice(1)}` : digits.replace(/^0+(?=[0-9])/, ""))
  return sign === "-" ? -magnitude : magnitude
}

const takeNumber = (state: State): number => {
  const given = take(state) ?? "0"
  const value = Number(given)
  if (!Number.isNaN(value)) return value
  state.problems.push(`${given}: expected numeric value`)
  return 0
}

type Convert = (state: State, spec: Specifier) => string

const escapedText: Convert = (state, spec) => {
  const { stopped, text } = unescape(take(state) ?? "", "both")
  if (stopped) state.isStopped = true
  return pad(text.slice(0, spec.precision), spec)
}

const signed: Convert = (state, spec) => {
  const value = takeInteger(state)
  return padInteger(signOf(value < 0n, spec.flags), `${value < 0n ? -value : value}`, spec)
}

const unsigned = (radix: number, prefix: string, isUpper = false): Convert => (state, spec) => {
  const value = BigInt.asUintN(64, takeInteger(state))
  const digits = value.toString(radix)
  return padInteger(
    spec.flags.includes("#") && value !== 0n ? prefix : "",
    isUpper ? digits.toUpperCase() : digits,
    spec
  )
}

const fixed: Convert = (state, spec) => {
  const number = takeNumber(state)
  const sign = signOf(number < 0 || Object.is(number, -0), spec.flags)
  return padNumber(sign, Math.abs(number).toFixed(Math.min(spec.precision ?? 6, 100)), spec)
}

const conversions: Readonly<Record<string, Convert>> = {
  s: (state, spec) => pad((take(state) ?? "").slice(0, spec.precision), spec),
  b: escapedText,
  c: (state, spec) => pad((take(state) ?? "").slice(0, 1), spec),
  d: signed,
  i: signed,
  u: unsigned(10, ""),
  o: unsigned(8, "0"),
  x: unsigned(16, "0x"),
  X: unsigned(16, "0X", true),
  f: fixed
}

const count = (state: State, given: string): number => Number(given === "*" ? takeInteger(state) : given)

const specifier = /%(?:%|([-+ #0]*)(\*|[0-9]+)?(?:\.(\*|[0-9]*))?([A-Za-z]?))/y

// Formats the template once, with the values that it takes.
const formatOnce = (state: State, template: string): void => {
  for (let at = 0; at < template.length && !state.isStopped;) {
    const percent = template.indexOf("%", at)
    state.text += unescape(template.slice(at, percent < 0 ? undefined : percent), "plain").text
    if (percent < 0) return
    specifier.lastIndex = percent
    const match = specifier.exec(template)
    if (match === null) return refuse(state, "%")
    at = specifier.lastIndex
    const [whole, flags = "", width = "0", precision, conversion = ""] = match
    if (whole === "%%") {
      state.text += "%"
      continue
    }
    const wide = count(state, width)
    const spec: Specifier = {
      flags: wide < 0 ? `${flags}-` : flags,
      width: Math.abs(wide),
      precision: precision === undefined ? undefined : count(state, precision || "0")
    }
    const convert = conversions[conversion]
    if (convert === undefined) return refuse(state, `%${conversion}`)
    state.text += convert(state, spec)
  }
}

/**
 * Formats the template as often as there are values for.
 *
 * @internal
 */
export const format = (template: string, values: ReadonlyArray<string>): Formatted => {
  const state: State = { values, problems: [], taken: 0, text: "", refused: undefined, isStopped: false }
  let before: number
  do {
    before = state.taken
    formatOnce(state, template)
  } while (!state.isStopped && state.taken > before && state.taken < values.length)
  const { problems, refused, text } = state
  return { text, problems, refused }
}
