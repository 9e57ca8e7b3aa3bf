/**
 * Parses the expression of `find`, without looking at a file.
 */
import * as Effect from "effect/Effect"
import * as tool from "../tool.js"

/** A number, or more (`+`) or less (`-`) than it. @internal */
export interface Amount {
  readonly sign: "+" | "-" | ""
  readonly number: number
}

/** @internal */
export type Expression =
  | { readonly _tag: "And" | "Or"; readonly left: Expression; readonly right: Expression }
  | { readonly _tag: "Not"; readonly inner: Expression }
  | { readonly _tag: "Name" | "Path"; readonly pattern: string; readonly anyCase: boolean }
  | { readonly _tag: "Type"; readonly letters: string }
  | { readonly _tag: "Age"; readonly amount: Amount; readonly unit: "day" | "minute" }
  | { readonly _tag: "Size"; readonly amount: Amount; readonly unit: number }
  | { readonly _tag: "Newer"; readonly than: string }
  | { readonly _tag: "Print"; readonly end: string }
  | {
    readonly _tag: "Exec"
    readonly words: readonly [string, ...Array<string>]
    readonly together: boolean
    /** The paths that are passed to one run of the command. */
    readonly paths: Array<string>
  }
  | { readonly _tag: "Delete" | "Empty" | "Prune" | "True" | "False" }

/** @internal */
export interface Search {
  readonly expression: Expression
  readonly shallowest: number
  readonly deepest: number
  /** Whether the content of a directory comes before the directory. */
  readonly depthFirst: boolean
}

const units: Readonly<Record<string, number>> = { b: 512, c: 1, w: 2, k: 1024, M: 1024 ** 2, G: 1024 ** 3 }

const doesAct = ({ _tag, ...rest }: Expression): boolean =>
  _tag === "Print" || _tag === "Exec" || _tag === "Delete" ||
  Object.values(rest).some((part: unknown) =>
    typeof part === "object" && part !== null && "_tag" in part &&
    doesAct(part as Expression)
  )

const and = (left: Expression, right: Expression): Expression => ({ _tag: "And", left, right })

/** State of the parser, and the options that it has read. */
interface Parser {
  readonly words: ReadonlyArray<string>
  at: number
  shallowest: number
  deepest: number
  depthFirst: boolean
}

const refuse = (what: string): never => {
  throw tool.stop(`InMemoryHost does not understand ${what}`, 1)
}

const value = (self: Parser, name: string): string => {
  const word = self.words[self.at++]
  if (word === undefined) throw tool.stop(`missing argument to \`${name}'`)
  return word
}

const depth = (self: Parser, name: string): number => {
  const word = value(self, name)
  if (!/^[0-9]+$/.test(word)) {
    throw tool.stop(`Expected a positive decimal integer argument to ${name}, but got '${word}'`)
  }
  return Number(word)
}

const amount = (name: string, word: string): Amount => {
  const match = /^([+-]?)([0-9]+)$/.exec(word)
  if (match === null) throw tool.stop(`invalid argument \`${word}' to \`${name}'`)
  return { sign: match[1] as Amount["sign"], number: Number(match[2]) }
}

const exec = (self: Parser): Expression => {
  const found: Array<string> = []
  for (let word = value(self, "-exec");; word = value(self, "-exec")) {
    const together = word === "+" && found.at(-1) === "{}"
    if (word !== ";" && !together) {
      found.push(word)
      continue
    }
    if (together) found.pop()
    const [first, ...rest] = found
    if (first === undefined) throw tool.stop("missing argument to `-exec'")
    if (together && found.some((one) => one.includes("{}"))) refuse("more than one {} with -exec ... +")
    return { _tag: "Exec", words: [first, ...rest], together, paths: [] }
  }
}

