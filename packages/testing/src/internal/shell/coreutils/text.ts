/**
 * Tools that read bytes or lines and print them.
 */
import * as Effect from "effect/Effect"
import type { PosixError } from "../../sftp/sftpFileSystem.js"
import * as bytes from "../bytes.js"
import * as descriptor from "../descriptor.js"
import * as directories from "../directories.js"
import * as input from "../input.js"
import * as message from "../message.js"
import * as options from "../options.js"
import * as tool from "../tool.js"

const cat: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("cat", self.words, { flags: "nu", long: { number: "n" } })
    const numbers = found.has("n")
    let line = 0
    let begins = true
    const print = (path: string) =>
      numbers
        ? input.lines(self, path, (lines) =>
          self.print(
            lines.map((text) => {
              const prefix = begins ? `${`${++line}`.padStart(6)}\t` : ""
              begins = text.endsWith("\n")
              return prefix + text
            }).join("")
          ))
        : input.chunks(self, path, self.send)
    let code = 0
    const ended = yield* input.each(self, found.operands, (path) =>
      Effect.gen(function*() {
        if (yield* input.isOutput(self, path)) {
          code = 1
          return yield* self.complain(`${message.quoteIfNeeded(path)}: input file is output file`)
        }
        yield* print(path)
      }))
    return Math.max(code, ended)
  })

/** A count as `head` and `tail` take it. */
const countOf = (text: string, what: string): Effect.Effect<number, tool.Stop> => {
  const match = /^([0-9]+)(b|kB|K|KiB|k|MB|M|MiB|G)?$/.exec(text)
  const units: Readonly<Record<string, number>> = {
    b: 512,
    kB: 1000,
    k: 1024,
    K: 1024,
    KiB: 1024,
    MB: 1e6,
    M: 1024 ** 2,
    MiB: 1024 ** 2,
    G: 1024 ** 3
  }
  return match === null
    ? Effect.fail(tool.stop(`invalid number of ${what}: ${message.quoteText(text)}`))
    : Effect.succeed(Number(match[1]) * (match[2] === undefined ? 1 : units[match[2]] ?? 1))
}

/** `-5` for `-n 5`, as the first word. */
const withOldCount = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const [first = "", ...rest] = words
  return /^-[0-9]+$/.test(first) ? ["-n", first.slice(1), ...rest] : words
}

const heading = (path: string, index: number): string =>
  `${index === 0 ? "" : "\n"}==> ${path === "-" ? "standard input" : path} <==\n`

const countSpec: options.Spec = {
  flags: "qv",
  values: "nc",
  long: { lines: "n", bytes: "c", quiet: "q", silent: "q", verbose: "v" }
}

/** Prints the titles of files, if titles are shown. */
const titles = (self: tool.Tool, found: options.Options) => {
  const titled = found.has("v") || found.operands.length > 1 && !found.has("q")
  let index = 0
  return (path: string): Effect.Effect<void, PosixError | tool.Closed> => {
    if (!titled) return Effect.void
    // a file that cannot be opened does not get a title
    const opened = path === "-"
      ? Effect.void
      : Effect.scoped(descriptor.open(self.files, self.at(path), descriptor.flagsOf("<")))
    return Effect.zipRight(opened, Effect.suspend(() => self.print(heading(path, index++))))
  }
}

const unreadable = (path: string, error: PosixError): string =>
  error.errno === "EISDIR"
    ? `error reading ${message.quote(path)}: ${message.of(error)}`
    : `cannot open ${message.quote(path)} for reading: ${message.of(error)}`

const head: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("head", withOldCount(self.words), countSpec)
    const last = found.last("nc")
    const ofBytes = last?.[0] === "c"
    const text = last?.[1] ?? "10"
    const fromEnd = text.startsWith("-")
    const count = yield* countOf(text.replace(/^[-+]/, ""), ofBytes ? "bytes" : "lines")
    const title = titles(self, found)
    return yield* input.each(self, found.operands, (path) =>
      Effect.gen(function*() {
        yield* title(path)
        if (fromEnd) {
          const whole = yield* input.whole(self, path)
          const parts = whole.split(/(?<=\n)/)
          yield* self.print(
            ofBytes
              ? whole.slice(0, Math.max(0, whole.length - count))
              : parts.slice(0, Math.max(0, parts.length - count)).join("")
          )
        } else if (count > 0) {
          let left = count
          yield* ofBytes
            ? input.chunksWhile(self, path, (chunk) => {
              const taken = chunk.subarray(0, left)
              left -= taken.length
              return Effect.as(self.send(taken), left > 0)
            })
            : input.linesWhile(self, path, (lines) => {
              const taken = lines.slice(0, left)
              left -= taken.length
              return Effect.as(self.print(taken.join("")), left > 0)
            })
        } else {
          // it is opened, and not read
          const opened = input.chunksWhile(self, path, () => Effect.succeed(false))
          yield* Effect.catchIf(opened, ({ errno }) => errno === "EISDIR", () => Effect.void)
        }
      }), unreadable)
  })

