/**
 * `printf` and `sprintf` of awk.
 */
import { pad, padNumber, signOf, type Specifier as Padding } from "../conversion.js"
import * as tool from "../tool.js"
import * as float from "./float.js"
import { toNumber, toText, type Value } from "./value.js"

const specifier = /%([-+ #0]*)(\*|[0-9]+)?(?:\.(\*|[0-9]*))?([^]?)/y

const refuse = (what: string): never => {
  throw tool.stop(`InMemoryHost does not understand ${what}`, 2)
}

// As wide as a conversion may be.
const widest = 1_000_000

interface State {
  readonly template: string
  readonly values: ReadonlyArray<Value>
  readonly convfmt: string
  /** The number of values used so far. */
  taken: number
}

interface Specifier extends Padding {
  readonly conversion: string
}

const take = (state: State): Value => {
  const { taken, template, values } = state
  if (taken < values.length) return values[state.taken++]
  return refuse(`the format ${JSON.stringify(template)} with ${values.length} values, since it takes more`)
}

const count = (state: State, given: string): number => {
  const number = given === "*" ? Math.trunc(toNumber(take(state))) : Number(given)
  return Math.abs(number) <= widest ? number : refuse(`the width ${number}`)
}

const character = (state: State, spec: Specifier): string => {
  const value = take(state)
  const text = typeof value === "number" || typeof value === "object"
    ? String.fromCharCode(Math.trunc(toNumber(value)) & 255)
    : toText(value, state.convfmt).slice(0, 1)
  return pad(text, spec)
}

const integer = (state: State, spec: Specifier, base: number): string => {
  const { conversion, flags, precision } = spec
  const number = Math.trunc(toNumber(take(state)))
  if (!(Math.abs(number) < 2 ** 63)) refuse(`%${conversion} of ${number}`)
  const isSigned = conversion === "d" || conversion === "i"
  if (number < 0 && !isSigned) refuse(`%${conversion} of ${number}`)
  const digits = precision === 0 && number === 0
    ? ""
    : BigInt(Math.abs(number)).toString(base).padStart(precision ?? 1, "0")
  const prefix = isSigned
    ? signOf(number < 0, flags)
    : base === 16 && flags.includes("#") && number !== 0
    ? "0x"
    : base === 8 && flags.includes("#") && !digits.startsWith("0")
    ? "0"
    : ""
  return padNumber(prefix, digits, spec, precision === undefined)
}

const floating = (state: State, spec: Specifier, conversion: "e" | "f" | "g"): string => {
  const { flags, precision } = spec
  const number = toNumber(take(state))
  const digits = float.format(Math.abs(number), conversion, precision ?? 6, flags.includes("#"))
  return padNumber(signOf(number < 0 || Object.is(number, -0), flags), digits, spec, Number.isFinite(number))
}

const convert = (state: State, spec: Specifier): string => {
  const { conversion, precision } = spec
  switch (conversion) {
    case "c":
      return character(state, spec)
    case "s":
      return pad(toText(take(state), state.convfmt).slice(0, precision), spec)
    case "d":
    case "i":
    case "u":
      return integer(state, spec, 10)
    case "o":
      return integer(state, spec, 8)
    case "x":
      return integer(state, spec, 16)
    case "X":
      return integer(state, spec, 16).toUpperCase()
    case "e":
    case "f":
    case "g":
      return floating(state, spec, conversion)
    case "E":
    case "F":
    case "G":
      return convert(state, { ...spec, conversion: conversion.toLowerCase() }).toUpperCase()
    default:
      return refuse(`the conversion %${conversion} of the format ${JSON.stringify(state.template)}`)
  }
}

/**
 * The values by the template; `convfmt` is CONVFMT.
 *
 * @internal
 */
export const format = (template: string, values: ReadonlyArray<Value>, convfmt: string): string => {
  const state: State = { template, values, convfmt, taken: 0 }
  let text = ""
  for (let at = 0; at < template.length;) {
    const percent = template.indexOf("%", at)
    text += template.slice(at, percent < 0 ? undefined : percent)
    if (percent < 0) break
    specifier.lastIndex = percent
    const [whole = "%", flags = "", width = "0", given, conversion = ""] = specifier.exec(template) ?? []
    at = percent + whole.length
    if (whole === "%%") {
      text += "%"
      continue
    }
    const wide = count(state, width)
    const precision = given === undefined ? -1 : count(state, given || "0")
    text += convert(state, {
      flags: wide < 0 ? `${flags}-` : flags,
      width: Math.abs(wide),
      precision: precision < 0 ? undefined : precision,
      conversion
    })
  }
  return text
}
