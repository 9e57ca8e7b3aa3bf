import * as Effect from "effect/Effect"
import * as directories from "../directories.js"
import * as input from "../input.js"
import * as message from "../message.js"
import * as options from "../options.js"
import { characterClass, escape } from "../pattern.js"
import * as tool from "../tool.js"

/** The end of a bracket expression that begins at `start`. @internal */
export const bracketEnd = (text: string, start: number): number => {
  let at = start + 1
  if (text[at] === "^") at++
  if (text[at] === "]") at++
  while (at < text.length && text[at] !== "]") {
    const special = /^\[([:.=])/.exec(text.slice(at))
    const end = special === null ? -1 : text.indexOf(`${special[1]}]`, at + 2)
    at = end < 0 ? at + 1 : end + 2
  }
  return at < text.length ? at : -1
}

const bracket = (text: string): string | undefined => {
  const negated = text.startsWith("^")
  const inner = negated ? text.slice(1) : text
  if (/\[[.=]/.test(inner)) return undefined
  let known = true
  const source = inner.split(/(\[:[a-z]+:\])/).map((part, index) => {
    if (index % 2 === 0) return part.replace(/[\\\][^]/g, "\\$&")
    const found = characterClass(part.slice(2, -2))
    if (found === undefined) known = false
    return found ?? ""
  }).join("")
  return known ? `[${negated ? "^" : ""}${source}]` : undefined
}

/**
 * Translates a regular expression of POSIX to JavaScript. `undefined` if the expression is not supported. If several
 * alternatives match at one place, JavaScript takes the first and POSIX the longest. The difference shows only with `-o`.
 *
 * @internal
 */
export const translate = (text: string, extended: boolean): string | undefined => {
  let source = ""
  // whether an operator would have nothing to repeat
  let atStart = true
  let depth = 0
  for (let at = 0; at < text.length;) {
    const character = text.charAt(at++)
    const isEscape = character === "\\"
    const following = isEscape ? text.charAt(at++) : ""
    if (isEscape && following === "") return undefined
    const operator = isEscape !== extended && "(){}|+?".includes(isEscape ? following : character)
      ? (isEscape ? following : character)
      : ""
    if (operator === "{") {
      const match = (extended ? /^([0-9]*)(,?)([0-9]*)\}/ : /^([0-9]*)(,?)([0-9]*)\\\}/).exec(text.slice(at))
      if (match === null || atStart || `${match[1]}${match[3]}` === "") return undefined
      source += `{${match[1] || 0}${match[2]}${match[3]}}`
      at += match[0].length
    } else if (operator === "(" || operator === "|") {
      source += operator
      if (operator === "(") depth++
      atStart = true
      continue
    } else if (operator === ")" && (depth > 0 || !extended)) {
      if (--depth < 0) return undefined
      source += ")"
    } else if (operator === "+" || operator === "?") {
      if (atStart) source += escape(operator)
      else source += operator
    } else if (isEscape) {
      if (/[1-9wW]/.test(following)) source += `\\${following}`
      // JavaScript counts a byte beyond ASCII among the blanks
      else if (following === "s" || following === "S") source += following === "s" ? "[ \\t-\\r]" : "[^ \\t-\\r]"
      // the ends of the buffer
      else if (following === "`" || following === "'") return undefined
      else if (following === "<") source += "\\b(?=\\w)"
      else if (following === ">") source += "\\b(?<=\\w)"
      else if (following === "b" || following === "B") source += `\\${following}`
      else if (/[A-Za-z0-9]/.test(following)) return undefined
      else source += escape(following)
    } else if (character === "[") {
      const end = bracketEnd(text, at - 1)
      const set = end < 0 ? undefined : bracket(text.slice(at, end))
      if (set === undefined) return undefined
      source += set
      at = end + 1
    } else if (character === "*") source += atStart ? (extended ? "" : "\\*") : "*"
    else if (character === ".") source += "."
    else if (character === "^" && (extended || atStart)) {
      source += "^"
      continue
    } else if (character === "$" && (extended || at === text.length || /^\\[)|]/.test(text.slice(at)))) source += "$"
    else source += escape(character)
    atStart = false
  }
  return depth === 0 ? source : undefined
}

/** Letters of either case, in the C locale: those beyond ASCII have none. @internal */
export const withoutCase = (source: string): string =>
  source.replace(/\\[A-Za-z]|\[(?:\\.|[^\]])*\]|[A-Za-z]/g, (whole) => {
    if (whole.length === 1) return `[${whole.toLowerCase()}${whole.toUpperCase()}]`
    if (!whole.startsWith("[")) return whole
    const inner = whole.slice(1, -1)
    const other = inner.replace(
      /[A-Za-z]-[A-Za-z]|\\.|[A-Za-z]/g,
      (part) =>
        part.startsWith("\\") ? part : part + (part.toLowerCase() === part ? part.toUpperCase() : part.toLowerCase())
    )
    return `[${other}]`
  })

const spec: options.Spec = {
  flags: "EFGivclLnqowxrRHhsa",
  values: "em",
  long: {
    "extended-regexp": "E",
    "fixed-strings": "F",
    "basic-regexp": "G",
    "ignore-case": "i",
    "invert-match": "v",
    count: "c",
    "files-with-matches": "l",
    "files-without-match": "L",
    "line-number": "n",
    quiet: "q",
    silent: "q",
    "only-matching": "o",
    "word-regexp": "w",
    "line-regexp": "x",
    recursive: "r",
    "with-filename": "H",
    "no-filename": "h",
    "no-messages": "s",
    text: "a",
    regexp: "e",
    "max-count": "m"
  }
}

