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

const outermost = (): Frame => ({ kind: "plain", depth: 0, cases: false })

interface State {
  readonly stack: Array<Frame>
  wordStarted: boolean
  /** Whether the meaning of the last character depends on the next one. */
  dangling: boolean
}

const top = ({ stack }: State): Frame => stack.at(-1) ?? outermost()

// `enter` and `leave` return the number of characters that they consume, as do all steps.
const enter = (state: State, kind: Kind, size: number): number => {
  state.stack.push({ kind, depth: 0, cases: false })
  state.wordStarted = false
  return size
}

const leave = (state: State, size: number): number => {
  state.wordStarted = top(state).kind !== "comment"
  state.stack.pop()
  return size
}

// Shells disagree about quotes in `${...}` within double quotes.
const isQuoted = ({ stack }: State): boolean => {
  const around = stack.filter(({ kind }) => kind !== "parameter").at(-1)?.kind
  return around !== "plain" && around !== "substitution"
}

const expansion = (state: State, rest: string): number => {
  if (rest[0] === "`") return enter(state, "backtick", 1)
  if (rest.startsWith("$((")) return enter(state, "arithmetic", 3)
  if (rest.startsWith("$(")) return enter(state, "substitution", 2)
  if (rest.startsWith("${")) {
    const isKnown = /^\$\{([A-Za-z0-9_#?!@*-]|\$\}|$)/.test(rest)
    return enter(state, isKnown ? "parameter" : "lost", 2)
  }
  if (/^\$(\[|\\\n)/.test(rest)) return enter(state, "lost", 2)
  if (top(state).kind === "double") return 1
  if (rest.startsWith("$'")) return enter(state, "lost", 2)
  state.dangling = rest === "$"
  state.wordStarted = true
  return rest.startsWith("$\"") && !isQuoted(state) ? enter(state, "double", 2) : 1
}

const escaped = (state: State, rest: string): number => {
  state.dangling = rest.length === 1
  state.wordStarted = true
  return 2
}

const atBreak = /[ \t\n;&|()<>]/

const atWordStart = (state: State, rest: string): number | undefined => {
  const frame = top(state)
  if (rest.startsWith("#")) return enter(state, "comment", 1)
  if (/^(alias(?!\w)|=~)/.test(rest)) return enter(state, "lost", 1)
  if (frame.kind === "substitution" && frame.cases && /^in(?!\w)/.test(rest)) return enter(state, "lost", 1)
  if (/^case(?!\w)/.test(rest)) frame.cases = true
  return undefined
}

const unquoted = (state: State, rest: string, before: string | undefined): number => {
  const frame = top(state)
  const char = rest.charAt(0)
  if (rest.startsWith("\\\n")) {
    // After other characters it may be inside a word or an operator.
    return before === undefined || /[ \t\n;&|"'})]/.test(before) ? 2 : enter(state, "lost", 2)
  }
  if (char === "\\") return escaped(state, rest)
  if (char === "\"") return enter(state, "double", 1)
  if (char === "'") return enter(state, "single", 1)
  if (char === "(") {
    if (/^\(\(/.test(rest) || (state.wordStarted && !/^\([ \t]*\)/.test(rest))) return enter(state, "lost", 1)
    frame.depth++
  }
  if (char === ")") {
    if (frame.depth === 0 && frame.kind === "substitution") return leave(state, 1)
    frame.depth = Math.max(0, frame.depth - 1)
  }
  if (rest.startsWith("<<")) return rest.startsWith("<<<") ? 3 : enter(state, "lost", 2)
  const entered = state.wordStarted ? undefined : atWordStart(state, rest)
  if (entered !== undefined) return entered
  state.wordStarted = !atBreak.test(char)
  return 1
}

const inComment = (state: State, char: string): number => {
  if (char === "\n") return leave(state, 1)
  return state.stack.length > 2 && /['"`\\$()]/.test(char) ? enter(state, "lost", 1) : 1
}

const inParameter = (state: State, rest: string): number => {
  const char = rest.charAt(0)
  if (char === "\\") return escaped(state, rest)
  if (char === "}") return leave(state, 1)
  if (char !== "'" && char !== "\"") return 1
  return isQuoted(state) ? enter(state, "lost", 1) : enter(state, char === "'" ? "single" : "double", 1)
}

const inArithmetic = (state: State, rest: string): number => {
  const frame = top(state)
  const char = rest.charAt(0)
  if (/['"\\]/.test(char)) return enter(state, "lost", 1)
  if (char === ")" && frame.depth === 0) return rest.startsWith("))") ? leave(state, 2) : enter(state, "lost", 1)
  frame.depth += char === "(" ? 1 : char === ")" ? -1 : 0
  return 1
}

// Consumes the next characters, and returns how many.
const step = (state: State, rest: string, before: string | undefined): number => {
  const { kind } = top(state)
  const char = rest.charAt(0)
  if (kind === "lost") return rest.length
  if (kind === "single") return char === "'" ? leave(state, 1) : 1
  if (kind === "comment") return inComment(state, char)
  if (kind === "backtick") return char === "\\" ? escaped(state, rest) : char === "`" ? leave(state, 1) : 1
  if (char === "$" || char === "`") return expansion(state, rest)
  if (kind === "double") return char === "\\" ? escaped(state, rest) : char === "\"" ? leave(state, 1) : 1
  if (kind === "parameter") return inParameter(state, rest)
  if (kind === "arithmetic") return inArithmetic(state, rest)
  return unquoted(state, rest, before)
}

/**
 * Tracks the quoting through the pieces of a line. Each call returns the context at the end of its piece.
 *
 * @internal
 */
export const tracker = (): (piece: string) => Context => {
  const state: State = { stack: [outermost()], wordStarted: false, dangling: false }
  return (piece) => {
    state.dangling = false
    for (let at = 0; at < piece.length;) at += step(state, piece.slice(at), piece[at - 1])
    state.wordStarted = true // the interpolation itself
    const known = state.stack.every(({ kind }) => ["plain", "substitution", "single", "double"].includes(kind))
    if (state.dangling || !known) return "unquotable"
    const { kind } = top(state)
    return kind === "single" || kind === "double" ? kind : "plain"
  }
}