const primary = (self: Parser): Expression => {
  const word = self.words[self.at++] ?? ""
  switch (word) {
    case "-name":
    case "-iname":
      return { _tag: "Name", pattern: value(self, word), anyCase: word === "-iname" }
    case "-path":
    case "-wholename":
    case "-ipath":
      return { _tag: "Path", pattern: value(self, word), anyCase: word === "-ipath" }
    case "-type": {
      const given = value(self, word)
      if (!/^[bcdpfls](,[bcdpfls])*$/.test(given)) throw tool.stop(`Unknown argument to -type: ${given}`)
      return { _tag: "Type", letters: given }
    }
    case "-mtime":
      return { _tag: "Age", amount: amount(word, value(self, word)), unit: "day" }
    case "-mmin": {
      const age = amount(word, value(self, word))
      return age.sign === "" ? refuse("-mmin without + or -") : { _tag: "Age", amount: age, unit: "minute" }
    }
    case "-size": {
      const given = value(self, word)
      const letter = /[0-9]$/.test(given) ? "b" : given.slice(-1)
      const unit = units[letter]
      if (unit === undefined) throw tool.stop(`invalid -size type \`${letter}'`)
      return { _tag: "Size", amount: amount(word, given.replace(/[a-zA-Z]$/, "")), unit }
    }
    case "-newer":
      return { _tag: "Newer", than: value(self, word) }
    case "-empty":
      return { _tag: "Empty" }
    case "-prune":
      return { _tag: "Prune" }
    case "-true":
      return { _tag: "True" }
    case "-false":
      return { _tag: "False" }
    case "-print":
      return { _tag: "Print", end: "\n" }
    case "-print0":
      return { _tag: "Print", end: "\0" }
    case "-delete":
      self.depthFirst = true
      return { _tag: "Delete" }
    case "-exec":
      return exec(self)
    case "-depth":
      self.depthFirst = true
      return { _tag: "True" }
    case "-maxdepth":
      self.deepest = depth(self, word)
      return { _tag: "True" }
    case "-mindepth":
      self.shallowest = depth(self, word)
      return { _tag: "True" }
    default:
      return refuse(word === "" ? "the end of the expression" : `${word} here`)
  }
}

const factor = (self: Parser): Expression => {
  const word = self.words[self.at]
  if (word === "!" || word === "-not") {
    self.at++
    return { _tag: "Not", inner: factor(self) }
  }
  if (word !== "(") return primary(self)
  self.at++
  const inner = either(self)
  if (self.words[self.at++] !== ")") {
    throw tool.stop("invalid expression; I was expecting to find a ')' somewhere but did not see one.")
  }
  return inner
}

const both = (self: Parser): Expression => {
  let found = factor(self)
  for (
    let word = self.words[self.at];
    word !== undefined && word !== "-o" && word !== "-or" && word !== ")";
    word = self.words[self.at]
  ) {
    if (word === "-a" || word === "-and") self.at++
    found = and(found, factor(self))
  }
  return found
}

const either = (self: Parser): Expression => {
  let found = both(self)
  while (self.words[self.at] === "-o" || self.words[self.at] === "-or") {
    self.at++
    found = { _tag: "Or", left: found, right: both(self) }
  }
  return found
}

/** @internal */
export const parse = (words: ReadonlyArray<string>): Effect.Effect<Search, tool.Stop> =>
  Effect.suspend(() => {
    const self: Parser = { words, at: 0, shallowest: 0, deepest: Infinity, depthFirst: false }
    try {
      const given: Expression = self.words.length === 0 ? { _tag: "True" } : either(self)
      if (self.at < self.words.length) refuse(`${self.words[self.at]} here`)
      const expression = doesAct(given) ? given : and(given, { _tag: "Print", end: "\n" })
      return Effect.succeed({
        expression,
        shallowest: self.shallowest,
        deepest: self.deepest,
        depthFirst: self.depthFirst
      })
    } catch (error) {
      if (error instanceof tool.Stop) return error
      throw error
    }
  })
