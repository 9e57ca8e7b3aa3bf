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

/** Fails with a `Stop` that is thrown. @internal */
export const parse = (text: string): Program => {
  const tokens = read(text)
  let at = 0
  // inside of parentheses `>` compares; in the values of `print` it does not
  let isGreaterAllowed = true
  const functions = new Map<string, Definition>()
  const called = new Map<string, number>()

  const peek = (ahead = 0): Token =>
    tokens[Math.min(at + ahead, tokens.length - 1)] ?? { kind: "end", text: "end", line: 1 }
  const refuse = (token = peek()): never => {
    const words = `the program at line ${token.line}, at ${token.text}`
    throw tool.stop(`InMemoryHost does not understand ${words}`, 2)
  }
  const is = (text: string, ahead = 0): boolean => {
    const token = peek(ahead)
    return token.text === text && (token.kind === "sign" || token.kind === "keyword")
  }
  const accept = (text: string): boolean => {
    if (!is(text)) return false
    at++
    return true
  }
  const expect = (text: string): void => {
    if (!accept(text)) refuse()
  }
  const name = (): string => {
    const token = peek()
    if (token.kind !== "name") refuse()
    at++
    return token.text
  }
  const skipNewlines = () => {
    while (peek().kind === "newline") at++
  }
  const skipSeparators = () => {
    while (peek().kind === "newline" || is(";")) at++
  }
  const within = <A>(isAllowed: boolean, run: () => A): A => {
    const before = isGreaterAllowed
    isGreaterAllowed = isAllowed
    const found = run()
    isGreaterAllowed = before
    return found
  }

  const list = (end: string): ReadonlyArray<Expression> =>
    within(true, () => {
      const found: Array<Expression> = []
      skipNewlines()
      while (!accept(end)) {
        if (found.length > 0) expect(",")
        skipNewlines()
        found.push(expression())
        skipNewlines()
      }
      return found
    })

  const subscript = (end: string): Expression => {
    const token = peek()
    const all = list(end)
    const [first] = all
    if (first === undefined) return refuse(token)
    return all.length === 1 ? first : { _tag: "Subscripts", all }
  }

  /** A place without operators after it, as `getline` takes it. */
  const place = (): Place | undefined => {
    if (accept("$")) {
      if (is("++") || is("--") || is("-") || is("+") || is("!")) return { _tag: "Field", index: signed() }
      return { _tag: "Field", index: primary() }
    }
    if (peek().kind !== "name") return undefined
    const found = name()
    return accept("[") ? { _tag: "Element", array: found, index: subscript("]") } : { _tag: "Variable", name: found }
  }

  const primary = (): Expression => {
    const token = peek()
    const found = place()
    if (found !== undefined) return found
    at++
    switch (token.kind) {
      case "number":
        return { _tag: "Constant", value: Number(token.text) }
      case "string":
        return { _tag: "Constant", value: token.text }
      case "pattern":
        return { _tag: "Pattern", source: token.text }
      case "call": {
        expect("(")
        const values = list(")")
        called.set(token.text, Math.max(called.get(token.text) ?? 0, values.length))
        return { _tag: "Call", name: token.text, values }
      }
      case "builtin": {
        if (token.text === "length" && !is("(")) return { _tag: "Builtin", name: "length", values: [] }
        expect("(")
        const values = list(")")
        const [least, most] = argumentsOf[token.text] ?? [0, 0]
        if (values.length < least || values.length > most) refuse(token)
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
      const target = place()
      return accept("<")
        ? { _tag: "Getline", kind: "file", from: incremented(), place: target }
        : { _tag: "Getline", kind: "input", from: undefined, place: target }
    }
    if (token.kind === "sign" && token.text === "(") {
      const all = list(")")
      const [first] = all
      if (first === undefined) return refuse(token)
      if (all.length === 1) return { _tag: "Group", inner: first }
      if (!is("in")) refuse()
      return { _tag: "Subscripts", all }
    }
    return refuse(token)
  }

  const isPlace = ({ _tag }: Expression): boolean => _tag === "Variable" || _tag === "Field" || _tag === "Element"

  const incremented = (): Expression => {
    for (const [sign, by] of [["++", 1], ["--", -1]] as const) {
      if (!accept(sign)) continue
      const target = place()
      return target === undefined ? refuse() : { _tag: "Step", place: target, by, isPrefix: true }
    }
    const found = primary()
    if (isPlace(found) && (is("++") || is("--"))) {
      const by = is("++") ? 1 : -1
      at++
      return { _tag: "Step", place: found as Place, by, isPrefix: false }
    }
    return found
  }

  const power = (): Expression => {
    const left = incremented()
    return accept("^") ? { _tag: "Arithmetic", operator: "^", left, right: signed() } : left
  }

  /** An operand with its signs, which may stand after `^`: `2^-3`. */
  const signed = (): Expression => {
    for (const operator of ["!", "-", "+"]) if (accept(operator)) return { _tag: "Unary", operator, inner: signed() }
    return power()
  }

  const binary = (operators: ReadonlyArray<string>, inner: () => Expression) => (): Expression => {
    let left = inner()
    for (;;) {
      const operator = operators.find((one) => is(one))
      if (operator === undefined) return left
      at++
      left = { _tag: "Arithmetic", operator, left, right: inner() }
    }
  }
  const product = binary(["*", "/", "%"], signed)
  const sum = binary(["+", "-"], product)

  const beginsOperand = (): boolean => {
    const { kind, text } = peek()
    return kind === "number" || kind === "string" || kind === "pattern" || kind === "name" || kind === "call" ||
      kind === "builtin" || kind === "sign" && ["$", "!", "(", "++", "--"].includes(text)
  }

  const concatenation = (): Expression => {
    let left = sum()
    while (beginsOperand()) left = { _tag: "Concat", left, right: sum() }
    return left
  }

  /** `|` of `getline` binds less than a concatenation, and more than a comparison. */
  const piped = (): Expression => {
    let left = concatenation()
    while (is("|") && is("getline", 1)) {
      at += 2
      left = { _tag: "Getline", kind: "command", from: left, place: place() }
    }
    return left
  }

  const comparison = (): Expression => {
    const left = piped()
    const { kind, text } = peek()
    if (kind !== "sign" || !comparisons.has(text) || text === ">" && !isGreaterAllowed) return left
    at++
    const right = piped()
    // not of two at once
    if (peek().kind === "sign" && comparisons.has(peek().text) && !(is(">") && !isGreaterAllowed)) refuse()
    return { _tag: "Compare", operator: text, left, right }
  }

  const matching = (): Expression => {
    let left = comparison()
    while (is("~") || is("!~")) {
      const isNegated = is("!~")
      at++
      left = { _tag: "Match", isNegated, text: left, pattern: comparison() }
    }
    return left
  }

  const membership = (): Expression => {
    let left = matching()
    while (accept("in")) left = { _tag: "In", index: left, array: name() }
    return left
  }

  const conjunction = (): Expression => {
    let left = membership()
    while (accept("&&")) {
      skipNewlines()
      left = { _tag: "And", left, right: membership() }
    }
    return left
  }

  const disjunction = (): Expression => {
    let left = conjunction()
    while (accept("||")) {
      skipNewlines()
      left = { _tag: "Or", left, right: conjunction() }
    }
    return left
  }

  const conditional = (): Expression => {
    const test = disjunction()
    if (!accept("?")) return test
    skipNewlines()
    const then = expression()
    skipNewlines()
    expect(":")
    skipNewlines()
    return { _tag: "Conditional", test, then, otherwise: expression() }
  }

  /** An assignment to anything but a place is refused: awks read `!x = y` differently. */
  const expression = (): Expression => {
    const start = at
    const found = conditional()
    const { kind, text } = peek()
    if (kind !== "sign" || !assignments.has(text)) return found
    if (!isPlace(found)) return refuse(tokens[start])
    at++
    skipNewlines()
    return { _tag: "Assign", place: found as Place, operator: text.slice(0, -1), value: expression() }
  }

  /** Whether the parenthesis here holds all values of a `print`. */
  const isParenthesized = (): boolean => {
    if (!is("(")) return false
    let depth = 0
    for (let ahead = 0;; ahead++) {
      if (peek(ahead).kind === "end") return false
      if (is("(", ahead)) depth++
      if (is(")", ahead) && --depth === 0) {
        return peek(ahead + 1).kind === "newline" || [";", "}", ">", ">>", "|"].some((one) => is(one, ahead + 1))
      }
    }
  }

  const output = (): Output | undefined => {
    for (const operator of [">", ">>", "|"] as const) {
      if (accept(operator)) return { operator, to: within(false, concatenation) }
    }
    return undefined
  }

  const print = (tag: "Print" | "Printf"): Statement => {
    const token = peek()
    const values: Array<Expression> = []
    if (isParenthesized()) {
      at++
      for (const value of list(")")) values.push(value)
    } else if (peek().kind !== "newline" && ![";", "}", ">", ">>", "|"].some((one) => is(one))) {
      within(false, () => {
        do {
          skipNewlines()
          values.push(expression())
        } while (accept(","))
      })
    }
    if (tag === "Printf" && values.length === 0) refuse(token)
    return { _tag: tag, values, output: output() }
  }

  const simple = (): Statement => {
    if (accept("print")) return print("Print")
    if (accept("printf")) return print("Printf")
    if (accept("delete")) {
      const array = name()
      return { _tag: "Delete", array, index: accept("[") ? subscript("]") : undefined }
    }
    return { _tag: "Expression", expression: expression() }
  }

  const isEnded = (): boolean => peek().kind === "newline" || is(";") || is("}")

  const end = () => {
    if (is("}")) return
    if (peek().kind !== "newline" && !is(";")) refuse()
    skipSeparators()
  }

  /** The statement of a loop or a condition, which may be empty. */
  const body = (): Statement => {
    skipNewlines()
    if (accept(";")) return { _tag: "Block", body: [] }
    return statement()
  }

  const test = (): Expression => {
    expect("(")
    const [found, ...rest] = list(")")
    return found === undefined || rest.length > 0 ? refuse() : found
  }

  const loop = (): Statement => {
    expect("(")
    if (peek().kind === "name" && is("in", 1) && peek(2).kind === "name" && is(")", 3)) {
      const variable = name()
      at++
      const array = name()
      at++
      return { _tag: "ForIn", variable, array, body: body() }
    }
    const [first, condition, step] = within(true, () => {
      const first = is(";") ? undefined : simple()
      expect(";")
      skipNewlines()
      const condition = is(";") ? undefined : expression()
      expect(";")
      skipNewlines()
      const step = is(")") ? undefined : simple()
      expect(")")
      return [first, condition, step] as const
    })
    return { _tag: "For", first, test: condition, step, body: body() }
  }

  const statement = (): Statement => {
    if (is("{")) {
      const found = block()
      skipSeparators()
      return found
    }
    if (accept("if")) {
      const condition = test()
      const then = body()
      const before = at
      skipSeparators()
      if (accept("else")) return { _tag: "If", test: condition, then, otherwise: body() }
      at = before
      return { _tag: "If", test: condition, then, otherwise: undefined }
    }
    if (accept("while")) return { _tag: "While", test: test(), body: body() }
    if (accept("for")) return loop()
    if (accept("do")) {
      const inner = body()
      skipSeparators()
      expect("while")
      const condition = test()
      end()
      return { _tag: "Do", test: condition, body: inner }
    }
    if (accept(";")) return { _tag: "Block", body: [] }
    const found = ((): Statement => {
      if (accept("break")) return { _tag: "Break" }
      if (accept("continue")) return { _tag: "Continue" }
      if (accept("next")) return { _tag: "Next" }
      if (accept("exit")) return { _tag: "Exit", value: isEnded() ? undefined : expression() }
      if (accept("return")) return { _tag: "Return", value: isEnded() ? undefined : expression() }
      return simple()
    })()
    end()
    return found
  }

  const block = (): Statement =>
    within(true, () => {
      expect("{")
      skipSeparators()
      const found: Array<Statement> = []
      while (!accept("}")) {
        found.push(statement())
        skipSeparators()
      }
      return { _tag: "Block", body: found }
    })

  const define = () => {
    const token = peek()
    if (token.kind !== "name" && token.kind !== "call") refuse()
    at++
    expect("(")
    const parameters: Array<string> = []
    while (!accept(")")) {
      if (parameters.length > 0) expect(",")
      skipNewlines()
      parameters.push(name())
    }
    skipNewlines()
    if (functions.has(token.text)) refuse(token)
    functions.set(token.text, { parameters, body: block() })
  }

  const begin: Array<Statement> = []
  const last: Array<Statement> = []
  const rules: Array<Rule> = []
  skipSeparators()
  while (peek().kind !== "end") {
    if (accept("function")) define()
    else if (accept("BEGIN")) begin.push(block())
    else if (accept("END")) last.push(block())
    else {
      const first = is("{") ? undefined : expression()
      let until: Expression | undefined
      if (first !== undefined && accept(",")) {
        skipNewlines()
        until = expression()
      }
      const action = is("{") ? block() : undefined
      if (action === undefined && peek().kind !== "newline" && !is(";")) refuse()
      rules.push({ first, last: until, action })
    }
    skipSeparators()
  }
  for (const [one, count] of called) {
    const definition = functions.get(one)
    if (definition === undefined) throw tool.stop(`InMemoryHost does not understand the function ${one}`, 2)
    if (count > definition.parameters.length) {
      throw tool.stop(`InMemoryHost does not understand ${one} with ${count} values`, 2)
    }
  }
  return { begin, rules, end: last, functions }
}
