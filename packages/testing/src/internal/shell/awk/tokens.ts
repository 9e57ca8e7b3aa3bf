/**
 * The words of an awk program.
 */
import * as tool from "../tool.js"

/** @internal */
export interface Token {
  readonly kind: "builtin" | "call" | "end" | "keyword" | "name" | "newline" | "number" | "pattern" | "sign" | "string"
  readonly text: string
  readonly line: number
}

const keywords = new Set(
  "BEGIN END break continue delete do else exit for function getline if in next print printf return while".split(" ")
)

const builtins = new Set(
  ("atan2 close cos exp fflush gsub index int length log match rand sin split sprintf sqrt srand sub substr system " +
    "tolower toupper").split(" ")
)

const simple: Readonly<Record<string, string>> = {
  "\"": "\"",
  "/": "/",
  "\\": "\\",
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v"
}

/**
 * A string with its escapes undone. An unknown escape keeps its backslash, as in mawk.
 *
 * @internal
 */
export const unescape = (text: string): string =>
  text.replace(
    /\\(?:([0-7]{1,3})|\n|([^]))/g,
    (whole, octal: string | undefined, character: string | undefined) =>
      octal !== undefined
        ? String.fromCharCode(Number.parseInt(octal, 8) & 255)
        : character === undefined
        ? ""
        : simple[character] ?? whole
  )

const endsOperand = ({ kind, text }: Token): boolean =>
  kind === "number" || kind === "string" || kind === "name" || kind === "pattern" || kind === "builtin" ||
  kind === "sign" && [")", "]", "$", "++", "--"].includes(text)

const blank = /(?:[ \t\r]|\\\r?\n|#[^\n]*)+/y
const number = /(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?/y
const word = /[A-Za-z_][A-Za-z0-9_]*/y
const string = /"((?:\\[^]|[^"\\\n])*)"/y
const pattern = /\/((?:\\.|\[\^?\]?(?:\[:[a-z]+:\]|\\.|[^\]\\\n])*\]|[^/\\[\n])*)\//y
const sign = /&&|\|\||\+\+|--|\+=|-=|\*=|\/=|%=|\^=|==|<=|>=|!=|>>|!~|[-{}()[\];,+*%^!><|?:~$=/]/y

/** @internal */
export const read = (program: string): ReadonlyArray<Token> => {
  const found: Array<Token> = []
  let line = 1
  let at = 0
  const take = (expression: RegExp): RegExpExecArray | null => {
    expression.lastIndex = at
    const match = expression.exec(program)
    if (match !== null) at = expression.lastIndex
    return match
  }
  const add = (kind: Token["kind"], text: string) => void found.push({ kind, text, line })
  while (at < program.length) {
    const skipped = take(blank)
    if (skipped !== null) {
      line += skipped[0].split("\n").length - 1
      continue
    }
    if (program[at] === "\n") {
      at++
      add("newline", "newline")
      line++
      continue
    }
    const name = take(word)?.[0]
    if (name !== undefined) {
      if (name === "func") add("keyword", "function")
      else if (keywords.has(name)) add("keyword", name)
      else if (builtins.has(name)) add("builtin", name)
      else add(program[at] === "(" ? "call" : "name", name)
      continue
    }
    const digits = take(number)?.[0]
    if (digits !== undefined) {
      // awks differ about `0x1f`
      if (digits === "0" && /[xX]/.test(program.charAt(at))) {
        throw tool.stop(`InMemoryHost does not understand the hexadecimal number at line ${line}`, 2)
      }
      add("number", digits)
      continue
    }
    const text = take(string)
    if (text !== null) {
      add("string", unescape(text[1] ?? ""))
      line += text[0].split("\n").length - 1
      continue
    }
    const last = found.at(-1)
    if (program[at] === "/" && (last === undefined || !endsOperand(last))) {
      const source = take(pattern)
      if (source !== null) {
        add("pattern", source[1] ?? "")
        continue
      }
    }
    const operator = take(sign)?.[0]
    if (operator === undefined) {
      throw tool.stop(`InMemoryHost does not understand the program at line ${line}: ${program.slice(at, at + 10)}`, 2)
    }
    add("sign", operator)
  }
  add("newline", "newline")
  add("end", "end of program")
  return found
}
