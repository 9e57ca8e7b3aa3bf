/**
 * A record and its fields: each is made of the other when it is asked for.
 */
import * as tool from "../tool.js"
import type { Expression } from "./regexp.js"
import { fromInput, toText, type Value } from "./value.js"

/** The next match that is not empty. @internal */
export const separatorAt = (expression: Expression, text: string, from: number) => {
  for (let at = from;; at++) {
    const match = expression.search(text, at)
    if (match === undefined || match.end > match.start) return match
    at = match.start
  }
}

/**
 * The parts of a text, by a separator as FS has it. In paragraphs a newline separates, too.
 *
 * @internal
 */
export const split = (
  text: string,
  separator: Expression | string,
  isParagraph: boolean
): ReadonlyArray<string> => {
  if (text === "") return []
  if (separator === " ") return text.split(/[ \t\n]+/).filter((part) => part !== "")
  if (typeof separator === "string") {
    return isParagraph && separator !== ""
      ? text.split("\n").flatMap((line) => line.split(separator))
      : text.split(separator)
  }
  const parts: Array<string> = []
  for (const one of isParagraph ? text.split("\n") : [text]) {
    let from = 0
    for (let next = separatorAt(separator, one, 0); next !== undefined; next = separatorAt(separator, one, from)) {
      parts.push(one.slice(from, next.start))
      from = next.end
    }
    parts.push(one.slice(from))
  }
  return parts
}

/** @internal */
export interface Settings {
  /** Splits by the separator of the time when it is asked for. */
  readonly splitter: () => (text: string) => ReadonlyArray<string>
  readonly joiner: () => string
  readonly conversion: () => string
}

/** @internal */
export interface Record {
  readonly get: (index: number) => Value
  readonly set: (index: number, value: Value) => void
  readonly count: () => number
  readonly setCount: (count: number) => void
  readonly text: () => string
  readonly setText: (value: Value) => void
}

// As many fields as a record may get.
const mostFields = 1_000_000

/** @internal */
export const make = (settings: Settings): Record => {
  let whole: Value
  let fields: Array<Value> = []
  let isStale = false
  let parts: (() => ReadonlyArray<string>) | undefined

  const resolve = (): Array<Value> => {
    if (parts !== undefined) {
      fields = parts().map(fromInput)
      parts = undefined
    }
    return fields
  }
  const joined = (): Value => {
    if (isStale) {
      const conversion = settings.conversion()
      whole = fields.map((field) => toText(field, conversion)).join(settings.joiner())
      isStale = false
    }
    return whole
  }
  const setText: Record["setText"] = (value) => {
    const text = toText(value, settings.conversion())
    whole = fromInput(text)
    isStale = false
    const split = settings.splitter()
    parts = () => split(text)
  }
  const check = (index: number): number => {
    const whole = Math.trunc(index)
    if (whole >= 0 && whole <= mostFields) return whole
    throw tool.stop(`InMemoryHost does not understand the field ${index}`, 2)
  }
  const setCount: Record["setCount"] = (given) => {
    const count = check(given)
    const all = resolve()
    while (all.length < count) all.push(undefined)
    all.length = count
    isStale = true
  }
  return {
    get: (index) => check(index) === 0 ? joined() : resolve()[check(index) - 1],
    set: (index, value) => {
      if (check(index) === 0) return setText(value)
      if (check(index) > resolve().length) setCount(index)
      fields[check(index) - 1] = value
      isStale = true
    },
    count: () => resolve().length,
    setCount,
    text: () => toText(joined(), settings.conversion()),
    setText
  }
}
