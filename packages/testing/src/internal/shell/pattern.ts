/**
 * Patterns of the shell, over strings as `bytes.ts` has them.
 */

const classes: Readonly<Record<string, string>> = {
  alnum: "A-Za-z0-9",
  alpha: "A-Za-z",
  blank: " \\t",
  cntrl: "\\x00-\\x1f\\x7f",
  digit: "0-9",
  graph: "!-~",
  lower: "a-z",
  print: " -~",
  punct: "!-\\/:-@\\[-`{-~",
  space: " \\t-\\r",
  upper: "A-Z",
  xdigit: "0-9A-Fa-f"
}

/**
 * Translates `[:NAME:]` for the brackets of a JavaScript regular expression.
 *
 * @internal
 */
export const characterClass = (name: string): string | undefined => classes[name]

/** @internal */
export const escape = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")

/**
 * A text that may contain a pattern. Quoted characters match themselves.
 *
 * @internal
 */
export interface Piece {
  readonly text: string
  readonly quoted: boolean
}

interface Unit {
  readonly character: string
  readonly literal: boolean
}

const unitsOf = (pieces: ReadonlyArray<Piece>): ReadonlyArray<Unit> => {
  const units: Array<Unit> = []
  for (const { quoted, text } of pieces) {
    for (let at = 0; at < text.length; at++) {
      // a backslash that is the result of an expansion
      if (!quoted && text[at] === "\\" && at + 1 < text.length) {
        units.push({ character: text.charAt(++at), literal: true })
      } else units.push({ character: text.charAt(at), literal: quoted })
    }
  }
  return units
}

/** The bracket expression at `start`, and its end. `undefined` if the `[` is an ordinary character. */
const bracket = (units: ReadonlyArray<Unit>, start: number): readonly [source: string, end: number] | undefined => {
  const is = (at: number, character: string) => units[at]?.character === character && !units[at].literal
  let at = start + 1
  const negated = is(at, "!") || is(at, "^")
  if (negated) at++
  let source = ""
  for (let first = true;; first = false) {
    const unit = units[at]
    if (unit === undefined || unit.character === "/") return undefined
    if (is(at, "]") && !first) break
    if (is(at, "[") && is(at + 1, ":")) {
      const rest = units.slice(at + 2, at + 12).map(({ character }) => character).join("")
      const name = /^[a-z]+(?=:\])/.exec(rest)?.[0] ?? ""
      const found = characterClass(name)
      if (found !== undefined) {
        source += found
        at += name.length + 4
        continue
      }
    }
    const last = units[at + 2]
    if (is(at + 1, "-") && last !== undefined && !is(at + 2, "]")) {
      if (unit.character <= last.character) source += `${escape(unit.character)}-${escape(last.character)}`
      at += 3
    } else {
      source += escape(unit.character)
      at++
    }
  }
  return [negated ? `[^${source}]` : source === "" ? "(?!)" : `[${source}]`, at + 1]
}

const sourceOf = (units: ReadonlyArray<Unit>, lazy: boolean): readonly [source: string, isLiteral: boolean] => {
  let source = ""
  let isLiteral = true
  for (let at = 0; at < units.length;) {
    const { character, literal } = units[at] ?? { character: "", literal: true }
    const set = !literal && character === "[" ? bracket(units, at) : undefined
    if (set !== undefined) {
      source += set[0]
      at = set[1]
      isLiteral = false
      continue
    }
    at++
    if (literal || character !== "*" && character !== "?") source += escape(character)
    else {
      source += character === "?" ? "." : lazy ? ".*?" : ".*"
      isLiteral = false
    }
  }
  return [source, isLiteral]
}

/** @internal */
export const matches = (pieces: ReadonlyArray<Piece>, text: string): boolean =>
  new RegExp(`^(?:${sourceOf(unitsOf(pieces), false)[0]})$`, "s").test(text)

/**
 * Whether there is anything in it but characters that stand for themselves.
 *
 * @internal
 */
export const isPattern = (pieces: ReadonlyArray<Piece>): boolean => !sourceOf(unitsOf(pieces), false)[1]

/** @internal */
export const removePrefix = (pieces: ReadonlyArray<Piece>, text: string, longest: boolean): string => {
  const expression = new RegExp(`^(?:${sourceOf(unitsOf(pieces), !longest)[0]})$`, "s")
  for (let step = 0; step <= text.length; step++) {
    const size = longest ? text.length - step : step
    if (expression.test(text.slice(0, size))) return text.slice(size)
  }
  return text
}

/** @internal */
export const removeSuffix = (pieces: ReadonlyArray<Piece>, text: string, longest: boolean): string => {
  const expression = new RegExp(`^(?:${sourceOf(unitsOf(pieces), !longest)[0]})$`, "s")
  for (let step = 0; step <= text.length; step++) {
    const from = longest ? step : text.length - step
    if (expression.test(text.slice(from))) return text.slice(0, from)
  }
  return text
}

/**
 * The steps of a path, each a matcher or a name, for what is looked up in a directory. Slashes are as they stand.
 *
 * @internal
 */
export type Step = { readonly slashes: string } | { readonly name: string } | {
  readonly test: (name: string) => boolean
}

/** @internal */
export const steps = (pieces: ReadonlyArray<Piece>): ReadonlyArray<Step> => {
  const found: Array<Step> = []
  let run: Array<Unit> = []
  const flush = () => {
    if (run.length === 0) return
    const [source, isLiteral] = sourceOf(run, false)
    const dotted = run[0]?.character === "."
    if (isLiteral) found.push({ name: run.map(({ character }) => character).join("") })
    else {
      const expression = new RegExp(`^(?:${source})$`, "s")
      found.push({ test: (name) => (dotted || !name.startsWith(".")) && expression.test(name) })
    }
    run = []
  }
  for (const unit of unitsOf(pieces)) {
    if (unit.character !== "/") {
      run.push(unit)
      continue
    }
    flush()
    const last = found.at(-1)
    if (last !== undefined && "slashes" in last) found[found.length - 1] = { slashes: `${last.slashes}/` }
    else found.push({ slashes: "/" })
  }
  flush()
  return found
}
