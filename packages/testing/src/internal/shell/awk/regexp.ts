/**
 * Extended regular expressions that match the longest text at the leftmost place, as POSIX has it. Those of JavaScript do
 * not, and may backtrack without a bound.
 */
import { characterClass } from "../pattern.js"
import * as tool from "../tool.js"

/** @internal */
export interface Match {
  readonly start: number
  readonly end: number
}

/** @internal */
export interface Expression {
  /** The leftmost longest match that begins at `from` or later. */
  readonly search: (text: string, from?: number) => Match | undefined
  readonly test: (text: string) => boolean
}

type Node =
  | { readonly _tag: "Character"; readonly has: (character: string) => boolean }
  | { readonly _tag: "Start" | "End" | "Empty" }
  | { readonly _tag: "Both" | "Either"; readonly left: Node; readonly right: Node }
  | { readonly _tag: "Repeat"; readonly inner: Node; readonly operator: string }

const refuse = (source: string): never => {
  throw tool.stop(`InMemoryHost does not understand the pattern ${source}`, 2)
}

const escapes: Readonly<Record<string, string>> = { a: "\x07", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" }

interface Parser {
  readonly source: string
  /** The index of the next character. */
  at: number
}

const take = (parser: Parser): string => parser.source.charAt(parser.at++)

const parseEscape = (parser: Parser): string => {
  const octal = /^[0-7]{1,3}/.exec(parser.source.slice(parser.at))?.[0]
  if (octal !== undefined) {
    parser.at += octal.length
    return String.fromCharCode(Number.parseInt(octal, 8) & 255)
  }
  const character = take(parser)
  const known = Object.hasOwn(escapes, character) ? escapes[character] : undefined
  if (known === undefined && /^[A-Za-z0-9<>`']?$/.test(character)) refuse(parser.source)
  return known ?? character
}

const parseMember = (parser: Parser): string => {
  const character = take(parser)
  // a backslash before anything else stands for itself
  return character === "\\" && /[\\\]/"\-^afnrtv0-7]/.test(parser.source.charAt(parser.at))
    ? parseEscape(parser)
    : character
}

const parseBracket = (parser: Parser): Node => {
  const { source } = parser
  const isNegated = source[parser.at] === "^"
  if (isNegated) parser.at++
  const ranges: Array<readonly [string, string]> = []
  const classes: Array<string> = []
  for (let isFirst = true; isFirst || source[parser.at] !== "]"; isFirst = false) {
    if (parser.at >= source.length || /^\[[.=]/.test(source.slice(parser.at))) refuse(source)
    const name = /^\[:([a-z]+):\]/.exec(source.slice(parser.at))
    if (name !== null) {
      parser.at += name[0].length
      classes.push(characterClass(name[1] ?? "") ?? refuse(source))
      continue
    }
    const first = parseMember(parser)
    if (source[parser.at] === "-" && source[parser.at + 1] !== "]" && parser.at + 1 < source.length) {
      parser.at++
      ranges.push([first, parseMember(parser)])
    } else ranges.push([first, first])
  }
  parser.at++
  const ofClass = classes.length === 0 ? undefined : new RegExp(`[${classes.join("")}]`)
  const holds = (character: string) =>
    ranges.some(([first, last]) => first <= character && character <= last) || ofClass?.test(character) === true
  return { _tag: "Character", has: (character) => holds(character) !== isNegated }
}

const parseAtom = (parser: Parser): Node => {
  const character = take(parser)
  if (character === "(") {
    const inner = parseEither(parser)
    if (take(parser) !== ")") refuse(parser.source)
    return inner
  }
  if (character === "^") return { _tag: "Start" }
  if (character === "$") return { _tag: "End" }
  if (character === ".") return { _tag: "Character", has: () => true }
  if (character === "[") return parseBracket(parser)
  // awks differ about a repetition of nothing
  if ("*+?".includes(character)) refuse(parser.source)
  const literal = character === "\\" ? parseEscape(parser) : character
  return { _tag: "Character", has: (one) => one === literal }
}

const parseRepeated = (parser: Parser): Node => {
  const { source } = parser
  let node = parseAtom(parser)
  for (;;) {
    const interval = /^\{[0-9][^}]*\}?/.exec(source.slice(parser.at))?.[0]
    if (interval !== undefined) {
      // older mawks, which Debian has, take it for its characters
      throw tool.stop(
        `InMemoryHost does not understand the interval ${interval} of the pattern ${source}, which awks read differently`,
        2
      )
    }
    const operator = source.charAt(parser.at)
    if (operator === "" || !"*+?".includes(operator)) return node
    parser.at++
    node = { _tag: "Repeat", inner: node, operator }
  }
}

const parseBoth = (parser: Parser): Node => {
  const { source } = parser
  let node: Node | undefined
  while (parser.at < source.length && source[parser.at] !== "|" && source[parser.at] !== ")") {
    const right = parseRepeated(parser)
    node = node === undefined ? right : { _tag: "Both", left: node, right }
  }
  return node ?? { _tag: "Empty" }
}

const parseEither = (parser: Parser): Node => {
  let node = parseBoth(parser)
  while (parser.source[parser.at] === "|") {
    parser.at++
    node = { _tag: "Either", left: node, right: parseBoth(parser) }
  }
  return node
}

const parse = (source: string): Node => {
  const parser: Parser = { source, at: 0 }
  const node = parseEither(parser)
  if (parser.at < source.length) refuse(source)
  return node
}

/** Takes a character, splits, asks for a place, or (the first of all) is the end. */
interface State {
  readonly has?: (character: string) => boolean
  readonly asks?: "End" | "Start"
  next: number
  readonly other?: number
}

const compile = (node: Node, states: Array<State>, next: number): number => {
  const add = (state: State): number => states.push(state) - 1
  switch (node._tag) {
    case "Character":
      return add({ has: node.has, next })
    case "Start":
    case "End":
      return add({ asks: node._tag, next })
    case "Empty":
      return next
    case "Both":
      return compile(node.left, states, compile(node.right, states, next))
    case "Either":
      return add({ next: compile(node.left, states, next), other: compile(node.right, states, next) })
    case "Repeat": {
      if (node.operator === "?") return add({ next: compile(node.inner, states, next), other: next })
      const state: State = { next: -1, other: next }
      const split = add(state)
      state.next = compile(node.inner, states, split)
      return node.operator === "+" ? state.next : split
    }
  }
}

/** The states at one place of a text. */
interface Places {
  readonly takers: ReadonlyArray<State>
  readonly isAccepted: boolean
  readonly isAcceptedAtEnd: boolean
  readonly after: Map<string, Places>
}

// The sets of states that an expression keeps; further ones are made each time.
const mostKept = 2000

/** @internal */
export const make = (source: string): Expression => {
  const states: Array<State> = [{ next: 0 }]
  const first = compile(parse(source), states, 0)
  const known = new Map<string, Places>()

  const closure = (from: ReadonlyArray<number>, isStart: boolean, isEnd: boolean): Set<number> => {
    const seen = new Set<number>()
    const pending = [...from]
    for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
      const state = states[index]
      if (state === undefined || seen.has(index)) continue
      seen.add(index)
      if (index === 0 || state.has !== undefined) continue
      if (state.asks === "Start" && !isStart || state.asks === "End" && !isEnd) continue
      pending.push(state.next)
      if (state.other !== undefined) pending.push(state.other)
    }
    return seen
  }

  const reach = (from: ReadonlyArray<number>, isStart: boolean): Places => {
    const key = `${isStart ? "^" : ""}${[...from].sort((left, right) => left - right).join(",")}`
    const found = known.get(key)
    if (found !== undefined) return found
    const here = closure(from, isStart, false)
    const made: Places = {
      takers: [...here].flatMap((index) => states[index]?.has === undefined ? [] : [states[index]]),
      isAccepted: here.has(0),
      isAcceptedAtEnd: closure(from, isStart, true).has(0),
      after: new Map()
    }
    if (known.size < mostKept) known.set(key, made)
    return made
  }

  const step = (places: Places, character: string): Places => {
    const found = places.after.get(character)
    if (found !== undefined) return found
    const made = reach(places.takers.filter(({ has }) => has?.(character) === true).map(({ next }) => next), false)
    if (known.size < mostKept) places.after.set(character, made)
    return made
  }

  const atStart = reach([first], true)
  const later = reach([first], false)

  /** The end of the longest match that begins at `from`, or -1. */
  const longest = (text: string, from: number): number => {
    let places = from === 0 ? atStart : later
    let end = -1
    for (let at = from;; at++) {
      if (places.isAccepted || at === text.length && places.isAcceptedAtEnd) end = at
      if (at >= text.length || places.takers.length === 0) return end
      places = step(places, text.charAt(at))
    }
  }

  const search = (text: string, from = 0): Match | undefined => {
    for (let start = from; start <= text.length; start++) {
      const end = longest(text, start)
      if (end >= 0) return { start, end }
    }
    return undefined
  }

  return { search, test: (text) => search(text) !== undefined }
}

// The expressions that a program keeps: it may make them from its input.
const mostExpressions = 500

/**
 * Makes expressions from their sources, each once.
 *
 * @internal
 */
export const cache = (): (source: string) => Expression => {
  const all = new Map<string, Expression>()
  return (source) => {
    const found = all.get(source)
    if (found !== undefined) return found
    const made = make(source)
    if (all.size >= mostExpressions) all.clear()
    all.set(source, made)
    return made
  }
}
