/**
 * Masks secrets in texts, in every form in which shells, the frame and messages write them.
 */
import * as Redacted from "effect/Redacted"
import * as text from "../lib/text.js"
import * as quote from "../scripts/quote.js"

/**
 * The ends at which the text was cut out of a longer one. A secret may be incomplete there.
 *
 * @internal
 */
export interface Cut {
  readonly start?: boolean
  readonly end?: boolean
}

/** @internal */
export type Mask = (text: string, cut?: Cut) => string

type Range = readonly [from: number, to: number]

/** A way to read a text: tokens that are replaced by another character, or removed. */
interface View {
  readonly tokens: RegExp
  readonly decode: (token: string) => string
}

const quoteMark = /['"\\]/

const letters: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  e: "\x1b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v"
}

const decode = (token: string): string => {
  if (token.length === 1 || token === "\\\\") return ""
  if (token === "\r\n" || token.endsWith("_nl")) return "\n"
  const [, kind = "", digits = ""] = /^\\['"\\]*([xu]?)([0-9A-Fa-f]{2,4})$/.exec(token) ?? []
  const character = digits === ""
    ? letters[token.slice(-1)]
    : String.fromCharCode(parseInt(digits, kind === "" ? 8 : 16))
  return (character ?? "").replace(quoteMark, "")
}

// The first view removes quotes and backslashes, so that a word reads the same however often it was quoted. The others also
// decode escapes: one those of `printf %b`, one those of `$'...'`. They differ, because `\0123` is one escape in the former
// only.
const views: ReadonlyArray<View> = [
  /\r\n|\$er\\*_nl|['"\\]/g,
  /\\(?:\\')?(?:0[0-7]{3}|[0-7]{3}|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[abefnrtv])|\\\\|\r\n|\$er\\*_nl|['"\\]/g,
  /\\(?:\\')?(?:[0-7]{3}|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[abefnrtv])|\\\\|\r\n|\$er\\*_nl|['"\\]/g
].map((tokens) => ({ tokens, decode }))

const asIs: View = { tokens: /(?!)/g, decode }

const strip = (secret: string): string => secret.replace(/\r\n/g, "\n").replace(/['"\\]/g, "")

// A secret shorter than this without its quotes is searched in its exact forms only, because it could occur in other words.
const leastStripped = 4

const inner = (quoted: string): string => quoted.slice(1, -1)

const quotings: ReadonlyArray<(word: string) => string> = [
  (word) => inner(quote.posix(word)),
  (word) => inner(quote.loginShell(word)),
  (word) => word.replace(/'/g, `'"'"'`),
  (word) => word.replace(/["\\$`]/g, "\\$&"),
  (word) => word.replace(/[^A-Za-z0-9_@%+=:,./-]/g, "\\$&"),
  (word) => inner(JSON.stringify(word)),
  (word) => word.replace(/\n/g, `'"$er_nl"'`)
]

const forms = (secret: string): ReadonlyArray<string> => {
  const once = quotings.map((quoting) => quoting(secret))
  const twice = once.flatMap((form) => quotings.map((quoting) => quoting(form)))
  return [...new Set([secret, ...once, ...twice])]
}

const oneCharacterEach = (secret: string): string => String.fromCharCode(...text.encode(secret).slice(0, 1024))

/** A word to search, and the views to search. */
interface Needle {
  readonly word: string
  readonly views: ReadonlyArray<View>
}

const needlesOf = (secret: string): ReadonlyArray<Needle> => {
  const stripped = strip(secret)
  if (stripped.length < leastStripped) return forms(secret).map((word) => ({ word, views: [asIs] }))
  return [
    { word: secret, views: [asIs] },
    { word: stripped, views },
    // Octal escapes encode each byte on its own.
    ...(/^[\0-\x7f]*$/.test(stripped) ? [] : [{ word: oneCharacterEach(stripped), views: views.slice(1) }])
  ]
}

const occurrences = (hay: string, word: string): Array<Range> => {
  const found: Array<Range> = []
  for (let at = hay.indexOf(word); at >= 0; at = hay.indexOf(word, at + word.length)) found.push([at, at + word.length])
  return found
}

// Minimum length of the part of a cut secret that is masked. A shorter part remains visible.
const leastPart = (word: string): number => Math.min(4, Math.ceil(word.length / 2))

// Maximum length of the rest of a cut escape or character.
const mostOfEscape = 5

const skips = Array.from({ length: mostOfEscape + 1 }, (_, skip) => skip)

// Length of the longest end of one text that is the beginning of the other (the prefix function of Knuth, Morris and Pratt).
const overlap = (ending: string, beginning: string): number => {
  const joined = `${beginning}\uffff${ending.slice(-beginning.length)}`
  const sizes = new Int32Array(joined.length)
  for (let at = 1; at < joined.length; at++) {
    let size = sizes[at - 1]!
    while (size > 0 && joined[at] !== joined[size]) size = sizes[size - 1]!
    sizes[at] = joined[at] === joined[size] ? size + 1 : 0
  }
  return sizes[joined.length - 1]!
}

const atStart = (hay: string, word: string): Array<Range> =>
  skips.flatMap((skip) => {
    const size = overlap(word, hay.slice(skip, skip + word.length))
    return size < leastPart(word) ? [] : [[0, skip + size] as const]
  })

const atEnd = (hay: string, word: string): Array<Range> =>
  skips.flatMap((skip) => {
    const end = Math.max(0, hay.length - skip)
    const size = overlap(hay.slice(Math.max(0, end - word.length), end), word)
    return size < leastPart(word) ? [] : [[end - size, hay.length] as const]
  })

// The whole text is the middle of a secret.
const within = (hay: string, word: string): Array<Range> =>
  hay.length < word.length + 2 * mostOfEscape &&
    skips.some((start) =>
      skips.some((end) => {
        const middle = hay.slice(start, hay.length - end)
        return middle.length >= leastPart(word) && word.includes(middle)
      })
    )
    ? [[0, hay.length]]
    : []

const merge = (ranges: ReadonlyArray<Range>): ReadonlyArray<Range> => {
  const merged: Array<Range> = []
  for (const [from, to] of [...ranges].sort(([one], [other]) => one - other)) {
    const last = merged.at(-1)
    if (last !== undefined && from <= last[1]) merged[merged.length - 1] = [last[0], Math.max(last[1], to)]
    else merged.push([from, to])
  }
  return merged
}

/** Maps ranges of a view to ranges of the text. */
const locate = (whole: string, { decode, tokens }: View, ranges: ReadonlyArray<Range>): Array<Range> => {
  const found: Array<Range> = []
  let next = 0
  let start = -1
  let read = 0
  const pass = (from: number, to: number, size: number) => {
    const isLiteral = size === to - from
    for (; next < ranges.length; next++) {
      const [first, last] = ranges[next]!
      if (start < 0) {
        if (first >= read + size) break
        start = isLiteral ? from + first - read : from
      }
      if (last > read + size) break
      found.push([start, isLiteral ? from + last - read : to])
      start = -1
    }
    read += size
  }
  let at = 0
  for (const match of whole.matchAll(tokens)) {
    pass(at, match.index, match.index - at)
    at = match.index + match[0].length
    pass(match.index, at, decode(match[0]).length)
  }
  pass(at, whole.length, whole.length - at)
  return found
}

// Masks the quotes around a secret, too: those of a shell, and those that may be part of it.
const widen = (whole: string, secret: string, [from, to]: Range): Range => {
  let [start, end] = [from, to]
  if (quoteMark.test(secret.charAt(0))) { while (quoteMark.test(whole.charAt(start - 1))) start-- }
  if (quoteMark.test(secret.charAt(secret.length - 1))) { while (quoteMark.test(whole.charAt(end))) end++ }
  return whole.charAt(start - 1) === "'" && whole.charAt(end) === "'" ? [start - 1, end + 1] : [start, end]
}

const find = (whole: string, secret: string, cut: Cut): Array<Range> =>
  needlesOf(secret).flatMap(({ views, word }) =>
    views.flatMap((view, index) => {
      if (index > 0 && !whole.includes("\\")) return []
      const hay = whole.replace(view.tokens, view.decode)
      const ranges = merge([
        ...occurrences(hay, word),
        ...(cut.start === true ? atStart(hay, word) : []),
        ...(cut.end === true ? atEnd(hay, word) : []),
        ...(cut.start === true && cut.end === true ? within(hay, word) : [])
      ])
      return ranges.length === 0 ? [] : locate(whole, view, ranges).map((range) => widen(whole, secret, range))
    })
  )

/**
 * Replaces every secret in a text. At a cut end, an incomplete secret is replaced if at least 4 of its characters are
 * visible, or half of them if it is shorter than 8.
 *
 * @internal
 */
export const make = (secrets: ReadonlyArray<Redacted.Redacted<string>>): Mask => {
  const values = [...new Set(secrets.map(Redacted.value))].filter((secret) => secret.length > 0)
  return (whole, cut = {}) => {
    if (values.length === 0 || whole === "") return whole
    let shown = ""
    let at = 0
    for (const [from, to] of merge(values.flatMap((secret) => find(whole, secret, cut)))) {
      shown += `${whole.slice(at, from)}<redacted>`
      at = to
    }
    return shown + whole.slice(at)
  }
}
