/**
 * Determines the quoting around an interpolation in a shell line, on which the quoting of its words depends.
 */

/**
 * `plain`: a word, or a part of one. `single`, `double`: within quotes, which are closed before the word and opened again
 * after it. `unquotable`: a position where quotes have no effect.
 *
 * @internal
 */
export type Context = "plain" | "single" | "double" | "unquotable"

// `lost` lasts to the end of the line. It begins at a here-document, and at syntax that POSIX does not define.
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
  /** Number of open parentheses in it. */
  depth: number
  /** Whether it contains the word `case`, whose patterns end with an unpaired `)`. */
  cases: boolean
}

const atBreak = /[ \t\n;&|()<>]/

/**
 * Tracks the quoting through the pieces of a line. Each call returns the context at the end of its piece.
 *
 * @internal
 */
export const tracker = (): (piece: string) => Context => {
  const outermost: Frame = { kind: "plain", depth: 0, cases: false }
  const stack = [outermost]
  const top = () => stack.at(-1) ?? outermost
  let wordStarted = false
  // Whether the meaning of the last character depends on the next one.
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

  // Shells disagree about quotes in `${...}` within double quotes.
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
      // After other characters it may be inside a word or an operator.
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