const below = (self: tool.Tool, path: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function*() {
    const stat = yield* Effect.option(self.files.stat(self.at(path)))
    if (stat._tag === "None" || !directories.isDirectory(stat.value)) return [path]
    const names = yield* Effect.orElseSucceed(
      directories.list(self.files, directories.resolve(self.directory, path)),
      () => []
    )
    const found: Array<string> = []
    for (const name of names) {
      const inner = path.endsWith("/") ? `${path}${name}` : `${path}/${name}`
      const entry = yield* Effect.option(self.files.lstat(self.at(inner)))
      if (entry._tag === "Some" && !directories.isLink(entry.value)) {
        for (const one of yield* below(self, inner)) found.push(one)
      }
    }
    return found
  })

/** @internal */
export const grep: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("grep", self.words, spec)
    const given = found.all.filter(([letter]) => letter === "e").map(([, value]) => value)
    const [first, ...rest] = found.operands
    if (given.length === 0 && first === undefined) {
      return yield* new tool.Stop({ code: 2, words: "InMemoryHost does not understand grep without a pattern" })
    }
    const patterns = (given.length > 0 ? given : [first ?? ""]).flatMap((one) => one.split("\n"))
    const paths = given.length > 0 ? found.operands : rest
    const kind = self.name.endsWith("egrep") ? "E" : self.name.endsWith("fgrep") ? "F" : found.last("EFG")?.[0]
    const sources: Array<string> = []
    for (const one of patterns) {
      const source = kind === "F" ? escape(one) : translate(one, kind === "E")
      if (source === undefined) return yield* tool.stop(`InMemoryHost does not understand the pattern ${one}`, 2)
      sources.push(`(?:${source})`)
    }
    const insensitive = found.has("i") ? sources.map(withoutCase) : sources
    const joined = insensitive.join("|")
    const source = found.has("x") ? `^(?:${joined})$` : found.has("w") ? `(?<!\\w)(?:${joined})(?!\\w)` : joined
    let expression: RegExp
    try {
      expression = new RegExp(source, "gs")
    } catch {
      return yield* tool.stop(`InMemoryHost does not understand the pattern ${patterns.join(" ")}`, 2)
    }
    const recursive = found.has("r") || found.has("R")
    const inputs = recursive
      ? (yield* Effect.forEach(paths.length === 0 ? ["."] : paths, (path) => below(self, path))).flat().map((path) =>
        paths.length === 0 ? path.replace(/^\.\//, "") : path
      )
      : paths
    const named = !found.has("h") && (found.has("H") || recursive || inputs.length > 1)
    const most = found.value("m") === undefined ? Infinity : Number(found.value("m"))
    let any = false
    let isRefused = false
    const one = (path: string) =>
      Effect.gen(function*() {
        let count = 0
        let number = 0
        const shown = path === "-" ? "(standard input)" : path
        const prefix = () => `${named ? `${shown}:` : ""}${found.has("n") ? `${number}:` : ""}`
        const quiet = found.has("q") || found.has("l") || found.has("L")
        const isSilent = quiet || found.has("c")
        const isEnough = () => quiet && count > 0 || count >= most
        const select = (line: string): string => {
          number++
          expression.lastIndex = 0
          if (isEnough() || expression.test(line) === found.has("v")) return ""
          count++
          if (isSilent) return ""
          if (!found.has("o")) return `${prefix()}${line}\n`
          if (found.has("v")) return ""
          return (line.match(expression) ?? []).map((match) => match === "" ? "" : `${prefix()}${match}\n`).join("")
        }
        if (!isSilent && (yield* input.isOutput(self, path))) {
          isRefused = true
          return yield* self.complain(`${path}: input file is also the output`)
        }
        // matches in a binary file are reported, not printed
        let isBinary = false
        const read = yield* Effect.either(input.linesWhile(self, path, (lines) => {
          isBinary ||= !found.has("a") && lines.some((line) => line.includes("\0"))
          const texts = lines.map(input.withoutEnd)
          const selected = (isBinary ? texts.flatMap((text) => text.split("\0")) : texts).map(select).join("")
          if (!isBinary || isSilent) return Effect.map(self.print(selected), () => !isEnough())
          return Effect.succeed(count === 0)
        }))
        // a directory can be opened, and so it has lines: none
        if (read._tag === "Left" && (read.left._tag !== "PosixError" || read.left.errno !== "EISDIR")) {
          return yield* read.left
        }
        if (isBinary && !isSilent && count > 0) yield* self.complain(`${shown}: binary file matches`)
        if (found.has("c") && !quiet) yield* self.print(`${named ? `${shown}:` : ""}${count}\n`)
        if (found.has("l") && count > 0 || found.has("L") && count === 0) yield* self.print(`${shown}\n`)
        if (found.has("L") ? count === 0 : count > 0) any = true
        if (read._tag === "Left") return yield* read.left
      })
    let code = 0
    for (const path of inputs.length === 0 ? ["-"] : inputs) {
      const read = yield* Effect.either(Effect.catchTag(one(path), "PosixError", (error) => Effect.succeed(error)))
      if (read._tag === "Left") return yield* read.left
      if (read.right !== undefined) {
        code = 2
        const words = read.right.errno === "EISDIR" ? `${path}: Is a directory` : `${path}: ${message.of(read.right)}`
        if (!found.has("s")) yield* self.complain(words)
      }
      if (found.has("q") && any) return 0
    }
    return isRefused ? 2 : code !== 0 ? code : any ? 0 : 1
  })

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = { egrep: grep, fgrep: grep, grep }
