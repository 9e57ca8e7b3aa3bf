/**
 * Tools that choose, order and change lines.
 */
import * as Effect from "effect/Effect"
import * as bytes from "../bytes.js"
import * as descriptor from "../descriptor.js"
import * as input from "../input.js"
import * as message from "../message.js"
import * as options from "../options.js"
import * as tool from "../tool.js"
import { characterSet } from "./characterSet.js"

interface Key {
  readonly from: { readonly field: number; readonly character: number }
  readonly to: { readonly field: number; readonly character: number } | undefined
  readonly flags: string
}

const keyOf = (text: string): Key | undefined => {
  const match = /^([0-9]+)(?:\.([0-9]+))?([bdfinr]*)(?:,([0-9]+)(?:\.([0-9]+))?([bdfinr]*))?$/.exec(text)
  if (match === null || match[1] === "0" || /[di]/.test(`${match[3]}${match[6] ?? ""}`)) return undefined
  return {
    from: { field: Number(match[1]), character: Number(match[2] ?? 1) },
    to: match[4] === undefined ? undefined : { field: Number(match[4]), character: Number(match[5] ?? 0) },
    flags: `${match[3]}${match[6] ?? ""}`
  }
}

/** The bounds of the fields of a line. Without a separator a field begins with its leading blanks. */
const fieldBounds = (line: string, separator: string | undefined): ReadonlyArray<readonly [number, number]> => {
  if (separator === undefined) {
    return [...line.matchAll(/[ \t]*[^ \t]+|[ \t]+$/g)].map((one) => [one.index, one.index + one[0].length])
  }
  const found: Array<readonly [number, number]> = []
  for (let at = 0;;) {
    const end = line.indexOf(separator, at)
    found.push([at, end < 0 ? line.length : end])
    if (end < 0) return found
    at = end + 1
  }
}

const keyText = (line: string, { flags, from, to }: Key, separator: string | undefined): string => {
  const bounds = fieldBounds(line, separator)
  const skip = (at: number) => flags.includes("b") ? at + (/^[ \t]*/.exec(line.slice(at))?.[0].length ?? 0) : at
  const begin = bounds[from.field - 1]
  if (begin === undefined) return ""
  const start = skip(begin[0]) + from.character - 1
  const last = to === undefined ? undefined : bounds[to.field - 1]
  const end = last === undefined
    ? line.length
    : to?.character === 0 || to === undefined
    ? last[1]
    : skip(last[0]) + to.character
  return line.slice(start, Math.max(start, Math.min(end, line.length)))
}

const fold = (text: string): string => text.replace(/[a-z]/g, (letter) => letter.toUpperCase())

const numeric = (left: string, right: string): number => {
  const value = (text: string) => Number(/^[ \t]*(-?[0-9]*(?:\.[0-9]+)?)/.exec(text)?.[1] || 0) || 0
  return value(left) - value(right)
}

const ordering = (flags: string) => (left: string, right: string): number => {
  const order = flags.includes("n")
    ? numeric(left, right)
    : flags.includes("f")
    ? bytes.compare(fold(left), fold(right))
    : bytes.compare(left, right)
  return flags.includes("r") ? -order : order
}

const keysOf = (found: options.Options, flags: string): Effect.Effect<ReadonlyArray<Key>, tool.Stop> => {
  const keys: Array<Key> = []
  for (const [letter, value] of found.all) {
    if (letter !== "k") continue
    const key = keyOf(value)
    if (key === undefined) return tool.stop(`InMemoryHost does not understand the key ${value}`, 2)
    keys.push(key.flags === "" ? { ...key, flags } : key)
  }
  if (keys.length > 0 || !flags.includes("b")) return Effect.succeed(keys)
  return Effect.succeed([{ from: { field: 1, character: 1 }, to: undefined, flags }])
}

type Compare = (left: string, right: string) => number

const byKeys = (keys: ReadonlyArray<Key>, flags: string, separator: string | undefined): Compare => (left, right) => {
  if (keys.length === 0) return ordering(flags)(left, right)
  for (const key of keys) {
    const order = ordering(key.flags)(keyText(left, key, separator), keyText(right, key, separator))
    if (order !== 0) return order
  }
  return 0
}

/** The order of lines. `same` compares only what `-u` compares. */
interface Order {
  readonly compare: Compare
  readonly same: Compare
}

const orderOf = (found: options.Options): Effect.Effect<Order, tool.Stop> =>
  Effect.gen(function*() {
    const separator = found.value("t")
    if (separator !== undefined && separator.length !== 1) {
      return yield* tool.stop(separator === "" ? "empty tab" : `multi-character tab ${message.quote(separator)}`, 2)
    }
    const flags = found.all.flatMap(([letter]) => "nrfb".includes(letter) ? [letter] : []).join("")
    const same = byKeys(yield* keysOf(found, flags), flags, separator)
    const isStable = found.has("s") || found.has("u")
    const otherwise = ordering(flags.includes("r") ? "r" : "")
    return { same, compare: isStable ? same : (left, right) => same(left, right) || otherwise(left, right) }
  })

