/**
 * The regular expressions of `sed`: those of `grep`, with the longest match and the escapes that `sed` adds.
 */
import { translate, withoutCase } from "../coreutils/grep.js"

/** @internal */
export interface Regexp {
  /** The first match at `from` or after it. */
  readonly find: (text: string, from: number) => RegExpExecArray | undefined
  readonly groups: number
  /** Whether a group is inside a repeated one. Its final content then differs from POSIX. */
  readonly isRepeated: (group: number) => boolean
}

const controls: Readonly<Record<string, string>> = { a: "\x07", f: "\f", n: "\n", t: "\t", v: "\v" }

/** The control character that a backslash and this letter stand for. @internal */
export const control = (letter: string): string | undefined =>
  Object.hasOwn(controls, letter) ? controls[letter] : undefined

/** Whether matches of different lengths may begin at the same place. */
const isAmbiguous = (source: string): boolean => {
  const bare = source.replace(/\\[^1-9]|\[(?:\\.|[^\]])*\]/gs, "")
  return bare.includes("|") || /\)[*+?{]|\\[1-9]/.test(bare)
}

/** The groups that are within repeated ones. */
const repeatedIn = (source: string): ReadonlySet<number> => {
  const bare = source.replace(/\\.|\[(?:\\.|[^\]])*\]/gs, ".").replace(/\(\?[^)]*\)/g, ".")
  const open: Array<number> = []
  const found = new Set<number>()
  let count = 0
  for (let at = 0; at < bare.length; at++) {
    if (bare.charAt(at) === "(") open.push(++count)
    if (bare.charAt(at) !== ")") continue
    const group = open.pop() ?? 0
    if (/[*+?{]/.test(bare.charAt(at + 1))) { for (let inner = group + 1; inner <= count; inner++) found.add(inner) }
  }
  return found
}

/**
 * A regular expression, `undefined` if it is not understood.
 *
 * @internal
 */
export const make = (text: string, extended: boolean, insensitive: boolean): Regexp | undefined => {
  if (/(?:^|[^\\])(?:\\\\)*\\[cdox]/.test(text)) return undefined
  const translated = translate(text.replace(/\\([^])/g, (whole, letter: string) => control(letter) ?? whole), extended)
  if (translated === undefined) return undefined
  const source = insensitive ? withoutCase(translated) : translated
  try {
    const expression = new RegExp(source, "gs")
    const groups = (new RegExp(`${source}|`).exec("")?.length ?? 1) - 1
    const isLongest = !isAmbiguous(source)
    const find: Regexp["find"] = (line, from) => {
      expression.lastIndex = from
      const first = expression.exec(line) ?? undefined
      if (first === undefined || isLongest) return first
      // POSIX takes the longest match at the first place
      const most = line.length - first.index - first[0].length
      for (let rest = 0; rest < most; rest++) {
        const longer = new RegExp(`(?:${source})(?=[^]{${rest}}$)`, "sy")
        longer.lastIndex = first.index
        const match = longer.exec(line)
        if (match !== null) return match
      }
      return first
    }
    const repeated = repeatedIn(source)
    return { find, groups, isRepeated: (group) => repeated.has(group) }
  } catch {
    return undefined
  }
}
