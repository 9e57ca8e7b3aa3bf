/**
 * Evaluates the expressions of awk.
 */
import * as Effect from "effect/Effect"
import { builtin } from "./builtins.js"
import { type Cell, type Locals, type Machine, refuse, type Run, step } from "./machine.js"
import { nextRecord } from "./mainInput.js"
import { locate, pattern, subscript, text } from "./places.js"
import type { Expression } from "./syntax.js"
import { compare, fromInput, isTrue, toNumber, type Value } from "./value.js"
import * as variables from "./variables.js"

type Of<Tag> = Extract<Expression, { readonly _tag: Tag }>

// As deep as functions call each other.
const deepest = 400

const calculate = (operator: string, left: number, right: number): number => {
  switch (operator) {
    case "+":
      return left + right
    case "-":
      return left - right
    case "*":
      return left * right
    case "^":
      return left ** right
  }
  // some awks stop there, and others go on
  if (right === 0) refuse(`a division by zero (${left} ${operator} 0)`)
  return operator === "/" ? left / right : left % right
}

const orders: Readonly<Record<string, (order: number) => boolean>> = {
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0,
  "==": (order) => order === 0,
  "!=": (order) => order !== 0
}

function* getline(machine: Machine, { from, kind, place }: Of<"Getline">, locals: Locals): Run<number> {
  const target = place === undefined ? undefined : yield* locate(machine, place, locals)
  let found: string | undefined
  if (kind === "input" || from === undefined) found = yield* nextRecord(machine)
  else {
    const reader = yield* machine.io.readFrom(kind, yield* text(machine, from, locals))
    if (reader === undefined) return -1
    const separator = variables.separatorOf(machine, variables.setting(machine, "RS"))
    const read = yield* Effect.either(reader.next(separator))
    if (read._tag === "Left") return -1
    found = read.right
    if (found !== undefined && kind === "command") variables.increment(machine, "NR")
  }
  if (found === undefined) return 0
  if (target === undefined) machine.record.setText(found)
  else target.set(fromInput(found))
  return 1
}

/** The cell of a parameter. An array is shared with the caller, and so is a variable that may become one. */
function* parameterOf(machine: Machine, value: Expression | undefined, locals: Locals): Run<Cell> {
  if (value === undefined) return variables.cellOf()
  if (value._tag === "Variable" && value.name !== "NF") {
    const lender = variables.lookUp(machine, value.name, locals)
    if (lender.array !== undefined) return lender
    if (lender.value === undefined) return variables.cellOf(undefined, lender)
  }
  return variables.cellOf(yield* evaluate(machine, value, locals))
}

function* call(machine: Machine, { name, values }: Of<"Builtin" | "Call">, locals: Locals): Run<Value> {
  const definition = machine.program.functions.get(name)
  if (definition === undefined) return refuse(`the function ${name}`)
  const frame = new Map<string, Cell>()
  for (const [index, parameter] of definition.parameters.entries()) {
    frame.set(parameter, yield* parameterOf(machine, values[index], locals))
  }
  if (++machine.depth > deepest) refuse(`functions that call each other more than ${deepest} deep`)
  yield* step(machine)
  machine.returned = undefined
  yield* machine.execute(machine, definition.body, frame)
  machine.depth--
  const result = machine.returned
  machine.returned = undefined
  return result
}

function* assign(machine: Machine, { operator, place, value }: Of<"Assign">, locals: Locals): Run<Value> {
  const target = yield* locate(machine, place, locals)
  const given = yield* evaluate(machine, value, locals)
  const result = operator === "" ? given : calculate(operator, toNumber(target.get()), toNumber(given))
  target.set(result)
  return result
}

function* stepBy(machine: Machine, { by, isPrefix, place }: Of<"Step">, locals: Locals): Run<Value> {
  const target = yield* locate(machine, place, locals)
  const before = toNumber(target.get())
  target.set(before + by)
  return isPrefix ? before + by : before
}

