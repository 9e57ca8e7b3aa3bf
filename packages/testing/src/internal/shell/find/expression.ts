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

/** @internal */
export const parse = (words: ReadonlyArray<string>): Effect.Effect<Search, tool.Stop> =>
  Effect.suspend(() => {
    let at = 0
    let shallowest = 0
    let deepest = Infinity
    let depthFirst = false
    const refuse = (what: string): never => {
      throw tool.stop(`InMemoryHost does not understand ${what}`, 1)
    }
    const value = (name: string): string => {
      const word = words[at++]
      if (word === undefined) throw tool.stop(`missing argument to \`${name}'`)
      return word
    }
    const depth = (name: string): number => {
      const word = value(name)
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
    const exec = (): Expression => {
      const found: Array<string> = []
      for (let word = value("-exec");; word = value("-exec")) {
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
    const primary = (): Expression => {
      const word = words[at++] ?? ""
      switch (word) {
        case "-name":
        case "-iname":
          return { _tag: "Name", pattern: value(word), anyCase: word === "-iname" }
        case "-path":
        case "-wholename":
        case "-ipath":
          return { _tag: "Path", pattern: value(word), anyCase: word === "-ipath" }
        case "-type": {
          const given = value(word)
          if (!/^[bcdpfls](,[bcdpfls])*$/.test(given)) throw tool.stop(`Unknown argument to -type: ${given}`)
          return { _tag: "Type", letters: given }
        }
        case "-mtime":
          return { _tag: "Age", amount: amount(word, value(word)), unit: "day" }
        case "-mmin": {
          const age = amount(word, value(word))
          return age.sign === "" ? refuse("-mmin without + or -") : { _tag: "Age", amount: age, unit: "minute" }
        }
        case "-size": {
          const given = value(word)
          const letter = /[0-9]$/.test(given) ? "b" : given.slice(-1)
          const unit = units[letter]
          if (unit === undefined) throw tool.stop(`invalid -size type \`${letter}'`)
          return { _tag: "Size", amount: amount(word, given.replace(/[a-zA-Z]$/, "")), unit }
        }
        case "-newer":
          return { _tag: "Newer", than: value(word) }
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
          depthFirst = true
          return { _tag: "Delete" }
        case "-exec":
          return exec()
        case "-depth":
          depthFirst = true
          return { _tag: "True" }
        case "-maxdepth":
          deepest = depth(word)
          return { _tag: "True" }
        case "-mindepth":
          shallowest = depth(word)
          return { _tag: "True" }
        default:
          return refuse(word === "" ? "the end of the expression" : `${word} here`)
      }
    }
    const factor = (): Expression => {
      const word = words[at]
      if (word === "!" || word === "-not") {
        at++
        return { _tag: "Not", inner: factor() }
      }
      if (word !== "(") return primary()
      at++
      const inner = either()
      if (words[at++] !== ")") {
        throw tool.stop("invalid expression; I was expecting to find a ')' somewhere but did not see one.")
      }
      return inner
    }
    const both = (): Expression => {
      let found = factor()
      for (
        let word = words[at];
        word !== undefined && word !== "-o" && word !== "-or" && word !== ")";
        word = words[at]
      ) {
        if (word === "-a" || word === "-and") at++
        found = and(found, factor())
      }
      return found
    }
    const either = (): Expression => {
      let found = both()
      while (words[at] === "-o" || words[at] === "-or") {
        at++
        found = { _tag: "Or", left: found, right: both() }
      }
      return found
    }
    try {
      const given: Expression = words.length === 0 ? { _tag: "True" } : either()
      if (at < words.length) refuse(`${words[at]} here`)
      const expression = doesAct(given) ? given : and(given, { _tag: "Print", end: "\n" })
      return Effect.succeed({ expression, shallowest, deepest, depthFirst })
    } catch (error) {
      if (error instanceof tool.Stop) return error
      throw error
    }
  })
