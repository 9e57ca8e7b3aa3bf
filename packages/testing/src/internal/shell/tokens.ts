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

/** `parser`: for the commands of a substitution. @internal */
export const make = (reader: Reader, parser: ReadCommands): Tokens => {
  let ahead: Token | undefined
  const pending: Array<PendingDocument> = []

  const readDocument = ({ delimiter, parts, quoted, stripsTabs }: PendingDocument): void => {
    const line = reader.line
    let text = ""
    while (reader.at < reader.text.length) {
      const lineEnd = reader.text.indexOf("\n", reader.at)
      let content = reader.text.slice(reader.at, lineEnd < 0 ? undefined : lineEnd)
      reader.at = lineEnd < 0 ? reader.text.length : lineEnd + 1
      reader.line++
      if (stripsTabs) content = content.replace(/^\t+/, "")
      if (content === delimiter) break
      text += lineEnd < 0 ? content : `${content}\n`
    }
    if (quoted) parts.push({ _tag: "Literal", text, quoted: true })
    else for (const part of hereDocument(text, line, parser)) parts.push(part)
  }

  const redirection = (descriptor: number | undefined, line: number): Token => {
    for (const construct of ["<<<", "<(", ">(", "<>"]) {
      if (reader.text.startsWith(construct, reader.at)) {
        return refuse(reader, construct.endsWith("(") ? `${construct} )` : construct)
      }
    }
    const operator = redirectors.find((one) => reader.text.startsWith(one, reader.at)) ?? "<"
    reader.at += operator.length
    skipBlanks()
    if (descriptor !== undefined && descriptor > 9) return refuse(reader, `descriptor ${descriptor}`)
    const of = descriptor ?? (operator.startsWith("<") ? 0 : 1)
    if (metacharacters.has(peek(reader)) || peek(reader) === "") {
      ahead = undefined
      return unexpected(take())
    }
    const target = { parts: word() }
    if (operator === "<<" || operator === "<<-") {
      if (target.parts.some((part) => part._tag !== "Literal")) {
        return refuse(reader, "an expansion in the end of a here-document")
      }
      const parts: Array<Part> = []
      pending.push({
        parts,
        delimiter: target.parts.map((part) => part._tag === "Literal" ? part.text : "").join(""),
        quoted: target.parts.some(({ quoted }) => quoted),
        stripsTabs: operator === "<<-"
      })
      return { _tag: "Redirection", redirection: { descriptor: of, operator: "<<", target: { parts } }, line }
    }
    return { _tag: "Redirection", redirection: { descriptor: of, operator, target }, line }
  }

  const word = (): ReadonlyArray<Part> =>
    read(reader, { quoted: false, ends: (character) => metacharacters.has(character) }, parser)

  const skipBlanks = (): void => {
    while (true) {
      const character = peek(reader)
      if (character === " " || character === "\t") reader.at++
      else if (character === "#") {
        const lineEnd = reader.text.indexOf("\n", reader.at)
        reader.at = lineEnd < 0 ? reader.text.length : lineEnd
      } else break
    }
  }

  const scan = (): Token => {
    skipBlanks()
    const { line } = reader
    const character = peek(reader)
    if (character === "") {
      for (const one of pending.splice(0)) readDocument(one)
      return { _tag: "End", line }
    }
    if (character === "\n") {
      next(reader)
      for (const one of pending.splice(0)) readDocument(one)
      return { _tag: "Operator", text: "\n", line }
    }
    for (const construct of ["|&", "&>", ";&", ";;&"]) {
      if (reader.text.startsWith(construct, reader.at)) return refuse(reader, construct)
    }
    if (character === "<" || character === ">") return redirection(undefined, line)
    const operator = operators.find((one) => reader.text.startsWith(one, reader.at))
    if (operator !== undefined) {
      reader.at += operator.length
      return { _tag: "Operator", text: operator, line }
    }
    const number = /^[0-9]+(?=[<>])/.exec(reader.text.slice(reader.at, reader.at + 16))
    if (number !== null) {
      reader.at += number[0].length
      return redirection(Number(number[0]), line)
    }
    const parts = word()
    const [first] = parts
    const plain = parts.length === 1 && first?._tag === "Literal" && !first.quoted ? first.text : undefined
    return { _tag: "Word", word: { parts }, line, plain }
  }

  const look = (): Token => ahead ??= scan()
  const take = (): Token => {
    const token = look()
    ahead = undefined
    return token
  }
  return { look, take }
}
