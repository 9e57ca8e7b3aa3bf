/**
 * The variables of an awk program.
 */
import { type Cell, type Locals, type Machine, refuse } from "./machine.js"
import type * as regexp from "./regexp.js"
import { unescape } from "./tokens.js"
import { fromInput, toNumber, toText, type Value } from "./value.js"

const initial = {
  CONVFMT: "%.6g",
  FNR: 0,
  FS: " ",
  NR: 0,
  OFMT: "%.6g",
  OFS: " ",
  ORS: "\n",
  RLENGTH: -1,
  RS: "\n",
  RSTART: 0,
  SUBSEP: "\x1c"
}

/** @internal */
export const cellOf = (value?: Value, lender?: Cell): Cell => ({ value, array: undefined, lender })

/** @internal */
export const globals = (): Map<string, Cell> =>
  new Map(Object.entries(initial).map(([name, value]) => [name, cellOf(value)]))

/** @internal */
export const global = (machine: Machine, name: string): Cell => {
  const found = machine.globals.get(name) ?? cellOf()
  machine.globals.set(name, found)
  return found
}

/** @internal */
export const increment = (machine: Machine, name: string): void => {
  const cell = global(machine, name)
  cell.value = toNumber(cell.value) + 1
}

/** @internal */
export const textOf = (machine: Machine, value: Value): string =>
  toText(value, toText(global(machine, "CONVFMT").value, "%.6g"))

/** @internal */
export const setting = (machine: Machine, name: string): string => textOf(machine, global(machine, name).value)

/**
 * A separator as FS has it.
 *
 * @internal
 */
export const separatorOf = (machine: Machine, text: string): regexp.Expression | string =>
  text.length <= 1 ? text : machine.expressionOf(text)

/** @internal */
export const lookUp = (machine: Machine, name: string, locals: Locals): Cell =>
  locals?.get(name) ?? global(machine, name)

/**
 * The array of a cell, or of the one that lends it.
 *
 * @internal
 */
export const lent = (cell: Cell): Map<string, Value> => {
  if (cell.array !== undefined) return cell.array
  cell.array = cell.lender === undefined ? new Map() : lent(cell.lender)
  return cell.array
}

/** @internal */
export const arrayOf = (machine: Machine, name: string, locals: Locals): Map<string, Value> => {
  const cell = lookUp(machine, name, locals)
  if (cell.value !== undefined || Object.hasOwn(initial, name)) refuse(`${name} as an array, since it is a value`)
  return lent(cell)
}

const isFieldCount = (name: string, locals: Locals): boolean => name === "NF" && locals?.has(name) !== true

const scalarOf = (machine: Machine, name: string, locals: Locals): Cell => {
  const cell = lookUp(machine, name, locals)
  if (cell.array !== undefined) refuse(`${name} as a value, since it is an array`)
  return cell
}

/** @internal */
export const valueOf = (machine: Machine, name: string, locals: Locals): Value =>
  isFieldCount(name, locals) ? machine.record.count() : scalarOf(machine, name, locals).value

/** @internal */
export const assign = (machine: Machine, name: string, value: Value, locals: Locals): void => {
  if (isFieldCount(name, locals)) machine.record.setCount(toNumber(value))
  else scalarOf(machine, name, locals).value = value
}

const assignment = /^([A-Za-z_][A-Za-z0-9_]*)=([^]*)$/

/**
 * Makes the assignment of an operand or of `-v`, if it is one.
 *
 * @internal
 */
export const assignOperand = (machine: Machine, text: string): boolean => {
  const [, name, value = ""] = assignment.exec(text) ?? []
  if (name === undefined) return false
  assign(machine, name, fromInput(unescape(value)), undefined)
  return true
}
