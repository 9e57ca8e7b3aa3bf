/**
 * Reads an awk program, by the grammar of POSIX.
 */
import * as tool from "../tool.js"
import type { Definition, Expression, Output, Place, Program, Rule, Statement } from "./syntax.js"
import { read, type Token } from "./tokens.js"

const assignments = new Set(["=", "+=", "-=", "*=", "/=", "%=", "^="])
const comparisons = new Set(["<", "<=", "==", "!=", ">", ">="])

/** Arguments of the functions of awk: the least and the most. */
const argumentsOf: Readonly<Record<string, readonly [least: number, most: number]>> = {
  atan2: [2, 2],
  close: [1, 1],
  cos: [1, 1],
  exp: [1, 1],
  fflush: [0, 1],
  gsub: [2, 3],
  index: [2, 2],
  int: [1, 1],
  length: [0, 1],
  log: [1, 1],
  match: [2, 2],
  rand: [0, 0],
  sin: [1, 1],
  split: [2, 3],
  sprintf: [1, Infinity],
  sqrt: [1, 1],
  srand: [0, 1],
  sub: [2, 3],
  substr: [2, 3],
  system: [1, 1],
  tolower: [1, 1],
  toupper: [1, 1]
}

/** State of the parser. */
interface Parser {
  readonly tokens: ReadonlyArray<Token>
  at: number
  /** Inside parentheses `>` compares. In the values of `print` it does not. */
  isGreaterAllowed: boolean
  readonly functions: Map<string, Definition>
  /** The functions that are called, with the highest number of values. */
  readonly called: Map<string, number>
}

const peek = (self: Parser, ahead = 0): Token =>
  self.tokens[Math.min(self.at + ahead, self.tokens.length - 1)] ?? { kind: "end", text: "end", line: 1 }

const refuse = (self: Parser, token = peek(self)): never => {
  const words = `the program at line ${token.line}, at ${token.text}`
  throw tool.stop(`InMemoryHost does not understand ${words}`, 2)
}

const is = (self: Parser, text: string, ahead = 0): boolean => {
  const token = peek(self, ahead)
  return token.text === text && (token.kind === "sign" || token.kind === "keyword")
}

const accept = (self: Parser, text: string): boolean => {
  if (!is(self, text)) return false
  self.at++
  return true
}

const expect = (self: Parser, text: string): void => {
  if (!accept(self, text)) refuse(self)
}

const name = (self: Parser): string => {
  const token = peek(self)
  if (token.kind !== "name") refuse(self)
  self.at++
  return token.text
}

const skipNewlines = (self: Parser) => {
  while (peek(self).kind === "newline") self.at++
}

const skipSeparators = (self: Parser) => {
  while (peek(self).kind === "newline" || is(self, ";")) self.at++
}

const within = <A>(self: Parser, isAllowed: boolean, run: () => A): A => {
  const before = self.isGreaterAllowed
  self.isGreaterAllowed = isAllowed
  const found = run()
  self.isGreaterAllowed = before
  return found
}

const list = (self: Parser, end: string): ReadonlyArray<Expression> =>
  within(self, true, () => {
    const found: Array<Expression> = []
    skipNewlines(self)
    while (!accept(self, end)) {
      if (found.length > 0) expect(self, ",")
      skipNewlines(self)
      found.push(expression(self))
      skipNewlines(self)
    }
    return found
  })

const subscript = (self: Parser, end: string): Expression => {
  const token = peek(self)
  const all = list(self, end)
  const [first] = all
  if (first === undefined) return refuse(self, token)
  return all.length === 1 ? first : { _tag: "Subscripts", all }
}

/** A place without operators after it, as `getline` takes it. */
const place = (self: Parser): Place | undefined => {
  if (accept(self, "$")) {
    if (is(self, "++") || is(self, "--") || is(self, "-") || is(self, "+") || is(self, "!")) {
      return { _tag: "Field", index: signed(self) }
    }
    return { _tag: "Field", index: primary(self) }
  }
  if (peek(self).kind !== "name") return undefined
  const found = name(self)
  return accept(self, "[")
    ? { _tag: "Element", array: found, index: subscript(self, "]") }
    : { _tag: "Variable", name: found }
}