const readSorted = (self: tool.Tool, path: string): Effect.Effect<string, tool.Stop> =>
  Effect.catchTag(input.whole(self, path), "PosixError", (error) =>
    error.errno === "EISDIR"
      ? tool.stop(`read failed: ${message.quoteIfNeeded(path)}: Is a directory`, 2)
      : tool.stop(`cannot read: ${message.quoteIfNeeded(path)}: ${message.of(error)}`, 2))

// The index of the first line that `-c` complains about, or -1.
const disorderIn = (lines: ReadonlyArray<string>, { compare, same }: Order, isUnique: boolean): number =>
  lines.findIndex((line, index) => {
    const before = lines[index - 1] ?? ""
    return index > 0 && (isUnique ? same(before, line) >= 0 : compare(before, line) > 0)
  })

const writeSorted = (self: tool.Tool, text: string, output: string | undefined) =>
  output === undefined
    ? self.print(text)
    : Effect.scoped(
      Effect.flatMap(
        descriptor.open(self.files, self.at(output), descriptor.flagsOf(">")),
        ({ target }) => target?.write(bytes.encode(text)) ?? Effect.void
      )
    ).pipe(
      Effect.catchTag("PosixError", (error) =>
        tool.stop(`open failed: ${message.quoteIfNeeded(output)}: ${message.of(error)}`, 2))
    )

const sort: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("sort", self.words, {
      flags: "nrufbscCz",
      values: "kto",
      long: {
        "numeric-sort": "n",
        reverse: "r",
        unique: "u",
        "ignore-case": "f",
        "ignore-leading-blanks": "b",
        stable: "s",
        key: "k",
        "field-separator": "t",
        output: "o",
        "zero-terminated": "z"
      }
    })
    const order = yield* orderOf(found)
    const end = found.has("z") ? "\0" : "\n"
    const all: Array<string> = []
    for (const path of found.operands.length === 0 ? ["-"] : found.operands) {
      const lines = input.linesOf(yield* readSorted(self, path), end)
      for (const line of lines) all.push(line)
      if (found.has("c") || found.has("C")) {
        const at = disorderIn(lines, order, found.has("u"))
        if (at > 0 && found.has("c")) {
          yield* self.complain(`${path}:${at + 1}: disorder: ${lines[at]}`)
        }
        return at > 0 ? 1 : 0
      }
    }
    all.sort(order.compare)
    const kept = found.has("u")
      ? all.filter((line, index) => index === 0 || order.same(all[index - 1] ?? "", line) !== 0)
      : all
    yield* writeSorted(self, kept.map((line) => `${line}${end}`).join(""), found.value("o"))
    return 0
  })

/** Numbers as `cut` takes them. */
const rangesOf = (text: string): ReadonlyArray<readonly [number, number]> | undefined => {
  const ranges: Array<readonly [number, number]> = []
  for (const part of text.split(",")) {
    const match = /^([0-9]*)(-?)([0-9]*)$/.exec(part)
    if (match === null || part === "" || part === "-") return undefined
    const from = match[1] === "" ? 1 : Number(match[1])
    const to = match[2] === "" ? from : match[3] === "" ? Infinity : Number(match[3])
    if (from === 0 || to < from) return undefined
    ranges.push([from, to])
  }
  return ranges
}

const cut: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("cut", self.words, {
      flags: "sn",
      values: "bcfd",
      long: { bytes: "b", characters: "c", fields: "f", delimiter: "d", "only-delimited": "s" }
    })
    const list = found.value("f") ?? found.value("b") ?? found.value("c")
    if (list === undefined) {
      return yield* tool.stop(
        "you must specify a list of bytes, characters, or fields\nTry 'cut --help' for more information."
      )
    }
    const ranges = rangesOf(list)
    if (ranges === undefined) return yield* tool.stop(`InMemoryHost does not understand the list ${list}`, 2)
    const chosen = (index: number) => ranges.some(([from, to]) => index + 1 >= from && index + 1 <= to)
    const delimiter = found.value("d") ?? "\t"
    if (delimiter.length !== 1) {
      return yield* tool.stop("the delimiter must be a single character\nTry 'cut --help' for more information.")
    }
    const byField = found.value("f") !== undefined
    const changed = (line: string): string => {
      if (!byField) return `${[...line].filter((_, index) => chosen(index)).join("")}\n`
      if (!line.includes(delimiter)) return found.has("s") ? "" : `${line}\n`
      return `${line.split(delimiter).filter((_, index) => chosen(index)).join(delimiter)}\n`
    }
    return yield* input.each(self, found.operands, (path) =>
      input.lines(self, path, (lines) =>
        self.print(
          lines.map((line) => changed(input.withoutEnd(line))).join("")
        )))
  })