function* conditional(machine: Machine, { otherwise, test, then }: Of<"Conditional">, locals: Locals): Run<Value> {
  return yield* evaluate(machine, isTrue(yield* evaluate(machine, test, locals)) ? then : otherwise, locals)
}

type Pair = Of<"And" | "Concat" | "Or">

function* either(machine: Machine, { left, right }: Pair, locals: Locals): Run<boolean> {
  return isTrue(yield* evaluate(machine, left, locals)) || isTrue(yield* evaluate(machine, right, locals))
}

function* both(machine: Machine, { left, right }: Pair, locals: Locals): Run<boolean> {
  return isTrue(yield* evaluate(machine, left, locals)) && isTrue(yield* evaluate(machine, right, locals))
}

function* concat(machine: Machine, { left, right }: Pair, locals: Locals): Run<string> {
  const first = yield* text(machine, left, locals)
  return first + (yield* text(machine, right, locals))
}

function* isElement(machine: Machine, { array, index }: Of<"In">, locals: Locals): Run<boolean> {
  const found = yield* subscript(machine, index, locals)
  return variables.arrayOf(machine, array, locals).has(found)
}

function* matches(machine: Machine, expression: Of<"Match">, locals: Locals): Run<boolean> {
  const whole = yield* text(machine, expression.text, locals)
  return (yield* pattern(machine, expression.pattern, locals)).test(whole) !== expression.isNegated
}

function* isOrdered(machine: Machine, expression: Of<"Arithmetic" | "Compare">, locals: Locals): Run<boolean> {
  const left = yield* evaluate(machine, expression.left, locals)
  const right = yield* evaluate(machine, expression.right, locals)
  const order = compare(left, right, variables.setting(machine, "CONVFMT"))
  return orders[expression.operator]?.(order) === true
}

function* arithmetic(machine: Machine, expression: Of<"Arithmetic" | "Compare">, locals: Locals): Run<Value> {
  const left = toNumber(yield* evaluate(machine, expression.left, locals))
  return calculate(expression.operator, left, toNumber(yield* evaluate(machine, expression.right, locals)))
}

function* unary(machine: Machine, { inner, operator }: Of<"Unary">, locals: Locals): Run<Value> {
  const value = yield* evaluate(machine, inner, locals)
  if (operator === "!") return isTrue(value) ? 0 : 1
  // not a negative zero, which awks write differently
  return operator === "-" ? 0 - toNumber(value) : toNumber(value)
}

const bit = (is: boolean): number => is ? 1 : 0

/** @internal */
export function* evaluate(machine: Machine, expression: Expression, locals: Locals): Run<Value> {
  switch (expression._tag) {
    case "Constant":
      return expression.value
    case "Variable":
      return variables.valueOf(machine, expression.name, locals)
    case "Field":
      return machine.record.get(toNumber(yield* evaluate(machine, expression.index, locals)))
    case "Element":
      return (yield* locate(machine, expression, locals)).get()
    case "Pattern":
      return bit(machine.expressionOf(expression.source).test(machine.record.text()))
    case "Group":
      return yield* evaluate(machine, expression.inner, locals)
    case "Subscripts":
      return refuse("a list of values there")
    case "Assign":
      return yield* assign(machine, expression, locals)
    case "Step":
      return yield* stepBy(machine, expression, locals)
    case "Conditional":
      return yield* conditional(machine, expression, locals)
    case "Or":
      return bit(yield* either(machine, expression, locals))
    case "And":
      return bit(yield* both(machine, expression, locals))
    case "In":
      return bit(yield* isElement(machine, expression, locals))
    case "Match":
      return bit(yield* matches(machine, expression, locals))
    case "Compare":
      return bit(yield* isOrdered(machine, expression, locals))
    case "Concat":
      return yield* concat(machine, expression, locals)
    case "Arithmetic":
      return yield* arithmetic(machine, expression, locals)
    case "Unary":
      return yield* unary(machine, expression, locals)
    case "Getline":
      return yield* getline(machine, expression, locals)
    case "Builtin":
      return yield* builtin(machine, expression.name, expression.values, locals)
    case "Call":
      return yield* call(machine, expression, locals)
  }
}
