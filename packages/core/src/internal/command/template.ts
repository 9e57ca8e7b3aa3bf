/**
 * The quoting around an interpolation in a shell line, which decides how its words are quoted there.
 */

/**
 * `plain`: a word of its own or a part of one. `single`, `double`: within quotes, which are closed before the word and
 * opened again after it. `unquotable`: where no quoting holds.
 *
 * @internal
 */
export type Context = "plain" | "single" | "double" | "unquotable"

// `lost` has no end. The end of a here-document, and text that POSIX does not define, are not understood.
type Kind =
  | "plain"
  | "substitution"
  | "single"
  | "double"
  | "backtick"
  | "comment"
  | "parameter"
  | "arithmetic"
  | "lost"

interface Frame {
  readonly kind: Kind
  /** How many parentheses are open in it. */
  depth: number
  /** Whether the word `case` stood in it, whose patterns end with a parenthesis that none has opened. */
  cases: boolean
}

const atBreak = /[ \t\n;&|()<>]/

/**
 * Follows the quoting through pieces of a line; each call gives the context at the end of the piece.
 *
 * @internal
 */
export const tracker = (): (piece: string) => Context => {
  const outermost: Frame = { kind: "plain", depth: 0, cases: false }
  const stack = [outermost]
  const top = () => stack.at(-1) ?? outermost
  let wordStarted = false
  // Whether the piece ends with a character that has its meaning from the next one.
  let dangling = false

  const enter = (kind: Kind, size: number): number => {
    stack.push({ kind, depth: 0, cases: false })
    wordStarted = false
    return size
  }
  const leave = (size: number): number => {
    wordStarted = top().kind !== "comment"
    stack.pop()
    return size
  }

  // Within double quotes, shells do not agree on the quotes in `${...}`.
  const isQuoted = () => {
    const around = stack.filter(({ kind }) => kind !== "parameter").at(-1)?.kind
    return around !== "plain" && around !== "substitution"
  }

  const expansion = (rest: string): number => {
    if (rest[0] === "`") return enter("backtick", 1)
    if (rest.startsWith("$((")) return enter("arithmetic", 3)
    if (rest.startsWith("$(")) return enter("substitution", 2)
    if (rest.startsWith("${")) {
      return /^\$\{([A-Za-z0-9_#?!@*-]|\$\}|$)/.test(rest)
        ? enter("parameter", 2)
        : enter("lost", 2)
    }
    if (/^\$(\[|\\\n)/.test(rest)) return enter("lost", 2)
    if (top().kind === "double") return 1
    if (rest.startsWith("$'")) return enter("lost", 2)
    dangling = rest === "$"
    wordStarted = true
    return rest.startsWith("$\"") && !isQuoted() ? enter("double", 2) : 1
  }

  const escaped = (rest: string): number => {
    dangling = rest.length === 1
    wordStarted = true
    return 2
  }

  const unquoted = (rest: string, before: string | undefined): number => {
    const frame = top()
    const char = rest.charAt(0)
    if (rest.startsWith("\\\n")) {
      // Elsewhere it may be in the midst of a word or an operator.
      return before === undefined || /[ \t\n;&|"'})]/.test(before) ? 2 : enter("lost", 2)
    }
    if (char === "\\") return escaped(rest)
    if (char === "\"") return enter("double", 1)
    if (char === "'") return enter("single", 1)
    if (char === "(") {
      if (/^\(\(/.test(rest) || (wordStarted && !/^\([ \t]*\)/.test(rest))) return enter("lost", 1)
      frame.depth++
    }
    if (char === ")") {
      if (frame.depth === 0 && frame.kind === "substitution") return leave(1)
      frame.depth = Math.max(0, frame.depth - 1)
    }
    if (rest.startsWith("<<")) return rest.startsWith("<<<") ? 3 : enter("lost", 2)
    if (!wordStarted) {
      if (char === "#") return enter("comment", 1)
      if (/^(alias(?!\w)|=~)/.test(rest)) return enter("lost", 1)
      if (frame.kind === "substitution" && frame.cases && /^in(?!\w)/.test(rest)) return enter("lost", 1)
      if (/^case(?!\w)/.test(rest)) frame.cases = true
    }
    wordStarted = !atBreak.test(char)
    return 1
  }

  const step = (rest: string, before: string | undefined): number => {
    const { depth, kind } = top()
    const char = rest.charAt(0)
    if (kind === "lost") return rest.length
    if (kind === "single") return char === "'" ? leave(1) : 1
    if (kind === "comment") {
      if (char === "\n") return leave(1)
      return stack.length > 2 && /['"`\\$()]/.test(char) ? enter("lost", 1) : 1
    }
    if (kind === "backtick") return char === "\\" ? escaped(rest) : char === "`" ? leave(1) : 1
    if (char === "$" || char === "`") return expansion(rest)
    if (kind === "double") return char === "\\" ? escaped(rest) : char === "\"" ? leave(1) : 1
    if (kind === "parameter") {
      if (char === "\\") return escaped(rest)
      if (char === "}") return leave(1)
      if (char !== "'" && char !== "\"") return 1
      return isQuoted() ? enter("lost", 1) : enter(char === "'" ? "single" : "double", 1)
    }
    if (kind === "arithmetic") {
      if (/['"\\]/.test(char)) return enter("lost", 1)
      if (char === ")" && depth === 0) return rest.startsWith("))") ? leave(2) : enter("lost", 1)
      top().depth += char === "(" ? 1 : char === ")" ? -1 : 0
      return 1
    }
    return unquoted(rest, before)
  }

  return (piece) => {
    dangling = false
    for (let at = 0; at < piece.length;) at += step(piece.slice(at), piece[at - 1])
    wordStarted = true // the interpolation itself
    const known = stack.every(({ kind }) => ["plain", "substitution", "single", "double"].includes(kind))
    if (dangling || !known) return "unquotable"
    const { kind } = top()
    return kind === "single" || kind === "double" ? kind : "plain"
  }
}
