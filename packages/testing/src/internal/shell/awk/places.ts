/**
 * Texts, subscripts, patterns and places: what expressions and the functions of awk are made of.
 */
import type { Locals, Machine, Run } from "./machine.js"
import type * as regexp from "./regexp.js"
import type { Expression, Place } from "./syntax.js"
import { toNumber, type Value } from "./value.js"
import * as variables from "./variables.js"

/** @internal */
export function* text(machine: Machine, expression: Expression, locals: Locals): Run<string> {
  return variables.textOf(machine, yield* machine.evaluate(machine, expression, locals))
}

/** @internal */
export function* subscript(machine: Machine, expression: Expression, locals: Locals): Run<string> {
  if (expression._tag !== "Subscripts") return yield* text(machine, expression, locals)
  const all: Array<string> = []
  for (const one of expression.all) all.push(yield* text(machine, one, locals))
  return all.join(variables.setting(machine, "SUBSEP"))
}

/** @internal */
export function* pattern(machine: Machine, expression: Expression, locals: Locals): Run<regexp.Expression> {
  if (expression._tag === "Group") return yield* pattern(machine, expression.inner, locals)
  return machine.expressionOf(
    expression._tag === "Pattern" ? expression.source : yield* text(machine, expression, locals)
  )
}

/** A place whose subscript has been evaluated. */
interface Located {
  readonly get: () => Value
  readonly set: (value: Value) => void
}

const element = (array: Map<string, Value>, index: string): Located => ({
  get: () => {
    if (!array.has(index)) array.set(index, undefined)
    return array.get(index)
  },
  set: (value) => void array.set(index, value)
})

/** @internal */
export function* locate(machine: Machine, place: Place, locals: Locals): Run<Located> {
  switch (place._tag) {
    case "Variable":
      return {
        get: () => variables.valueOf(machine, place.name, locals),
        set: (value) => variables.assign(machine, place.name, value, locals)
      }
    case "Field": {
      const index = toNumber(yield* machine.evaluate(machine, place.index, locals))
      return { get: () => machine.record.get(index), set: (value) => machine.record.set(index, value) }
    }
    case "Element": {
      const index = yield* subscript(machine, place.index, locals)
      return element(variables.arrayOf(machine, place.array, locals), index)
    }
  }
}
