import * as Effect from "effect/Effect"
import type { PosixError } from "../../sftp/sftpFileSystem.js"
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

const expressionOf = (
  self: tool.Tool,
  found: options.Options,
  patterns: ReadonlyArray<string>
): Effect.Effect<RegExp, tool.Stop> => {
  const kind = self.name.endsWith("egrep") ? "E" : self.name.endsWith("fgrep") ? "F" : found.last("EFG")?.[0]
  const sources: Array<string> = []
  for (const one of patterns) {
    const source = kind === "F" ? escape(one) : translate(one, kind === "E")
    if (source === undefined) return tool.stop(`InMemoryHost does not understand the pattern ${one}`, 2)
    sources.push(`(?:${source})`)
  }
  const joined = (found.has("i") ? sources.map(withoutCase) : sources).join("|")
  const source = found.has("x") ? `^(?:${joined})$` : found.has("w") ? `(?<!\\w)(?:${joined})(?!\\w)` : joined
  try {
    return Effect.succeed(new RegExp(source, "gs"))
  } catch {
    return tool.stop(`InMemoryHost does not understand the pattern ${patterns.join(" ")}`, 2)
  }
}

const inputsOf = (self: tool.Tool, paths: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>> =>
  paths.length === 0
    ? Effect.map(below(self, "."), (all) => all.map((path) => path.replace(/^\.\//, "")))
    : Effect.map(Effect.forEach(paths, (path) => below(self, path)), (all) => all.flat())

/** The pattern, and the options for the output. */
interface Search {
  readonly self: tool.Tool
  readonly found: options.Options
  readonly expression: RegExp
  /** Whether lines are printed with the name of their file. */
  readonly named: boolean
  readonly most: number
  /** Whether no lines and no counts are printed. */
  readonly isQuiet: boolean
}

/** The lines of one input. */
interface Lines {
  readonly shown: string
  /** The number of lines read, and of those selected. */
  read: number
  selected: number
  /** Matches in a binary file are reported, not printed. */
  isBinary: boolean
}

const isEnough = ({ isQuiet, most }: Search, { selected }: Lines): boolean =>
  isQuiet && selected > 0 || selected >= most

// The output for a line.
const select = (search: Search, lines: Lines, line: string): string => {
  const { expression, found, named } = search
  lines.read++
  expression.lastIndex = 0
  if (isEnough(search, lines) || expression.test(line) === found.has("v")) return ""
  lines.selected++
  if (search.isQuiet || found.has("c")) return ""
  const prefix = `${named ? `${lines.shown}:` : ""}${found.has("n") ? `${lines.read}:` : ""}`
  if (!found.has("o")) return `${prefix}${line}\n`
  if (found.has("v")) return ""
  return (line.match(expression) ?? []).map((match) => match === "" ? "" : `${prefix}${match}\n`).join("")
}

const searchLines = (search: Search, path: string, lines: Lines) =>
  input.linesWhile(search.self, path, (some) => {
    const { found, isQuiet, self } = search
    lines.isBinary ||= !found.has("a") && some.some((line) => line.includes("\0"))
    const texts = some.map(input.withoutEnd)
    const printed = (lines.isBinary ? texts.flatMap((text) => text.split("\0")) : texts)
      .map((text) => select(search, lines, text)).join("")
    return lines.isBinary && !isQuiet && !found.has("c")
      ? Effect.succeed(lines.selected === 0)
      : Effect.map(self.print(printed), () => !isEnough(search, lines))
  })

const report = ({ found, isQuiet, named, self }: Search, { isBinary, selected, shown }: Lines) =>
  Effect.gen(function*() {
    if (isBinary && !isQuiet && !found.has("c") && selected > 0) yield* self.complain(`${shown}: binary file matches`)
    if (found.has("c") && !isQuiet) yield* self.print(`${named ? `${shown}:` : ""}${selected}\n`)
    if (found.has("l") && selected > 0 || found.has("L") && selected === 0) yield* self.print(`${shown}\n`)
  })

interface Searched {
  readonly outcome: "Found" | "NotFound" | "IsOutput"
  /** The input could not be read, or not to its end. */
  readonly error: PosixError | undefined
}

const searchOne = (search: Search, path: string): Effect.Effect<Searched, tool.Closed> =>
  Effect.gen(function*() {
    const { found, isQuiet, self } = search
    if (!isQuiet && !found.has("c") && (yield* input.isOutput(self, path))) {
      yield* self.complain(`${path}: input file is also the output`)
      return { outcome: "IsOutput", error: undefined }
    }
    const shown = path === "-" ? "(standard input)" : path
    const lines: Lines = { shown, read: 0, selected: 0, isBinary: false }
    const error = yield* searchLines(search, path, lines).pipe(
      Effect.as(undefined),
      Effect.catchTag("PosixError", (error) => Effect.succeed(error))
    )
    // a directory can be opened, and so it has lines: none
    if (error !== undefined && error.errno !== "EISDIR") return { outcome: "NotFound", error }
    yield* report(search, lines)
    const isFound = found.has("L") ? lines.selected === 0 : lines.selected > 0
    return { outcome: isFound ? "Found" : "NotFound", error }
  })

const searchAll = (search: Search, inputs: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const { found, self } = search
    let hasFailed = false
    const outcomes = new Set<Searched["outcome"]>()
    for (const path of inputs) {
      const { error, outcome } = yield* searchOne(search, path)
      outcomes.add(outcome)
      if (error !== undefined) {
        hasFailed = true
        const words = error.errno === "EISDIR" ? `${path}: Is a directory` : `${path}: ${message.of(error)}`
        if (!found.has("s")) yield* self.complain(words)
      }
      if (found.has("q") && outcomes.has("Found")) return 0
    }
    return hasFailed || outcomes.has("IsOutput") ? 2 : outcomes.has("Found") ? 0 : 1
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
    const expression = yield* expressionOf(self, found, patterns)
    const recursive = found.has("r") || found.has("R")
    const inputs = recursive ? yield* inputsOf(self, paths) : paths
    const search: Search = {
      self,
      found,
      expression,
      named: !found.has("h") && (found.has("H") || recursive || inputs.length > 1),
      most: found.value("m") === undefined ? Infinity : Number(found.value("m")),
      isQuiet: found.has("q") || found.has("l") || found.has("L")
    }
    return yield* searchAll(search, inputs.length === 0 ? ["-"] : inputs)
  })

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = { egrep: grep, fgrep: grep, grep }
