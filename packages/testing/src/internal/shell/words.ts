/**
 * How words of a script are read: quoting and expansions. A reader is a place in the text of a script.
 */
import { isName, type Operation, type Part, type Script } from "./syntax.js"

/**
 * Why a script is not run. `words` are those of dash, or name what the double does not do.
 *
 * @internal
 */
export class ParseError extends Error {
  constructor(readonly line: number, readonly words: string) {
    super(words)
  }
}

/** @internal */
export interface Reader {
  readonly text: string
  at: number
  line: number
}

/** Reads the commands of a substitution up to the `)`, or to the end. @internal */
export type ReadCommands = (reader: Reader, end: ")" | "") => Script

/** @internal */
export const refuse = (reader: Pick<Reader, "line">, construct: string): never => {
  throw new ParseError(reader.line, `InMemoryHost does not understand ${construct}`)
}

/** @internal */
export const syntaxError = (reader: Pick<Reader, "line">, words: string): never => {
  throw new ParseError(reader.line, `Syntax error: ${words}`)
}

const literal = (text: string, quoted: boolean): Part => ({ _tag: "Literal", text, quoted })

/** @internal */
export const next = (reader: Reader): string => {
  const character = reader.text.charAt(reader.at++)
  if (character === "\n") reader.line++
  return character
}

/** Whether a line goes on: what `\` and the end of a line are outside of single quotes. */
const skipContinuations = (reader: Reader): void => {
  while (reader.text.startsWith("\\\n", reader.at)) {
    reader.at += 2
    reader.line++
  }
}

/** @internal */
export const peek = (reader: Reader): string => {
  skipContinuations(reader)
  return reader.text.charAt(reader.at)
}

const singleQuoted = (reader: Reader): string => {
  const end = reader.text.indexOf("'", reader.at)
  if (end < 0) {
    return syntaxError(
      { line: reader.line + reader.text.slice(reader.at).split("\n").length - 1 },
      "Unterminated quoted string"
    )
  }
  const text = reader.text.slice(reader.at, end)
  reader.line += text.split("\n").length - 1
  reader.at = end + 1
  return text
}

const backquoted = (reader: Reader, quoted: boolean, readCommands: ReadCommands): Part => {
  const line = reader.line
  let text = ""
  while (true) {
    if (reader.at >= reader.text.length) return syntaxError(reader, "EOF in backquote substitution")
    const character = next(reader)
    if (character === "`") break
    const following = reader.text.charAt(reader.at)
    if (
      character === "\\" &&
      (following === "`" || following === "\\" || following === "$" || quoted && following === "\"")
    ) {
      text += next(reader)
    } else text += character
  }
  return { _tag: "Substitution", script: readCommands({ text, at: 0, line }, ""), quoted }
}

const arithmetic = (reader: Reader, quoted: boolean, readCommands: ReadCommands): Part => {
  const parts: Array<Part> = []
  let text = ""
  const flush = () => {
    if (text !== "") parts.push(literal(text, true))
    text = ""
  }
  for (let depth = 0;;) {
    const character = peek(reader)
    if (character === "") return syntaxError(reader, "Missing '))'")
    if (character === ")" && depth === 0) {
      if (reader.text.charAt(reader.at + 1) !== ")") return refuse(reader, "an arithmetic expression with ) alone")
      reader.at += 2
      break
    }
    if (character === "(") depth++
    if (character === ")") depth--
    if (character === "$" || character === "`") {
      flush()
      parts.push(expansion(reader, true, readCommands))
    } else if (character === "'" || character === "\"" || character === "\\") {
      return refuse(reader, "quotes in an arithmetic expression")
    } else text += next(reader)
  }
  flush()
  return { _tag: "Arithmetic", parts, quoted }
}

const defaults = { "-": "Default", "=": "Assign", "+": "Alternative", "?": "Fail" } as const

const isDefault = (text: string): text is keyof typeof defaults => text in defaults && text.length === 1

const nameAt = (reader: Reader): string => {
  const match = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-])/.exec(reader.text.slice(reader.at, reader.at + 256))
  return match === null ? "" : match[0]
}

const known = (reader: Reader, name: string): string => name === "!" ? refuse(reader, "$!") : name

