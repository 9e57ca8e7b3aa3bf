/**
 * The functions of awk.
 */
import * as Clock from "effect/Clock"
import { format } from "./format.js"
import * as functions from "./functions.js"
import { type Locals, type Machine, refuse, type Run } from "./machine.js"
import { locate, pattern, text } from "./places.js"
import * as record from "./record.js"
import type { Expression } from "./syntax.js"
import { fromInput, toNumber, type Value } from "./value.js"
import * as variables from "./variables.js"

/** A function that looks at its operands before their values. */
type OfExpressions = (machine: Machine, values: ReadonlyArray<Expression>, locals: Locals) => Run<Value>

const wholeRecord: Expression = { _tag: "Field", index: { _tag: "Constant", value: 0 } }

function* length(machine: Machine, [first]: ReadonlyArray<Expression>, locals: Locals): Run<Value> {
  if (first?._tag === "Variable") {
    const cell = variables.lookUp(machine, first.name, locals)
    if (cell.array !== undefined || cell.lender?.array !== undefined) return variables.lent(cell).size
  }
  return (yield* text(machine, first ?? wholeRecord, locals)).length
}

function* split(machine: Machine, [first, second, third]: ReadonlyArray<Expression>, locals: Locals): Run<Value> {
  const whole = yield* text(machine, first ?? wholeRecord, locals)
  if (second?._tag !== "Variable") return refuse("split without an array")
  const separator = third === undefined
    ? variables.separatorOf(machine, variables.setting(machine, "FS"))
    : third._tag === "Pattern"
    ? machine.expressionOf(third.source)
    : variables.separatorOf(machine, yield* text(machine, third, locals))
  const array = variables.arrayOf(machine, second.name, locals)
  array.clear()
  const parts = record.split(whole, separator, third === undefined && variables.setting(machine, "RS") === "")
  for (const [index, part] of parts.entries()) array.set(`${index + 1}`, fromInput(part))
  return parts.length
}

const substitute = (name: "gsub" | "sub"): OfExpressions =>
  function*(machine, [first, second, third], locals): Run<Value> {
    const expression = yield* pattern(machine, first ?? wholeRecord, locals)
    const replacement = yield* text(machine, second ?? wholeRecord, locals)
    const place = third ?? wholeRecord
    if (place._tag !== "Variable" && place._tag !== "Field" && place._tag !== "Element") {
      return refuse(`${name} of what cannot be assigned to`)
    }
    const target = yield* locate(machine, place, locals)
    const before = variables.textOf(machine, target.get())
    const [changed, count] = functions.substitute(expression, replacement, before, name === "gsub")
    if (count > 0) target.set(changed)
    return count
  }

function* match(machine: Machine, [first, second]: ReadonlyArray<Expression>, locals: Locals): Run<Value> {
  const whole = yield* text(machine, first ?? wholeRecord, locals)
  const found = (yield* pattern(machine, second ?? wholeRecord, locals)).search(whole)
  const start = found === undefined ? 0 : found.start + 1
  variables.global(machine, "RSTART").value = start
  variables.global(machine, "RLENGTH").value = found === undefined ? -1 : found.end - found.start
  return start
}

function* srand(machine: Machine, [first]: ReadonlyArray<Expression>, locals: Locals): Run<Value> {
  const before = machine.seed
  machine.seed = first === undefined
    ? Math.floor((yield* Clock.currentTimeMillis) / 1000)
    : toNumber(yield* machine.evaluate(machine, first, locals))
  machine.random = functions.random(machine.seed)
  return before
}

function* fflush({ io }: Machine): Run<Value> {
  yield* io.flush
  return 0
}

const ofExpressions: Readonly<Record<string, OfExpressions>> = {
  fflush,
  gsub: substitute("gsub"),
  length,
  match,
  split,
  srand,
  sub: substitute("sub")
}

/** A function of values, which reads or writes nothing. */
type OfValues = (machine: Machine, values: ReadonlyArray<Value>) => Value

const ofValues: Readonly<Record<string, OfValues>> = {
  index: (machine, [whole, part]) => variables.textOf(machine, whole).indexOf(variables.textOf(machine, part)) + 1,
  rand: ({ random }) => random(),
  sprintf: (machine, [template, ...rest]) =>
    format(variables.textOf(machine, template), rest, variables.setting(machine, "CONVFMT")),
  substr: (machine, [whole, start, length]) =>
    functions.substr(
      variables.textOf(machine, whole),
      toNumber(start),
      length === undefined ? Infinity : toNumber(length)
    )
}

/** @internal */
export function* builtin(
  machine: Machine,
  name: string,
  expressions: ReadonlyArray<Expression>,
  locals: Locals
): Run<Value> {
  const special = ofExpressions[name]
  if (special !== undefined) return yield* special(machine, expressions, locals)
  const values: Array<Value> = []
  for (const one of expressions) values.push(yield* machine.evaluate(machine, one, locals))
  const [first, second] = values
  if (name === "close") return yield* machine.io.close(variables.textOf(machine, first))
  if (name === "system") return yield* machine.io.system(variables.textOf(machine, first))
  const plain = ofValues[name]
  if (plain !== undefined) return plain(machine, values)
  const ofText = functions.ofText[name]
  if (ofText !== undefined) return ofText(variables.textOf(machine, first))
  const ofNumbers = functions.ofNumbers[name]
  return ofNumbers === undefined ? refuse(`the function ${name}`) : ofNumbers(toNumber(first), toNumber(second))
}