const primary = (self: Parser): Expression => {
  const token = peek(self)
  const found = place(self)
  if (found !== undefined) return found
  self.at++
  switch (token.kind) {
    case "number":
      return { _tag: "Constant", value: Number(token.text) }
    case "string":
      return { _tag: "Constant", value: token.text }
    case "pattern":
      return { _tag: "Pattern", source: token.text }
    case "call": {
      expect(self, "(")
      const values = list(self, ")")
      self.called.set(token.text, Math.max(self.called.get(token.text) ?? 0, values.length))
      return { _tag: "Call", name: token.text, values }
    }
    case "builtin": {
      if (token.text === "length" && !is(self, "(")) return { _tag: "Builtin", name: "length", values: [] }
      expect(self, "(")
      const values = list(self, ")")
      const [least, most] = argumentsOf[token.text] ?? [0, 0]
      if (values.length < least || values.length > most) refuse(self, token)
      return { _tag: "Builtin", name: token.text, values }
    }
    case "end":
    case "keyword":
    case "name":
    case "newline":
    case "sign":
      break
  }
  if (token.kind === "keyword" && token.text === "getline") {
    const target = place(self)
    return accept(self, "<")
      ? { _tag: "Getline", kind: "file", from: incremented(self), place: target }
      : { _tag: "Getline", kind: "input", from: undefined, place: target }
  }
  if (token.kind === "sign" && token.text === "(") {
    const all = list(self, ")")
    const [first] = all
    if (first === undefined) return refuse(self, token)
    if (all.length === 1) return { _tag: "Group", inner: first }
    if (!is(self, "in")) refuse(self)
    return { _tag: "Subscripts", all }
  }
  return refuse(self, token)
}

const isPlace = ({ _tag }: Expression): boolean => _tag === "Variable" || _tag === "Field" || _tag === "Element"

const incremented = (self: Parser): Expression => {
  for (const [sign, by] of [["++", 1], ["--", -1]] as const) {
    if (!accept(self, sign)) continue
    const target = place(self)
    return target === undefined ? refuse(self) : { _tag: "Step", place: target, by, isPrefix: true }
  }
  const found = primary(self)
  if (isPlace(found) && (is(self, "++") || is(self, "--"))) {
    const by = is(self, "++") ? 1 : -1
    self.at++
    return { _tag: "Step", place: found as Place, by, isPrefix: false }
  }
  return found
}

const power = (self: Parser): Expression => {
  const left = incremented(self)
  return accept(self, "^") ? { _tag: "Arithmetic", operator: "^", left, right: signed(self) } : left
}

/** An operand with its signs, which may stand after `^`: `2^-3`. */
const signed = (self: Parser): Expression => {
  for (const operator of ["!", "-", "+"]) {
    if (accept(self, operator)) return { _tag: "Unary", operator, inner: signed(self) }
  }
  return power(self)
}

const binary = (self: Parser, operators: ReadonlyArray<string>, inner: () => Expression): Expression => {
  let left = inner()
  for (;;) {
    const operator = operators.find((one) => is(self, one))
    if (operator === undefined) return left
    self.at++
    left = { _tag: "Arithmetic", operator, left, right: inner() }
  }
}

const product = (self: Parser): Expression => binary(self, ["*", "/", "%"], () => signed(self))

const sum = (self: Parser): Expression => binary(self, ["+", "-"], () => product(self))

const beginsOperand = (self: Parser): boolean => {
  const { kind, text } = peek(self)
  return kind === "number" || kind === "string" || kind === "pattern" || kind === "name" || kind === "call" ||
    kind === "builtin" || kind === "sign" && ["$", "!", "(", "++", "--"].includes(text)
}

const concatenation = (self: Parser): Expression => {
  let left = sum(self)
  while (beginsOperand(self)) left = { _tag: "Concat", left, right: sum(self) }
  return left
}

/** `|` of `getline` binds less than a concatenation, and more than a comparison. */
const piped = (self: Parser): Expression => {
  let left = concatenation(self)
  while (is(self, "|") && is(self, "getline", 1)) {
    self.at += 2
    left = { _tag: "Getline", kind: "command", from: left, place: place(self) }
  }
  return left
}

const comparison = (self: Parser): Expression => {
  const left = piped(self)
  const { kind, text } = peek(self)
  if (kind !== "sign" || !comparisons.has(text) || text === ">" && !self.isGreaterAllowed) return left
  self.at++
  const right = piped(self)
  // not of two at once
  if (peek(self).kind === "sign" && comparisons.has(peek(self).text) && !(is(self, ">") && !self.isGreaterAllowed)) {
    refuse(self)
  }
  return { _tag: "Compare", operator: text, left, right }
}

