/**
 * The tokens of a script.
 */
import { type Part, type Redirection, reserved, type Word } from "./syntax.js"
import { hereDocument, next, peek, read, type ReadCommands, type Reader, refuse, syntaxError } from "./words.js"

/** @internal */
export type Token =
  | { readonly _tag: "Word"; readonly word: Word; readonly line: number; readonly plain: string | undefined }
  | { readonly _tag: "Operator"; readonly text: string; readonly line: number }
  | { readonly _tag: "Redirection"; readonly redirection: Redirection; readonly line: number }
  | { readonly _tag: "End"; readonly line: number }

interface PendingDocument {
  readonly parts: Array<Part>
  readonly delimiter: string
  readonly quoted: boolean
  readonly stripsTabs: boolean
}

const operators = ["&&", "||", ";;", "|", ";", "(", ")", "&"]
const redirectors = ["<<-", "<<", "<&", ">>", ">&", ">|", "<", ">"] as const
const metacharacters = new Set([" ", "\t", "\n", ";", "&", "|", "<", ">", "(", ")"])

/** Fails as dash does about a token that has no place there. @internal */
export const unexpected = (token: Token, expected?: string): never => {
  const found = token._tag === "End"
    ? "end of file"
    : token._tag === "Redirection"
    ? "redirection"
    : token._tag === "Operator"
    ? token.text === "\n" ? "newline" : `"${token.text}"`
    : token.plain !== undefined && reserved.has(token.plain)
    ? `"${token.plain}"`
    : "word"
  const wanted = expected === "word" ? expected : `"${expected}"`
  return syntaxError(token, `${found} unexpected${expected === undefined ? "" : ` (expecting ${wanted})`}`)
}

/** @internal */
export interface Tokens {
  readonly look: () => Token
  readonly take: () => Token
}

interface Scanner {
  readonly reader: Reader
  /** Reads the commands of a substitution. */
  readonly parser: ReadCommands
  ahead: Token | undefined
  /** The here-documents whose lines come next. */
  readonly pending: Array<PendingDocument>
}

const readDocument = (self: Scanner, { delimiter, parts, quoted, stripsTabs }: PendingDocument): void => {
  const line = self.reader.line
  let text = ""
  while (self.reader.at < self.reader.text.length) {
    const lineEnd = self.reader.text.indexOf("\n", self.reader.at)
    let content = self.reader.text.slice(self.reader.at, lineEnd < 0 ? undefined : lineEnd)
    self.reader.at = lineEnd < 0 ? self.reader.text.length : lineEnd + 1
    self.reader.line++
    if (stripsTabs) content = content.replace(/^\t+/, "")
    if (content === delimiter) break
    text += lineEnd < 0 ? content : `${content}\n`
  }
  if (quoted) parts.push({ _tag: "Literal", text, quoted: true })
  else for (const part of hereDocument(text, line, self.parser)) parts.push(part)
}

const redirection = (self: Scanner, descriptor: number | undefined, line: number): Token => {
  for (const construct of ["<<<", "<(", ">(", "<>"]) {
    if (self.reader.text.startsWith(construct, self.reader.at)) {
      return refuse(self.reader, construct.endsWith("(") ? `${construct} )` : construct)
    }
  }
  const operator = redirectors.find((one) => self.reader.text.startsWith(one, self.reader.at)) ?? "<"
  self.reader.at += operator.length
  skipBlanks(self)
  if (descriptor !== undefined && descriptor > 9) return refuse(self.reader, `descriptor ${descriptor}`)
  const of = descriptor ?? (operator.startsWith("<") ? 0 : 1)
  if (metacharacters.has(peek(self.reader)) || peek(self.reader) === "") {
    self.ahead = undefined
    return unexpected(take(self))
  }
  const target = { parts: word(self) }
  if (operator === "<<" || operator === "<<-") {
    if (target.parts.some((part) => part._tag !== "Literal")) {
      return refuse(self.reader, "an expansion in the end of a here-document")
    }
    const parts: Array<Part> = []
    self.pending.push({
      parts,
      delimiter: target.parts.map((part) => part._tag === "Literal" ? part.text : "").join(""),
      quoted: target.parts.some(({ quoted }) => quoted),
      stripsTabs: operator === "<<-"
    })
    return { _tag: "Redirection", redirection: { descriptor: of, operator: "<<", target: { parts } }, line }
  }
  return { _tag: "Redirection", redirection: { descriptor: of, operator, target }, line }
}

const word = (self: Scanner): ReadonlyArray<Part> =>
  read(self.reader, { quoted: false, ends: (character) => metacharacters.has(character) }, self.parser)

const skipBlanks = (self: Scanner): void => {
  while (true) {
    const character = peek(self.reader)
    if (character === " " || character === "\t") self.reader.at++
    else if (character === "#") {
      const lineEnd = self.reader.text.indexOf("\n", self.reader.at)
      self.reader.at = lineEnd < 0 ? self.reader.text.length : lineEnd
    } else break
  }
}

const scan = (self: Scanner): Token => {
  skipBlanks(self)
  const { line } = self.reader
  const character = peek(self.reader)
  if (character === "") {
    for (const one of self.pending.splice(0)) readDocument(self, one)
    return { _tag: "End", line }
  }
  if (character === "\n") {
    next(self.reader)
    for (const one of self.pending.splice(0)) readDocument(self, one)
    return { _tag: "Operator", text: "\n", line }
  }
  for (const construct of ["|&", "&>", ";&", ";;&"]) {
    if (self.reader.text.startsWith(construct, self.reader.at)) return refuse(self.reader, construct)
  }
  if (character === "<" || character === ">") return redirection(self, undefined, line)
  const operator = operators.find((one) => self.reader.text.startsWith(one, self.reader.at))
  if (operator !== undefined) {
    self.reader.at += operator.length
    return { _tag: "Operator", text: operator, line }
  }
  const number = /^[0-9]+(?=[<>])/.exec(self.reader.text.slice(self.reader.at, self.reader.at + 16))
  if (number !== null) {
    self.reader.at += number[0].length
    return redirection(self, Number(number[0]), line)
  }
  const parts = word(self)
  const [first] = parts
  const plain = parts.length === 1 && first?._tag === "Literal" && !first.quoted ? first.text : undefined
  return { _tag: "Word", word: { parts }, line, plain }
}

const look = (self: Scanner): Token => self.ahead ??= scan(self)

const take = (self: Scanner): Token => {
  const token = look(self)
  self.ahead = undefined
  return token
}

/** `parser`: for the commands of a substitution. @internal */
export const make = (reader: Reader, parser: ReadCommands): Tokens => {
  const self: Scanner = { reader, parser, ahead: undefined, pending: [] }
  return { look: () => look(self), take: () => take(self) }
}
