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

/**
 * The value, or an `ArithmeticError`.
 *
 * @internal
 */
export const evaluate = (text: string, { get, set }: Variables): bigint => {
  const tokens: Array<Token> = []
  const fail = (words: string): never => {
    throw new ArithmeticError(`arithmetic expression: ${words}: "${text}"`)
  }
  for (let at = 0; at < text.trimEnd().length; at = token.lastIndex) {
    token.lastIndex = at
    const match = token.exec(text)
    if (match === null) return fail("expecting EOF")
    const [, name, number, operator] = match
    tokens.push(
      name !== undefined
        ? { kind: "name", text: name }
        : number !== undefined
        ? { kind: "number", text: number }
        : { kind: "operator", text: operator ?? "" }
    )
  }
  let at = 0
  const is = (...operators: ReadonlyArray<string>) => {
    const one = tokens[at]
    return one?.kind === "operator" && operators.includes(one.text)
  }
  const wrap = (value: bigint) => BigInt.asIntN(64, value)
  const truth = (value: boolean) => value ? 1n : 0n

  const operate = (operator: string, left: bigint, right: bigint, live: boolean): bigint => {
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
        if (right === 0n) return live ? fail("division by zero") : 0n
        return operator === "/" ? wrap(left / right) : left % right
    }
  }

  const variable = (name: string): bigint => {
    const value = (get(name) ?? "").trim()
    if (value === "") return 0n
    const sign = /^[-+]/.test(value) ? value.charAt(0) : ""
    const number = numberOf(value.slice(sign.length))
    if (number === undefined) throw new ArithmeticError(`Illegal number: ${value}`)
    return wrap(sign === "-" ? -number : number)
  }

  const primary = (live: boolean): bigint => {
    const one = tokens[at]
    if (one === undefined) return fail("expecting primary")
    at++
    if (one.kind === "number") return wrap(numberOf(one.text) ?? fail("expecting EOF"))
    if (one.kind === "name") return live ? variable(one.text) : 0n
    switch (one.text) {
      case "(": {
        const value = assignment(live)
        if (!is(")")) return fail("expecting ')'")
        at++
        return value
      }
      case "-":
        return wrap(-primary(live))
      case "+":
        return primary(live)
      case "!":
        return truth(primary(live) === 0n)
      case "~":
        return ~primary(live)
      default:
        return fail("expecting primary")
    }
  }

  const binary = (level: number, live: boolean): bigint => {
    const operators = levels[level]
    if (operators === undefined) return primary(live)
    let left = binary(level + 1, live)
    while (is(...operators)) {
      const { text: operator = "" } = tokens[at++] ?? {}
      if (operator === "||") {
        const right = binary(level + 1, live && left === 0n)
        left = truth(left !== 0n || right !== 0n)
      } else if (operator === "&&") {
        const right = binary(level + 1, live && left !== 0n)
        left = truth(left !== 0n && right !== 0n)
      } else left = operate(operator, left, binary(level + 1, live), live)
    }
    return left
  }

  const conditional = (live: boolean): bigint => {
    const condition = binary(0, live)
    if (!is("?")) return condition
    at++
    const met = assignment(live && condition !== 0n)
    if (!is(":")) return fail("expecting ':'")
    at++
    const unmet = conditional(live && condition === 0n)
    return condition !== 0n ? met : unmet
  }

  const assignment = (live: boolean): bigint => {
    const target = tokens[at]
    const operator = tokens[at + 1]
    if (target?.kind !== "name" || operator?.kind !== "operator" || !assignments.includes(operator.text)) {
      return conditional(live)
    }
    at += 2
    const right = assignment(live)
    if (!live) return right
    const value = operator.text === "="
      ? right
      : operate(operator.text.slice(0, -1), variable(target.text), right, true)
    set(target.text, `${value}`)
    return value
  }

  const value = assignment(true)
  return at < tokens.length ? fail("expecting EOF") : value
}