const tr: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("tr", self.words, {
      flags: "cCds",
      long: { complement: "c", delete: "d", "squeeze-repeats": "s" },
      leading: true
    })
    const [first, second] = found.operands
    if (first === undefined) return yield* tool.stop("missing operand\nTry 'tr --help' for more information.")
    if (second === undefined && !found.has("d") && !found.has("s")) {
      return yield* tool.stop(
        `missing operand after ${
          message.quote(first)
        }\nTwo strings must be given when translating.\nTry 'tr --help' for more information.`
      )
    }
    const given = characterSet(first)
    const to = second === undefined ? undefined : characterSet(second)
    if (given === undefined || second !== undefined && to === undefined) {
      return yield* tool.stop(`InMemoryHost does not understand the set ${given === undefined ? first : second}`, 2)
    }
    const complement = found.has("c") || found.has("C")
    const everything = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join("")
    const from = complement ? [...everything].filter((one) => !given.includes(one)).join("") : given
    const removes = found.has("d")
    const squeezed = found.has("s") ? to ?? from : ""
    const map = new Map<string, string>()
    if (!removes && to !== undefined) {
      if (to === "") return yield* tool.stop("when not truncating set1, string2 must be non-empty")
      for (let at = 0; at < from.length; at++) map.set(from.charAt(at), to.charAt(Math.min(at, to.length - 1)))
    }
    const dropped = new Set(removes ? from : "")
    const single = new Set(squeezed)
    let last = ""
    yield* input.stdin(self, (chunk) => {
      let text = ""
      for (const one of bytes.decode(chunk)) {
        if (dropped.has(one)) continue
        const changed = map.get(one) ?? one
        if (changed === last && single.has(changed)) continue
        last = changed
        text += changed
      }
      return self.print(text)
    })
    return 0
  })

const uniq: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("uniq", self.words, {
      flags: "cdui",
      long: { count: "c", repeated: "d", unique: "u", "ignore-case": "i" }
    })
    const [from = "-", output] = found.operands
    if (output !== undefined) return yield* tool.stop("InMemoryHost does not understand a second operand", 2)
    const same = (left: string, right: string) => found.has("i") ? fold(left) === fold(right) : left === right
    let current: string | undefined
    let count = 0
    const flush = (): string =>
      current === undefined || found.has("d") && count < 2 || found.has("u") && count > 1
        ? ""
        : `${found.has("c") ? `${`${count}`.padStart(7)} ` : ""}${current}\n`
    const changed = (line: string): string => {
      if (current !== undefined && same(current, line)) {
        count++
        return ""
      }
      const before = flush()
      current = line
      count = 1
      return before
    }
    return yield* input.each(self, [from], (path) =>
      Effect.zipRight(
        input.lines(self, path, (lines) => self.print(lines.map((line) => changed(input.withoutEnd(line))).join(""))),
        Effect.suspend(() => self.print(flush()))
      ), (path, error) =>
      error.errno === "EISDIR"
        ? `error reading ${message.quote(path)}`
        : `${message.quoteIfNeeded(path)}: ${message.of(error)}`)
  })

// The number of characters printed at a time.
const pageSize = 4096

const seq: tool.Run = (self) =>
  Effect.gen(function*() {
    const [option = ""] = self.words
    const separator = !option.startsWith("-s") ? "\n" : option === "-s" ? self.words[1] ?? "\n" : option.slice(2)
    const words = self.words.slice(!option.startsWith("-s") ? 0 : option === "-s" ? 2 : 1)
    const odd = words.find((word) => /^-[^0-9]/.test(word))
    if (odd !== undefined) return yield* tool.stop(`InMemoryHost does not understand the option ${odd}`, 2)
    if (words.length === 0) return yield* tool.stop("missing operand\nTry 'seq --help' for more information.")
    const bad = words.find((word) => !/^-?[0-9]+$/.test(word))
    if (bad !== undefined) {
      return yield* tool.stop(
        /^-?[0-9.]+$/.test(bad)
          ? `InMemoryHost does not understand the number ${bad}`
          : `invalid floating point argument: ${message.quoteText(bad)}\nTry 'seq --help' for more information.`,
        /^-?[0-9.]+$/.test(bad) ? 2 : 1
      )
    }
    const [one = 1, two, three] = words.map(Number)
    const [first, step, last] = two === undefined
      ? [1, 1, one]
      : three === undefined
      ? [one, 1, two]
      : [one, two, three]
    if (step === 0) return yield* tool.stop("invalid Zero increment value: '0'\nTry 'seq --help' for more information.")
    let page = ""
    for (let value = first; step > 0 ? value <= last : value >= last; value += step) {
      page += value === first ? `${value}` : `${separator}${value}`
      if (page.length < pageSize) continue
      yield* self.print(page)
      page = ""
    }
    if (step > 0 ? first <= last : first >= last) yield* self.print(`${page}\n`)
    return 0
  })

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = { cut, seq, sort, tr, uniq }