const tail: tool.Run = (self) =>
  Effect.gen(function*() {
    const first = self.words[0] ?? ""
    const words = /^\+[0-9]+$/.test(first) ? ["-n", ...self.words] : withOldCount(self.words)
    const found = yield* options.read("tail", words, countSpec)
    const last = found.last("nc")
    const ofBytes = last?.[0] === "c"
    const text = last?.[1] ?? "10"
    const fromStart = text.startsWith("+")
    const count = yield* countOf(text.replace(/^[-+]/, ""), ofBytes ? "bytes" : "lines")
    const title = titles(self, found)
    return yield* input.each(self, found.operands, (path) =>
      Effect.gen(function*() {
        yield* title(path)
        if (fromStart) {
          let left = Math.max(0, count - 1)
          return yield* ofBytes
            ? input.chunks(self, path, (chunk) => {
              const rest = chunk.subarray(left)
              left = Math.max(0, left - chunk.length)
              return self.send(rest)
            })
            : input.lines(self, path, (lines) => {
              const rest = lines.slice(left)
              left = Math.max(0, left - lines.length)
              return self.print(rest.join(""))
            })
        }
        if (ofBytes) {
          let kept = ""
          yield* input.chunks(self, path, (chunk) =>
            Effect.sync(() => {
              kept = count === 0 ? "" : (kept + bytes.decode(chunk)).slice(-count)
            }))
          return yield* self.print(kept)
        }
        let kept: ReadonlyArray<string> = []
        yield* input.lines(self, path, (lines) =>
          Effect.sync(() => {
            kept = count === 0 ? [] : [...kept, ...lines].slice(-count)
          }))
        yield* self.print(kept.join(""))
      }), unreadable)
  })

const wc: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("wc", self.words, {
      flags: "lwcm",
      long: { lines: "l", words: "w", bytes: "c", chars: "m" }
    })
    const wanted = ["l", "w", "m", "c"].filter((letter) => found.has(letter))
    const columns = wanted.length === 0 ? ["l", "w", "c"] : wanted
    const rows: Array<readonly [counts: Readonly<Record<string, number>>, path: string]> = []
    let sizes = 0
    let plain = true
    for (const path of found.operands) {
      const stat = yield* Effect.option(self.files.stat(self.at(path)))
      if (path === "-" || stat._tag === "Some" && !directories.isRegular(stat.value)) plain = false
      if (stat._tag === "Some") sizes += Number(stat.value.size)
    }
    const none = found.operands.length === 0
    const width = columns.length === 1 && found.operands.length <= 1 ? 1 : none || !plain ? 7 : `${sizes}`.length
    const line = (counts: Readonly<Record<string, number>>, path: string) =>
      self.print(
        `${columns.map((letter) => `${counts[letter] ?? 0}`.padStart(width)).join(" ")}${
          path === "" ? "" : ` ${path}`
        }\n`
      )
    let failed = 0
    const code = yield* input.each(self, found.operands, (path) =>
      Effect.gen(function*() {
        let l = 0
        let w = 0
        let c = 0
        let inWord = false
        const read = yield* Effect.either(input.chunks(self, path, (chunk) =>
          Effect.sync(() => {
            c += chunk.length
            for (const byte of chunk) {
              if (byte === 10) l++
              const isSpace = byte === 32 || byte >= 9 && byte <= 13
              // an unprintable character neither begins nor ends a word
              if (byte > 32 && byte < 127 && !inWord) {
                w++
                inWord = true
              }
              if (isSpace) inWord = false
            }
          })))
        if (read._tag === "Left" && read.left.errno !== "EISDIR") return yield* read.left
        const counts = { l, w, c, m: c }
        rows.push([counts, path])
        if (read._tag === "Left") {
          failed = 1
          yield* self.complain(`${message.quoteIfNeeded(path)}: ${message.of(read.left)}`)
        }
        yield* line(counts, none ? "" : path)
      }))
    if (found.operands.length > 1) {
      const total = Object.fromEntries(
        columns.map((letter) => [letter, rows.reduce((sum, [counts]) => sum + (counts[letter] ?? 0), 0)])
      )
      yield* line(total, "total")
    }
    return Math.max(code, failed)
  })

const tee: tool.Run = (self) =>
  Effect.scoped(Effect.gen(function*() {
    const found = yield* options.read("tee", self.words, { flags: "ai", long: { append: "a" } })
    const targets: Array<{ readonly path: string; readonly target: descriptor.Target }> = []
    let code = 0
    for (const path of found.operands) {
      const opened = yield* Effect.either(
        descriptor.open(self.files, self.at(path), descriptor.flagsOf(found.has("a") ? ">>" : ">"))
      )
      if (opened._tag === "Left") {
        code = 1
        yield* self.complain(`${message.quoteIfNeeded(path)}: ${message.of(opened.left)}`)
      } else if (opened.right.target !== undefined) targets.push({ path, target: opened.right.target })
    }
    const failed = new Set<string>()
    yield* input.stdin(self, (chunk) =>
      Effect.gen(function*() {
        yield* self.send(chunk)
        for (const { path, target } of targets) {
          if (failed.has(path)) continue
          const written = yield* Effect.either(target.write(chunk))
          if (written._tag === "Left") {
            failed.add(path)
            code = 1
            yield* self.complain(`${message.quoteIfNeeded(path)}: ${message.of(written.left)}`)
          }
        }
      }))
    return code
  }))

const yes: tool.Run = (self) => {
  const line = `${self.words.length === 0 ? "y" : self.words.join(" ")}\n`
  return Effect.forever(self.print(line.repeat(Math.max(1, Math.floor(4096 / line.length)))))
}

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = { cat, head, tail, tee, wc, yes }
