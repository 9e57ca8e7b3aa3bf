/**
 * Numbers as the C library writes them.
 */
import * as tool from "../tool.js"

/** Digits by `show`, with ties to even. JavaScript rounds ties up. */
const rounded = (number: number, precision: number, show: (number: number, digits: number) => string): string => {
  const up = show(number, precision)
  // far enough to see whether a tie is exact
  const [mantissa = "", exponent] = show(number, Math.min(100, precision + 25)).split("e")
  const point = mantissa.indexOf(".")
  const cut = point + 1 + precision
  if (point < 0 || !/^50*$/.test(mantissa.slice(cut))) return up
  const down = mantissa.slice(0, precision === 0 ? point : cut)
  return /[02468]$/.test(down) ? (exponent === undefined ? down : `${down}e${exponent}`) : up
}

const fixed = (number: number, precision: number): string => {
  // from here JavaScript writes an exponent, and every number is an integer
  if (number < 1e21) return rounded(number, precision, (one, digits) => one.toFixed(digits))
  return precision === 0 ? `${BigInt(number)}` : `${BigInt(number)}.${"0".repeat(precision)}`
}

const exponential = (number: number, precision: number): string =>
  rounded(number, precision, (one, digits) => one.toExponential(digits)).replace(/e([-+])([0-9])$/, "e$10$2")

const withoutZeros = (digits: string): string => digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits

const general = (number: number, precision: number, keepsZeros: boolean): string => {
  const most = Math.max(1, precision)
  const [digits = "", power = ""] = exponential(number, most - 1).split("e")
  const exponent = Number(power)
  const trim = keepsZeros ? (text: string) => text : withoutZeros
  return exponent < -4 || exponent >= most
    ? `${trim(digits)}e${power}`
    : trim(fixed(number, most - 1 - exponent))
}

const mostPrecise = 100

/**
 * A number that is not negative, by the conversion `e`, `f` or `g`.
 *
 * @internal
 */
export const format = (number: number, conversion: string, precision: number, keepsZeros: boolean): string => {
  if (precision > mostPrecise) {
    throw tool.stop(`InMemoryHost does not understand the precision ${precision} of %${conversion}`, 2)
  }
  if (Number.isNaN(number)) return "nan"
  if (number === Infinity) return "inf"
  return conversion === "f"
    ? fixed(number, precision)
    : conversion === "e"
    ? exponential(number, precision)
    : general(number, precision, keepsZeros)
}

/**
 * A number by CONVFMT or OFMT.
 *
 * @internal
 */
export const number = (value: number, conversion: string): string => {
  const match = /^([^%]*)%(?:\.([0-9]+))?([efg])([^%]*)$/.exec(conversion)
  if (match === null) throw tool.stop(`InMemoryHost does not understand ${conversion} as CONVFMT or OFMT`, 2)
  const [, before = "", precision = "6", letter = "", after = ""] = match
  return `${before}${value < 0 ? "-" : ""}${format(Math.abs(value), letter, Number(precision), false)}${after}`
}