const braced = (reader: Reader, quoted: boolean, readCommands: ReadCommands): Part => {
  const start = reader.at
  const whole = () => {
    const end = reader.text.indexOf("}", start)
    return `\${${reader.text.slice(start, end < 0 ? undefined : end + 1)}`
  }
  if (
    /^#(?:[A-Za-z0-9_@*?$!-]|#\})/.test(reader.text.slice(start, start + 3)) &&
    !/^#[?-][^}]/.test(reader.text.slice(start, start + 3))
  ) {
    reader.at++
    const name = known(reader, nameAt(reader))
    reader.at += name.length
    if (peek(reader) !== "}") return refuse(reader, whole())
    reader.at++
    if (name === "@" || name === "*") return refuse(reader, whole())
    return { _tag: "Parameter", name, operation: { _tag: "Length" }, quoted }
  }
  const name = nameAt(reader)
  if (name === "") return refuse(reader, whole())
  if (name === "!") return refuse(reader, whole())
  reader.at += name.length
  const parameter = (operation: Operation | undefined): Part => ({ _tag: "Parameter", name, operation, quoted })
  let operator = peek(reader)
  if (operator === "") return syntaxError(reader, "Missing '}'")
  if (operator === "}") {
    reader.at++
    return parameter(undefined)
  }
  const orEmpty = operator === ":"
  if (orEmpty) {
    reader.at++
    operator = peek(reader)
  }
  reader.at++
  if (isDefault(operator)) {
    const word = operand(reader, quoted, readCommands)
    if (operator === "=" && !isName(name)) return refuse(reader, whole())
    return parameter({ _tag: defaults[operator], orEmpty, word })
  }
  if (!orEmpty && (operator === "#" || operator === "%")) {
    if (name === "@" || name === "*") return refuse(reader, whole())
    const longest = peek(reader) === operator
    if (longest) reader.at++
    return parameter({
      _tag: operator === "#" ? "Prefix" : "Suffix",
      longest,
      word: operand(reader, false, readCommands)
    })
  }
  return refuse(reader, whole())
}

/** Reads the operand of an operator within `${ }`, including the `}`. */
const operand = (reader: Reader, quoted: boolean, readCommands: ReadCommands): ReadonlyArray<Part> => {
  const parts = read(reader, { quoted, ends: (character) => character === "}" }, readCommands)
  if (reader.at >= reader.text.length) return syntaxError(reader, "Missing '}'")
  reader.at++
  return parts
}

/** Reads the expansion that a `$` or a backquote begins. */
const expansion = (reader: Reader, quoted: boolean, readCommands: ReadCommands): Part => {
  if (next(reader) === "`") return backquoted(reader, quoted, readCommands)
  const character = peek(reader)
  if (character === "(") {
    reader.at++
    if (reader.text.charAt(reader.at) === "(") {
      reader.at++
      return arithmetic(reader, quoted, readCommands)
    }
    return { _tag: "Substitution", script: readCommands(reader, ")"), quoted }
  }
  if (character === "{") {
    reader.at++
    return braced(reader, quoted, readCommands)
  }
  if (character === "[") return refuse(reader, "$[ ]")
  if (!quoted && (character === "'" || character === "\"")) return refuse(reader, `$${character} ${character}`)
  const name = known(reader, /[0-9]/.test(character) ? character : nameAt(reader))
  if (name === "") return literal("$", true)
  reader.at += name.length
  return { _tag: "Parameter", name, operation: undefined, quoted }
}

interface Mode {
  /** Whether it stands within double quotes. */
  readonly quoted: boolean
  readonly ends: (character: string) => boolean
  /** Whether a double quote is an ordinary character, as in a here-document. */
  readonly hereDocument?: boolean
}

const escapable = new Set(["$", "`", "\"", "\\"])

/** @internal */
export const read = (
  reader: Reader,
  { ends, hereDocument = false, quoted }: Mode,
  readCommands: ReadCommands
): ReadonlyArray<Part> => {
  const parts: Array<Part> = []
  let text = ""
  const flush = () => {
    if (text !== "") parts.push(literal(text, quoted))
    text = ""
  }
  const push = (part: Part) => {
    flush()
    parts.push(part)
  }
  while (true) {
    const character = peek(reader)
    if (character === "" || ends(character)) break
    if (character === "$" || character === "`") push(expansion(reader, quoted, readCommands))
    else if (character === "\\") {
      reader.at++
      const escaped = reader.text.charAt(reader.at)
      const isEscape = escapable.has(escaped) && !(hereDocument && escaped === "\"") || escaped === "}" && ends("}")
      if (quoted && !isEscape) text += "\\"
      else if (escaped === "") push(literal("\\", true))
      else push(literal(next(reader), true))
    } else if (character === "'" && !quoted) {
      reader.at++
      push(literal(singleQuoted(reader), true))
    } else if (character === "\"" && !hereDocument) {
      reader.at++
      // in `"${x-"a"}"`, quotes within quotes, all is quoted
      if (quoted) continue
      flush()
      const line = reader.line
      const inner = read(reader, { quoted: true, ends: (one) => one === "\"" }, readCommands)
      if (reader.at >= reader.text.length) {
        return syntaxError({ line: Math.max(line, reader.line) }, "Unterminated quoted string")
      }
      reader.at++
      for (const part of inner.length === 0 ? [literal("", true)] : inner) parts.push(part)
    } else text += next(reader)
  }
  flush()
  return parts
}

/**
 * Reads the content of a here-document whose delimiter is not quoted.
 *
 * @internal
 */
export const hereDocument = (text: string, line: number, readCommands: ReadCommands): ReadonlyArray<Part> =>
  read({ text, at: 0, line }, { quoted: true, hereDocument: true, ends: () => false }, readCommands)
