/**
 * Scripts of `sed` as lists of commands. Texts are as in `bytes.ts`.
 */
import { bracketEnd } from "../coreutils/grep.js"
import { control, make as makeRegexp, type Regexp } from "./regexp.js"

/** @internal */
export type Address =
  | { readonly _tag: "Line"; readonly line: number }
  | { readonly _tag: "Last" }
  | { readonly _tag: "Step"; readonly first: number; readonly step: number }
  /** `undefined`: the one that was used last. */
  | { readonly _tag: "Match"; readonly regexp: Regexp | undefined }

/** @internal */
export type End =
  | Address
  | { readonly _tag: "After"; readonly count: number }
  | { readonly _tag: "Multiple"; readonly of: number }

/** A part of the replacement of a match. @internal */
export type Part =
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "Group"; readonly group: number }
  | { readonly _tag: "Case"; readonly letter: string }

/** @internal */
export type Action =
  | {
    readonly _tag: "Substitute"
    readonly regexp: Regexp | undefined
    readonly parts: ReadonlyArray<Part>
    readonly all: boolean
    readonly number: number
    readonly prints: boolean
    readonly file: string | undefined
  }
  | { readonly _tag: "Transliterate"; readonly map: ReadonlyMap<string, string> }
  | { readonly _tag: "Text"; readonly name: "a" | "c" | "i"; readonly text: string }
  | { readonly _tag: "File"; readonly name: "r" | "w"; readonly path: string }
  | { readonly _tag: "Jump"; readonly name: "b" | "t" | "T"; readonly label: string }
  | { readonly _tag: "Quit"; readonly prints: boolean; readonly code: number }
  | { readonly _tag: "Block" }
  /** A command without arguments, `:` and `}`. */
  | { readonly _tag: "Plain"; readonly name: string }

/** @internal */
export interface Command {
  readonly from?: Address
  readonly to?: End
  readonly negated: boolean
  readonly action: Action
  /** The index of the next command: after a block that is not entered, or at the label of a jump. */
  readonly target: number
}

/** A piece of the script: of an option `-e`, or a file. @internal */
export interface Piece {
  readonly text: string
  readonly isFile: boolean
  /** How messages name it. */
  readonly place: (offset: number, line: number) => string
}

/** @internal */
export interface Script {
  readonly commands: ReadonlyArray<Command>
  readonly isQuiet: boolean
}

/** An error in the script, as a message. */
class Wrong extends Error {}

const notUnderstood = (what: string): Wrong => new Wrong(`InMemoryHost does not understand ${what}`)

/** State of the parser. */
interface Parser {
  readonly pieces: ReadonlyArray<Piece>
  readonly extended: boolean
  readonly text: string
  at: number
  readonly commands: Array<Command>
  /** The blocks that are not closed yet, by the index of their command. */
  readonly open: Array<number>
  readonly labels: Map<string, number>
}

const wrong = (self: Parser, words: string, offset = self.at): Wrong => {
  let start = 0
  for (const { place, text } of self.pieces) {
    if (offset <= start + text.length) {
      const line = text.slice(0, Math.max(0, offset - start)).split("\n").length
      return new Wrong(`${place(offset - start, line)}: ${words}`)
    }
    start += text.length + 1
  }
  return new Wrong(words)
}

const take = (self: Parser, expression: RegExp): string => {
  const sticky = new RegExp(expression.source, "sy")
  sticky.lastIndex = self.at
  const found = sticky.exec(self.text)?.[0] ?? ""
  self.at += found.length
  return found
}

const blanks = (self: Parser) => take(self, /[ \t\r\v\f]*/)

/** Takes the text up to the next delimiter. `undefined` without one. */
const delimited = (self: Parser, delimiter: string, isRegexp: boolean): string | undefined => {
  let found = ""
  // in brackets a delimiter and a backslash stand for themselves
  let bracket = -1
  while (self.at < self.text.length) {
    const character = self.text.charAt(self.at++)
    if (isRegexp && character === "[" && self.at > bracket) bracket = bracketEnd(self.text, self.at - 1)
    if (character === delimiter && self.at > bracket) return found
    if (character === "\n" && isRegexp) return undefined
    if (character !== "\\" || self.at <= bracket) {
      found += character
      continue
    }
    if (self.at >= self.text.length) return undefined
    const next = self.text.charAt(self.at++)
    if (next === delimiter) {
      if (/[.*[\]^$+?(){}|&\w]/.test(next)) throw notUnderstood(`the delimiter ${next} with a backslash`)
      found += next
    } else found += next === "\n" && isRegexp ? next : `\\${next}`
  }
  return undefined
}

