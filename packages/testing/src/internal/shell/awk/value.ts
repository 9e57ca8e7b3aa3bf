/**
 * Values of awk: numbers, strings, and input that may be either.
 */
import { number as shown } from "./float.js"

/**
 * A text from outside of the program that looks like a number.
 *
 * @internal
 */
export class Numeric {
  constructor(readonly text: string, readonly number: number) {}
}

/**
 * `undefined`: nothing was assigned.
 *
 * @internal
 */
export type Value = Numeric | number | string | undefined

const decimal = "[ \\t\\n\\r\\f\\v]*([-+]?(?:[0-9]+\\.?[0-9]*|\\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
const whole = new RegExp(`^${decimal}[ \\t\\n\\r\\f\\v]*$`)
const start = new RegExp(`^${decimal}`)

const numberOfText = (text: string): number => Number(start.exec(text)?.[1] ?? 0)

/** @internal */
export const fromInput = (text: string): Value => whole.test(text) ? new Numeric(text, numberOfText(text)) : text

/** @internal */
export const toNumber = (value: Value): number =>
  typeof value === "number"
    ? value
    : value === undefined
    ? 0
    : typeof value === "string"
    ? numberOfText(value)
    : value.number

/**
 * An integer as one, another number by `format`: that of CONVFMT or OFMT.
 *
 * @internal
 */
export const toText = (value: Value, format: string): string =>
  typeof value === "string"
    ? value
    : value === undefined
    ? ""
    : typeof value !== "number"
    ? value.text
    : Number.isInteger(value) && Math.abs(value) < 2 ** 63
    ? `${BigInt(value)}`
    : shown(value, format)

/** @internal */
export const isTrue = (value: Value): boolean => typeof value === "string" ? value !== "" : toNumber(value) !== 0

/**
 * Compares as numbers unless one of them is a string.
 *
 * @internal
 */
export const compare = (left: Value, right: Value, format: string): number => {
  const isText = typeof left === "string" || typeof right === "string"
  const one = isText ? toText(left, format) : toNumber(left)
  const other = isText ? toText(right, format) : toNumber(right)
  return one < other ? -1 : one > other ? 1 : one === other ? 0 : NaN
}