const matching = (self: Parser): Expression => {
  let left = comparison(self)
  while (is(self, "~") || is(self, "!~")) {
    const isNegated = is(self, "!~")
    self.at++
    left = { _tag: "Match", isNegated, text: left, pattern: comparison(self) }
  }
  return left
}

const membership = (self: Parser): Expression => {
  let left = matching(self)
  while (accept(self, "in")) left = { _tag: "In", index: left, array: name(self) }
  return left
}

const conjunction = (self: Parser): Expression => {
  let left = membership(self)
  while (accept(self, "&&")) {
    skipNewlines(self)
    left = { _tag: "And", left, right: membership(self) }
  }
  return left
}

const disjunction = (self: Parser): Expression => {
  let left = conjunction(self)
  while (accept(self, "||")) {
    skipNewlines(self)
    left = { _tag: "Or", left, right: conjunction(self) }
  }
  return left
}

const conditional = (self: Parser): Expression => {
  const test = disjunction(self)
  if (!accept(self, "?")) return test
  skipNewlines(self)
  const then = expression(self)
  skipNewlines(self)
  expect(self, ":")
  skipNewlines(self)
  return { _tag: "Conditional", test, then, otherwise: expression(self) }
}

/** An assignment to anything but a place is refused: awks read `!x = y` differently. */
const expression = (self: Parser): Expression => {
  const start = self.at
  const found = conditional(self)
  const { kind, text } = peek(self)
  if (kind !== "sign" || !assignments.has(text)) return found
  if (!isPlace(found)) return refuse(self, self.tokens[start])
  self.at++
  skipNewlines(self)
  return { _tag: "Assign", place: found as Place, operator: text.slice(0, -1), value: expression(self) }
}

/** Whether the parenthesis here holds all values of a `print`. */
const isParenthesized = (self: Parser): boolean => {
  if (!is(self, "(")) return false
  let depth = 0
  for (let ahead = 0;; ahead++) {
    if (peek(self, ahead).kind === "end") return false
    if (is(self, "(", ahead)) depth++
    if (is(self, ")", ahead) && --depth === 0) {
      return peek(self, ahead + 1).kind === "newline" ||
        [";", "}", ">", ">>", "|"].some((one) => is(self, one, ahead + 1))
    }
  }
}

const output = (self: Parser): Output | undefined => {
  for (const operator of [">", ">>", "|"] as const) {
    if (accept(self, operator)) return { operator, to: within(self, false, () => concatenation(self)) }
  }
  return undefined
}

const print = (self: Parser, tag: "Print" | "Printf"): Statement => {
  const token = peek(self)
  const values: Array<Expression> = []
  if (isParenthesized(self)) {
    self.at++
    for (const value of list(self, ")")) values.push(value)
  } else if (peek(self).kind !== "newline" && ![";", "}", ">", ">>", "|"].some((one) => is(self, one))) {
    within(self, false, () => {
      do {
        skipNewlines(self)
        values.push(expression(self))
      } while (accept(self, ","))
    })
  }
  if (tag === "Printf" && values.length === 0) refuse(self, token)
  return { _tag: tag, values, output: output(self) }
}

const simple = (self: Parser): Statement => {
  if (accept(self, "print")) return print(self, "Print")
  if (accept(self, "printf")) return print(self, "Printf")
  if (accept(self, "delete")) {
    const array = name(self)
    return { _tag: "Delete", array, index: accept(self, "[") ? subscript(self, "]") : undefined }
  }
  return { _tag: "Expression", expression: expression(self) }
}

const isEnded = (self: Parser): boolean => peek(self).kind === "newline" || is(self, ";") || is(self, "}")

const end = (self: Parser) => {
  if (is(self, "}")) return
  if (peek(self).kind !== "newline" && !is(self, ";")) refuse(self)
  skipSeparators(self)
}

/** The statement of a loop or a condition, which may be empty. */
const body = (self: Parser): Statement => {
  skipNewlines(self)
  if (accept(self, ";")) return { _tag: "Block", body: [] }
  return statement(self)
}

const test = (self: Parser): Expression => {
  expect(self, "(")
  const [found, ...rest] = list(self, ")")
  return found === undefined || rest.length > 0 ? refuse(self) : found
}