const regexpOf = (self: Parser, pattern: string, insensitive: boolean): Regexp | undefined => {
  if (pattern === "") return undefined
  const regexp = makeRegexp(pattern, self.extended, insensitive)
  if (regexp === undefined) throw notUnderstood(`the pattern ${pattern}`)
  return regexp
}

const address = (self: Parser): Address | undefined => {
  const number = take(self, /[0-9]+/)
  if (number !== "") {
    blanks(self)
    if (take(self, /~/) === "") return { _tag: "Line", line: Number(number) }
    blanks(self)
    return { _tag: "Step", first: Number(number), step: Number(take(self, /[0-9]*/)) }
  }
  if (take(self, /\$/) !== "") return { _tag: "Last" }
  const opening = take(self, /\/|\\[^\n]/)
  if (opening === "") return undefined
  const pattern = delimited(self, opening.slice(-1), true)
  if (pattern === undefined) throw wrong(self, "unterminated address regex")
  const flags = take(self, /[IM]*/)
  if (flags.includes("M")) throw notUnderstood("the flag M")
  return { _tag: "Match", regexp: regexpOf(self, pattern, flags !== "") }
}

const end = (self: Parser): End => {
  const mark = take(self, /[+~]/)
  const count = mark === "" ? "" : take(self, /[0-9]+/)
  if (count !== "") {
    return mark === "+" ? { _tag: "After", count: Number(count) } : { _tag: "Multiple", of: Number(count) }
  }
  const found = mark === "" ? address(self) : undefined
  if (found === undefined) throw wrong(self, "unexpected `,'", Math.min(self.at + 1, self.text.length))
  return found._tag === "Step" ? { _tag: "Line", line: found.first } : found
}

/** Nothing but the end of a command may follow. */
const finish = (self: Parser) => {
  blanks(self)
  if (self.at >= self.text.length || "}#".includes(self.text.charAt(self.at))) return
  const next = self.text.charAt(self.at++)
  if (next !== ";" && next !== "\n") throw wrong(self, "extra characters after command")
}

const partsOf = (replacement: string): ReadonlyArray<Part> => {
  const parts: Array<Part> = []
  let literal = ""
  const push = (part: Part) => {
    if (literal !== "") parts.push({ _tag: "Text", text: literal })
    literal = ""
    parts.push(part)
  }
  for (let index = 0; index < replacement.length; index++) {
    const character = replacement.charAt(index)
    if (character === "&") push({ _tag: "Group", group: 0 })
    else if (character !== "\\") literal += character
    else {
      const letter = replacement.charAt(++index)
      if (/[0-9]/.test(letter)) push({ _tag: "Group", group: Number(letter) })
      else if ("LUluE".includes(letter)) push({ _tag: "Case", letter })
      else if ("cdox".includes(letter)) throw notUnderstood(`\\${letter}`)
      else literal += control(letter) ?? letter
    }
  }
  if (literal !== "") parts.push({ _tag: "Text", text: literal })
  return parts
}

const path = (self: Parser): string => {
  blanks(self)
  const found = take(self, /[^\n]*/)
  self.at++
  if (found === "") throw wrong(self, "missing filename in r/R/w/W commands", Math.min(self.at, self.text.length))
  return found
}

