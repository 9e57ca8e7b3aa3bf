/**
 * The commands of `sed` as steps on the state of one run.
 */
import type { Action, Address, Command, Part } from "./parse.js"
import type { Regexp } from "./regexp.js"

/** A line, and whether it had an end in the input. @internal */
export interface Line {
  readonly text: string
  readonly isEnded: boolean
}

/** @internal */
export interface State {
  /** The end of a line. */
  readonly separator: string
  line: Line
  hold: Line
  /** Of the line, from 1. */
  number: number
  /** Whether something was substituted since a line was read or `t` has jumped. */
  isChanged: boolean
  lastRegexp: Regexp | undefined
  /** By the index of a command with a range: the last line, `undefined` for one that is not known yet; or that it is over. */
  readonly ranges: Map<number, { readonly last: number | undefined } | "over">
}

/** @internal */
export const make = (separator: string): State => ({
  separator,
  line: { text: "", isEnded: true },
  hold: { text: "", isEnded: true },
  number: 0,
  isChanged: false,
  lastRegexp: undefined,
  ranges: new Map()
})

/** An empty regular expression was used, and none before it. @internal */
export class NoRegexp extends Error {}

const used = (state: State, regexp: Regexp | undefined): Regexp => {
  const found = regexp ?? state.lastRegexp
  if (found === undefined) throw new NoRegexp()
  state.lastRegexp = found
  return found
}

const isAt = (state: State, address: Address, isLast: boolean): boolean => {
  switch (address._tag) {
    case "Line":
      return state.number === address.line
    case "Last":
      return isLast
    case "Step":
      return address.step === 0
        ? state.number === address.first
        : state.number >= address.first && (state.number - address.first) % address.step === 0
    case "Match":
      return used(state, address.regexp).find(state.line.text, 0) !== undefined
  }
}

const isInRange = (state: State, { from, to }: Command, index: number, isLast: boolean): boolean => {
  if (from === undefined) return true
  if (to === undefined) return isAt(state, from, isLast)
  const { number, ranges } = state
  const begins = from._tag === "Line" && from.line === 0 && !ranges.has(index)
  const range = begins ? { last: undefined } : ranges.get(index)
  if (range !== undefined && range !== "over") {
    if (range.last !== undefined) {
      if (number >= range.last) ranges.set(index, "over")
      return number <= range.last
    }
    const isOver = isAt(state, to as Address, isLast)
    ranges.set(index, isOver ? "over" : range)
    return true
  }
  if (from._tag === "Line" ? range === "over" || number < from.line : !isAt(state, from, isLast)) return false
  const last = to._tag === "Line"
    ? to.line
    : to._tag === "After"
    ? number + to.count
    : to._tag === "Multiple"
    ? (to.of === 0 ? number : number + to.of - number % to.of)
    : undefined
  const isOver = last !== undefined && last <= number
  ranges.set(index, isOver ? "over" : { last })
  return !isOver || from._tag !== "Line" || to._tag !== "Line" || number <= to.line || number === from.line
}

/** Whether a command is for the line. @internal */
export const selects = (state: State, command: Command, index: number, isLast: boolean): boolean =>
  isInRange(state, command, index, isLast) !== command.negated

const replaced = (match: RegExpExecArray, parts: ReadonlyArray<Part>): string => {
  let text = ""
  let mode = ""
  let once = ""
  for (const part of parts) {
    if (part._tag === "Case") {
      if (part.letter === "u" || part.letter === "l") once = part.letter
      else {
        mode = part.letter
        once = ""
      }
      continue
    }
    const plain = part._tag === "Text" ? part.text : match[part.group] ?? ""
    if (plain === "") continue
    const changed = mode === "U" ? upper(plain) : mode === "L" ? lower(plain) : plain
    text += once === "" ? changed : (once === "u" ? upper : lower)(changed.charAt(0)) + changed.slice(1)
    once = ""
  }
  return text
}

// as in the C locale
const upper = (text: string): string => text.replace(/[a-z]+/g, (letters) => letters.toUpperCase())
const lower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())

/** Whether anything was replaced. @internal */
export const substitute = (state: State, action: Extract<Action, { readonly _tag: "Substitute" }>): boolean => {
  const regexp = used(state, action.regexp)
  const { text } = state.line
  let result = ""
  let at = 0
  let end = -1
  let count = 0
  let isReplaced = false
  while (at <= text.length) {
    const match = regexp.find(text, at)
    if (match === undefined) break
    const { 0: whole, index } = match
    result += text.slice(at, index)
    // an empty match right after another is none
    if (whole !== "" || index !== end) {
      count++
      const isChosen = count === action.number || count > action.number && action.all
      result += isChosen ? replaced(match, action.parts) : whole
      isReplaced ||= isChosen
    }
    at = index + whole.length
    end = at
    if (isReplaced && !action.all) break
    if (whole === "") result += text.charAt(at++)
  }
  if (!isReplaced) return false
  state.line = { ...state.line, text: result + text.slice(at) }
  state.isChanged = true
  return true
}

/** Runs a command that changes only the line and the hold space. @internal */
export const change = (state: State, name: string): void => {
  const { hold, line, separator } = state
  switch (name) {
    case "g":
      state.line = hold
      break
    case "G":
      state.line = { text: `${line.text}${separator}${hold.text}`, isEnded: line.isEnded || hold.isEnded }
      break
    case "h":
      state.hold = line
      break
    case "H":
      state.hold = { text: `${hold.text}${separator}${line.text}`, isEnded: line.isEnded || hold.isEnded }
      break
    case "x":
      state.line = hold
      state.hold = line
      break
    case "z":
      state.line = { ...line, text: "" }
      break
  }
}
