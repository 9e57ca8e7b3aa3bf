/**
 * Expressions of `$(( ))`: integers of 64 bits, and assignments.
 */

/** @internal */
export interface Variables {
  readonly get: (name: string) => string | undefined
  readonly set: (name: string, value: string) => void
}

/**
 * An expression cannot be evaluated. The message is that of dash.
 *
 * @internal
 */
export class ArithmeticError extends Error {}

const levels: ReadonlyArray<ReadonlyArray<string>> = [
  ["||"],
  ["&&"],
  ["|"],
  ["^"],
  ["&"],
  ["==", "!="],
  ["<=", ">=", "<", ">"],
  ["<<", ">>"],
  ["+", "-"],
  ["*", "/", "%"]
]

const assignments = ["=", "+=", "-=", "*=", "/=", "%=", "<<=", ">>=", "&=", "|=", "^="]

const token =
  /\s*(?:([A-Za-z_][A-Za-z0-9_]*)|(0[xX][0-9A-Fa-f]+|[0-9]+)|(<<=|>>=|[-+*/%&|^]=|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%<>=!&|^~?:()]))/y

interface Token {
  readonly kind: "name" | "number" | "operator"
  readonly text: string
}

const numberOf = (text: string): bigint | undefined =>
  /^0[xX][0-9a-fA-F]+$/.test(text)
    ? BigInt(text)
    : /^0[0-7]+$/.test(text)
    ? BigInt(`0o${text.slice(1)}`)
    : /^(?:0|[1-9][0-9]*)$/.test(text)
    ? BigInt(text)
    : undefined

interface Evaluation extends Variables {
  readonly text: string
  readonly tokens: Array<Token>
  at: number
}

const fail = (self: Evaluation, words: string): never => {
  throw new ArithmeticError(`arithmetic expression: ${words}: "${self.text}"`)
}

const scan = (self: Evaluation): void => {
  for (let at = 0; at < self.text.trimEnd().length; at = token.lastIndex) {
    token.lastIndex = at
    const match = token.exec(self.text)
    const [, name, number, operator] = match ?? fail(self, "expecting EOF")
    self.tokens.push(
      name !== undefined
        ? { kind: "name", text: name }
        : number !== undefined
        ? { kind: "number", text: number }
        : { kind: "operator", text: operator ?? "" }
    )
  }
}

const is = (self: Evaluation, ...operators: ReadonlyArray<string>) => {
  const one = self.tokens[self.at]
  return one?.kind === "operator" && operators.includes(one.text)
}

const wrap = (value: bigint) => BigInt.asIntN(64, value)

const truth = (value: boolean) => value ? 1n : 0n

const operate = (self: Evaluation, operator: string, left: bigint, right: bigint, live: boolean): bigint => {
  switch (operator) {
    case "|":
      return left | right
    case "^":
      return left ^ right
    case "&":
      return left & right
    case "==":
      return truth(left === right)
    case "!=":
      return truth(left !== right)
    case "<=":
      return truth(left <= right)
    case ">=":
      return truth(left >= right)
    case "<":
      return truth(left < right)
    case ">":
      return truth(left > right)
    case "<<":
      return wrap(left << (right & 63n))
    case ">>":
      return left >> (right & 63n)
    case "+":
      return wrap(left + right)
    case "-":
      return wrap(left - right)
    case "*":
      return wrap(left * right)
    default:
      if (right === 0n) return live ? fail(self, "division by zero") : 0n
      return operator === "/" ? wrap(left / right) : left % right
  }
}

const variable = (self: Evaluation, name: string): bigint => {
  const value = (self.get(name) ?? "").trim()
  if (value === "") return 0n
  const sign = /^[-+]/.test(value) ? value.charAt(0) : ""
  const number = numberOf(value.slice(sign.length))
  if (number === undefined) throw new ArithmeticError(`Illegal number: ${value}`)
  return wrap(sign === "-" ? -number : number)
}

const primary = (self: Evaluation, live: boolean): bigint => {
  const one = self.tokens[self.at]
  if (one === undefined) return fail(self, "expecting primary")
  self.at++
  if (one.kind === "number") return wrap(numberOf(one.text) ?? fail(self, "expecting EOF"))
  if (one.kind === "name") return live ? variable(self, one.text) : 0n
  switch (one.text) {
    case "(": {
      const value = assignment(self, live)
      if (!is(self, ")")) return fail(self, "expecting ')'")
      self.at++
      return value
    }
    case "-":
      return wrap(-primary(self, live))
    case "+":
      return primary(self, live)
    case "!":
      return truth(primary(self, live) === 0n)
    case "~":
      return ~primary(self, live)
    default:
      return fail(self, "expecting primary")
  }
}

const binary = (self: Evaluation, level: number, live: boolean): bigint => {
  const operators = levels[level]
  if (operators === undefined) return primary(self, live)
  let left = binary(self, level + 1, live)
  while (is(self, ...operators)) {
    const { text: operator = "" } = self.tokens[self.at++] ?? {}
    if (operator === "||") {
      const right = binary(self, level + 1, live && left === 0n)
      left = truth(left !== 0n || right !== 0n)
    } else if (operator === "&&") {
      const right = binary(self, level + 1, live && left !== 0n)
      left = truth(left !== 0n && right !== 0n)
    } else left = operate(self, operator, left, binary(self, level + 1, live), live)
  }
  return left
}

const conditional = (self: Evaluation, live: boolean): bigint => {
  const condition = binary(self, 0, live)
  if (!is(self, "?")) return condition
  self.at++
  const met = assignment(self, live && condition !== 0n)
  if (!is(self, ":")) return fail(self, "expecting ':'")
  self.at++
  const unmet = conditional(self, live && condition === 0n)
  return condition !== 0n ? met : unmet
}

const assignment = (self: Evaluation, live: boolean): bigint => {
  const target = self.tokens[self.at]
  const operator = self.tokens[self.at + 1]
  if (target?.kind !== "name" || operator?.kind !== "operator" || !assignments.includes(operator.text)) {
    return conditional(self, live)
  }
  self.at += 2
  const right = assignment(self, live)
  if (!live) return right
  const value = operator.text === "="
    ? right
    : operate(self, operator.text.slice(0, -1), variable(self, target.text), right, true)
  self.set(target.text, `${value}`)
  return value
}

/**
 * The value, or an `ArithmeticError`.
 *
 * @internal
 */
export const evaluate = (text: string, { get, set }: Variables): bigint => {
  const self: Evaluation = { text, get, set, tokens: [], at: 0 }

  scan(self)
  const value = assignment(self, true)
  return self.at < self.tokens.length ? fail(self, "expecting EOF") : value
}