const substitute = (self: Parser): Action => {
  const delimiter = self.text.charAt(self.at++)
  if (delimiter === "\n" || delimiter === "\\" || delimiter === "") throw wrong(self, "unterminated `s' command")
  const pattern = delimited(self, delimiter, true)
  const replacement = pattern === undefined ? undefined : delimited(self, delimiter, false)
  if (pattern === undefined || replacement === undefined) throw wrong(self, "unterminated `s' command")
  const seen = new Set<string>()
  let number = 0
  let file: string | undefined
  while (file === undefined) {
    const digits = take(self, /[0-9]+/)
    if (digits !== "") {
      if (number > 0) throw wrong(self, "multiple number options to `s' command")
      number = Number(digits)
      if (number === 0) throw wrong(self, "number option to `s' command may not be zero")
      continue
    }
    const flag = take(self, /[gpiIwemM]/)
    if (flag === "") break
    if (flag === "w") file = path(self)
    else if ("emM".includes(flag)) throw notUnderstood(`the flag ${flag} of s`)
    else if (seen.has(flag) && "gp".includes(flag)) throw wrong(self, `multiple \`${flag}' options to \`s' command`)
    seen.add(flag)
  }
  if (file === undefined) {
    blanks(self)
    if (
      self.at < self.text.length && !"}#".includes(self.text.charAt(self.at)) &&
      !/[;\n]/.test(self.text.charAt(self.at++))
    ) {
      throw wrong(self, "unknown option to `s'")
    }
  }
  const regexp = regexpOf(self, pattern, seen.has("i") || seen.has("I"))
  const parts = partsOf(replacement)
  if (regexp !== undefined && parts.some((part) => part._tag === "Group" && regexp.isRepeated(part.group))) {
    throw notUnderstood(`a group within a repeated one: ${pattern}`)
  }
  const most = Math.max(0, ...parts.map((part) => part._tag === "Group" ? part.group : 0))
  if (regexp !== undefined && most > regexp.groups) {
    throw wrong(
      self,
      `invalid reference \\${most} on \`s' command's RHS`,
      Math.max(0, self.at - (self.text[self.at - 1] === "\n" ? 1 : 0))
    )
  }
  return { _tag: "Substitute", regexp, parts, all: seen.has("g"), number: number || 1, prints: seen.has("p"), file }
}

const transliterate = (self: Parser): Action => {
  const delimiter = self.text.charAt(self.at++)
  const unescaped = (part: string | undefined): ReadonlyArray<string> => {
    if (part === undefined || delimiter === "\n" || delimiter === "\\") throw wrong(self, "unterminated `y' command")
    const characters: Array<string> = []
    for (let index = 0; index < part.length; index++) {
      const character = part.charAt(index)
      if (character !== "\\") characters.push(character)
      else {
        const next = part.charAt(++index)
        const known = next === "\\" || next === "\n" ? next : control(next)
        if (known === undefined) throw notUnderstood(`\\${next} in y`)
        characters.push(known)
      }
    }
    return characters
  }
  const from = unescaped(delimited(self, delimiter, false))
  const to = unescaped(delimited(self, delimiter, false))
  if (from.length !== to.length) throw wrong(self, "strings for `y' command are different lengths")
  const map = new Map<string, string>()
  for (const [index, one] of from.entries()) if (!map.has(one)) map.set(one, to[index] ?? "")
  finish(self)
  return { _tag: "Transliterate", map }
}

const textOf = (self: Parser, name: "a" | "c" | "i"): Action => {
  blanks(self)
  if (self.at >= self.text.length) throw wrong(self, "expected \\ after `a', `c' or `i'")
  let found = ""
  if (take(self, /\\[ \t]*\n/) === "") {
    // a backslash before a text on the same line keeps the blanks at its start
    if (take(self, /\\/) !== "" && self.at >= self.text.length) return { _tag: "Text", name, text: "" }
  } else if (self.at >= self.text.length) throw wrong(self, "incomplete command")
  while (self.at < self.text.length) {
    const character = self.text.charAt(self.at++)
    if (character === "\n") break
    if (character !== "\\") found += character
    else {
      const next = self.text.charAt(self.at++)
      if ("cdox".includes(next) && next !== "") throw notUnderstood(`\\${next} in a text`)
      found += control(next) ?? next
    }
  }
  return { _tag: "Text", name, text: `${found}\n` }
}

const label = (self: Parser): string => {
  blanks(self)
  const found = take(self, /[^\s;]*/)
  take(self, /[ \t]*[;\n]?/)
  return found
}