const loop = (self: Parser): Statement => {
  expect(self, "(")
  if (peek(self).kind === "name" && is(self, "in", 1) && peek(self, 2).kind === "name" && is(self, ")", 3)) {
    const variable = name(self)
    self.at++
    const array = name(self)
    self.at++
    return { _tag: "ForIn", variable, array, body: body(self) }
  }
  const [first, condition, step] = within(self, true, () => {
    const first = is(self, ";") ? undefined : simple(self)
    expect(self, ";")
    skipNewlines(self)
    const condition = is(self, ";") ? undefined : expression(self)
    expect(self, ";")
    skipNewlines(self)
    const step = is(self, ")") ? undefined : simple(self)
    expect(self, ")")
    return [first, condition, step] as const
  })
  return { _tag: "For", first, test: condition, step, body: body(self) }
}

const statement = (self: Parser): Statement => {
  if (is(self, "{")) {
    const found = block(self)
    skipSeparators(self)
    return found
  }
  if (accept(self, "if")) {
    const condition = test(self)
    const then = body(self)
    const before = self.at
    skipSeparators(self)
    if (accept(self, "else")) return { _tag: "If", test: condition, then, otherwise: body(self) }
    self.at = before
    return { _tag: "If", test: condition, then, otherwise: undefined }
  }
  if (accept(self, "while")) return { _tag: "While", test: test(self), body: body(self) }
  if (accept(self, "for")) return loop(self)
  if (accept(self, "do")) {
    const inner = body(self)
    skipSeparators(self)
    expect(self, "while")
    const condition = test(self)
    end(self)
    return { _tag: "Do", test: condition, body: inner }
  }
  if (accept(self, ";")) return { _tag: "Block", body: [] }
  const found = ((): Statement => {
    if (accept(self, "break")) return { _tag: "Break" }
    if (accept(self, "continue")) return { _tag: "Continue" }
    if (accept(self, "next")) return { _tag: "Next" }
    if (accept(self, "exit")) return { _tag: "Exit", value: isEnded(self) ? undefined : expression(self) }
    if (accept(self, "return")) return { _tag: "Return", value: isEnded(self) ? undefined : expression(self) }
    return simple(self)
  })()
  end(self)
  return found
}

const block = (self: Parser): Statement =>
  within(self, true, () => {
    expect(self, "{")
    skipSeparators(self)
    const found: Array<Statement> = []
    while (!accept(self, "}")) {
      found.push(statement(self))
      skipSeparators(self)
    }
    return { _tag: "Block", body: found }
  })

const define = (self: Parser) => {
  const token = peek(self)
  if (token.kind !== "name" && token.kind !== "call") refuse(self)
  self.at++
  expect(self, "(")
  const parameters: Array<string> = []
  while (!accept(self, ")")) {
    if (parameters.length > 0) expect(self, ",")
    skipNewlines(self)
    parameters.push(name(self))
  }
  skipNewlines(self)
  if (self.functions.has(token.text)) refuse(self, token)
  self.functions.set(token.text, { parameters, body: block(self) })
}

/** Fails with a `Stop` that is thrown. @internal */
export const parse = (text: string): Program => {
  const self: Parser = { tokens: read(text), at: 0, isGreaterAllowed: true, functions: new Map(), called: new Map() }

  const begin: Array<Statement> = []
  const last: Array<Statement> = []
  const rules: Array<Rule> = []
  skipSeparators(self)
  while (peek(self).kind !== "end") {
    if (accept(self, "function")) define(self)
    else if (accept(self, "BEGIN")) begin.push(block(self))
    else if (accept(self, "END")) last.push(block(self))
    else {
      const first = is(self, "{") ? undefined : expression(self)
      let until: Expression | undefined
      if (first !== undefined && accept(self, ",")) {
        skipNewlines(self)
        until = expression(self)
      }
      const action = is(self, "{") ? block(self) : undefined
      if (action === undefined && peek(self).kind !== "newline" && !is(self, ";")) refuse(self)
      rules.push({ first, last: until, action })
    }
    skipSeparators(self)
  }
  for (const [one, count] of self.called) {
    const definition = self.functions.get(one)
    if (definition === undefined) throw tool.stop(`InMemoryHost does not understand the function ${one}`, 2)
    if (count > definition.parameters.length) {
      throw tool.stop(`InMemoryHost does not understand ${one} with ${count} values`, 2)
    }
  }
  return { begin, rules, end: last, functions: self.functions }
}
