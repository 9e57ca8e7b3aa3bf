/**
 * Executes the statements of awk.
 */
import { format } from "./format.js"
import { type Completion, Leave, type Locals, type Machine, type Run, step } from "./machine.js"
import { subscript } from "./places.js"
import type { Expression, Output, Statement } from "./syntax.js"
import { isTrue, toNumber, toText, type Value } from "./value.js"
import * as variables from "./variables.js"

type Of<Tag> = Extract<Statement, { readonly _tag: Tag }>

function* put(machine: Machine, text: string, output: Output | undefined, locals: Locals): Run<void> {
  if (output === undefined) yield* machine.io.print(text)
  else {
    const to = variables.textOf(machine, yield* machine.evaluate(machine, output.to, locals))
    yield* machine.io.printTo(output.operator, to, text)
  }
}

function* print(machine: Machine, statement: Of<"Print" | "Printf">, locals: Locals): Run<Completion> {
  const values: Array<Value> = []
  for (const one of statement.values) values.push(yield* machine.evaluate(machine, one, locals))
  if (statement._tag === "Printf") {
    const [template, ...rest] = values
    const line = format(variables.textOf(machine, template), rest, variables.setting(machine, "CONVFMT"))
    yield* put(machine, line, statement.output, locals)
    return undefined
  }
  const ofmt = variables.setting(machine, "OFMT")
  const line = values.length === 0
    ? machine.record.text()
    : values.map((value) => toText(value, ofmt)).join(variables.setting(machine, "OFS"))
  yield* put(machine, line + variables.setting(machine, "ORS"), statement.output, locals)
  return undefined
}

function* block(machine: Machine, { body }: Of<"Block">, locals: Locals): Run<Completion> {
  for (const one of body) {
    const completion = yield* execute(machine, one, locals)
    if (completion !== undefined) return completion
  }
  return undefined
}

function* condition(machine: Machine, { otherwise, test, then }: Of<"If">, locals: Locals): Run<Completion> {
  const chosen = (yield* holds(machine, test, locals)) ? then : otherwise
  return chosen === undefined ? undefined : yield* execute(machine, chosen, locals)
}

function* holds(machine: Machine, test: Expression | undefined, locals: Locals): Run<boolean> {
  return test === undefined || isTrue(yield* machine.evaluate(machine, test, locals))
}

const goesOn = (completion: Completion): boolean => completion === undefined || completion === "continue"

/** How a loop ends that does not go on. */
const endOf = (completion: Completion): Completion => completion === "break" ? undefined : completion

function* repeat(machine: Machine, statement: Of<"Do" | "While">, locals: Locals): Run<Completion> {
  let isFirst = statement._tag === "Do"
  while (isFirst || (yield* holds(machine, statement.test, locals))) {
    isFirst = false
    yield* step(machine)
    const completion = yield* execute(machine, statement.body, locals)
    if (!goesOn(completion)) return endOf(completion)
  }
  return undefined
}

function* count(machine: Machine, statement: Of<"For">, locals: Locals): Run<Completion> {
  if (statement.first !== undefined) yield* execute(machine, statement.first, locals)
  while (yield* holds(machine, statement.test, locals)) {
    yield* step(machine)
    const completion = yield* execute(machine, statement.body, locals)
    if (!goesOn(completion)) return endOf(completion)
    if (statement.step !== undefined) yield* execute(machine, statement.step, locals)
  }
  return undefined
}

function* forEach(machine: Machine, { array, body, variable }: Of<"ForIn">, locals: Locals): Run<Completion> {
  // POSIX leaves the order open. Here it is that of insertion.
  for (const index of [...variables.arrayOf(machine, array, locals).keys()]) {
    yield* step(machine)
    variables.assign(machine, variable, index, locals)
    const completion = yield* execute(machine, body, locals)
    if (!goesOn(completion)) return endOf(completion)
  }
  return undefined
}

function* exit(machine: Machine, { value }: Of<"Exit" | "Return">, locals: Locals): Run<never> {
  if (value !== undefined) machine.code = toNumber(yield* machine.evaluate(machine, value, locals))
  throw new Leave("exit")
}

function* return_(machine: Machine, { value }: Of<"Exit" | "Return">, locals: Locals): Run<Completion> {
  machine.returned = value === undefined ? undefined : yield* machine.evaluate(machine, value, locals)
  return "return"
}

function* remove(machine: Machine, { array, index }: Of<"Delete">, locals: Locals): Run<Completion> {
  const found = variables.arrayOf(machine, array, locals)
  if (index === undefined) found.clear()
  else found.delete(yield* subscript(machine, index, locals))
  return undefined
}

/** @internal */
export function* execute(machine: Machine, statement: Statement, locals: Locals): Run<Completion> {
  switch (statement._tag) {
    case "Block":
      return yield* block(machine, statement, locals)
    case "Expression":
      yield* machine.evaluate(machine, statement.expression, locals)
      return undefined
    case "Print":
    case "Printf":
      return yield* print(machine, statement, locals)
    case "If":
      return yield* condition(machine, statement, locals)
    case "While":
    case "Do":
      return yield* repeat(machine, statement, locals)
    case "For":
      return yield* count(machine, statement, locals)
    case "ForIn":
      return yield* forEach(machine, statement, locals)
    case "Break":
      return "break"
    case "Continue":
      return "continue"
    case "Next":
      throw new Leave("next")
    case "Exit":
      return yield* exit(machine, statement, locals)
    case "Return":
      return yield* return_(machine, statement, locals)
    case "Delete":
      return yield* remove(machine, statement, locals)
  }
}