const action = (self: Parser, name: string, addresses: number): Action => {
  if (name === "{") {
    self.open.push(self.commands.length)
    return { _tag: "Block" }
  }
  if (name === "}") {
    if (addresses > 0) throw wrong(self, "} doesn't want any addresses")
    if (self.open.pop() === undefined) throw wrong(self, "unexpected `}'")
    finish(self)
    return { _tag: "Plain", name }
  }
  if (name === ":") {
    if (addresses > 0) throw wrong(self, ": doesn't want any addresses")
    const found = label(self)
    if (found === "") throw wrong(self, "\":\" lacks a label")
    self.labels.set(found, self.commands.length)
    return { _tag: "Plain", name }
  }
  if (name === "s") return substitute(self)
  if (name === "y") return transliterate(self)
  if (name === "a" || name === "c" || name === "i") return textOf(self, name)
  if (name === "r" || name === "w") return { _tag: "File", name, path: path(self) }
  if (name === "b" || name === "t" || name === "T") return { _tag: "Jump", name, label: label(self) }
  if (name === "q" || name === "Q") {
    if (addresses > 1) throw wrong(self, "command only uses one address")
    blanks(self)
    const code = Number(take(self, /[0-9]*/))
    finish(self)
    return { _tag: "Quit", prints: name === "q", code }
  }
  if ("=dDgGhHnNpPxz".includes(name)) {
    finish(self)
    return { _tag: "Plain", name }
  }
  if ("eFlRvW".includes(name)) throw notUnderstood(`the command ${name}`)
  throw wrong(self, `unknown command: \`${name}'`)
}

const command = (self: Parser): void => {
  const from = address(self)
  blanks(self)
  let to: End | undefined
  if (from !== undefined && take(self, /,/) !== "") {
    blanks(self)
    to = end(self)
  }
  if (from?._tag === "Line" && from.line === 0 && to?._tag !== "Match") {
    throw wrong(self, "invalid usage of line address 0", self.at + 1)
  }
  blanks(self)
  const negated = take(self, /![ \t!]*/) !== ""
  const name = self.text.charAt(self.at++)
  if (name === "" || name === "\n" && from !== undefined) {
    throw wrong(self, "missing command", Math.min(self.at, self.text.length))
  }
  if (name === "#") {
    if (from !== undefined) throw wrong(self, "comments don't accept any addresses")
    take(self, /[^\n]*/)
    return
  }
  const made = action(self, name, to !== undefined ? 2 : from !== undefined ? 1 : 0)
  const own = made._tag === "Block" ? self.open.at(-1) ?? 0 : self.commands.length
  self.commands[own] = {
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
    negated,
    action: made,
    target: 0
  }
}

/** Parses a script. Returns an error message for an invalid one. @internal */
export const parse = (pieces: ReadonlyArray<Piece>, extended: boolean): Script | string => {
  const text = pieces.map((piece) => piece.text).join("\n")
  const self: Parser = { pieces, extended, text, at: 0, commands: [], open: [], labels: new Map() }
  // as in sed 4.9, regardless of the rest of the line
  const isQuiet = self.text.startsWith("#n")

  try {
    for (take(self, /[\s;]*/); self.at < self.text.length; take(self, /[\s;]*/)) command(self)
    if (self.open.length > 0) throw wrong(self, "unmatched `{'", 0)
    const ends: Array<number> = []
    for (let index = self.commands.length - 1; index >= 0; index--) {
      const { action } = self.commands[index]!
      let target = 0
      if (action._tag === "Plain" && action.name === "}") ends.push(index)
      else if (action._tag === "Block") target = ends.pop() ?? 0
      else if (action._tag === "Jump") {
        const found = action.label === "" ? self.commands.length : self.labels.get(action.label)
        if (found === undefined) throw new Wrong(`can't find label for jump to \`${action.label}'`)
        target = found
      } else continue
      self.commands[index] = { ...self.commands[index]!, target }
    }
    return { commands: self.commands, isQuiet }
  } catch (error) {
    if (error instanceof Wrong) return error.message
    throw error
  }
}
