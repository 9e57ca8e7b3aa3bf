/**
 * `du`: the space that files take, in blocks of 4 KiB as the double counts them elsewhere.
 */
import * as Effect from "effect/Effect"
import type { Stat } from "../../sftp/sftpFileSystem.js"
import * as directories from "../directories.js"
import * as message from "../message.js"
import * as options from "../options.js"
import * as tool from "../tool.js"
import { humanSize } from "./list.js"
import { below } from "./operands.js"

const block = 4096

const allocated = (stat: Stat): number =>
  directories.isDirectory(stat) ? block : directories.isRegular(stat) ? Math.ceil(Number(stat.size) / block) * block : 0

const du: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("du", self.words, {
      flags: "sahkbcmx",
      values: "d",
      long: {
        summarize: "s",
        all: "a",
        "human-readable": "h",
        bytes: "b",
        total: "c",
        "one-file-system": "x",
        "max-depth": "d"
      }
    })
    const depthWord = found.value("d")
    if (depthWord !== undefined && !/^[0-9]+$/.test(depthWord)) {
      return yield* tool.stop(
        `invalid maximum depth ${message.quoteText(depthWord)}\nTry 'du --help' for more information.`
      )
    }
    if (found.has("s") && found.has("a")) {
      return yield* tool.stop("cannot both summarize and show all entries\nTry 'du --help' for more information.")
    }
    if (found.has("s") && depthWord !== undefined && Number(depthWord) > 0) {
      return yield* tool.stop("InMemoryHost does not understand -s with -d", 2)
    }
    const deepest = found.has("s") ? 0 : depthWord === undefined ? Infinity : Number(depthWord)
    const operands = found.operands.length === 0 ? ["."] : found.operands
    const sizeOf = found.has("b") ? ({ size }: Stat) => Number(size) : allocated
    const unit = found.last("hkbm")?.[0] ?? "k"
    const shown = (size: number): string =>
      unit === "h" ? humanSize(BigInt(size)) : `${Math.ceil(size / ({ b: 1, m: 1024 * 1024 }[unit] ?? 1024))}`
    const print = (size: number, path: string) => self.print(`${shown(size)}\t${path}\n`)

    let code = 0
    const complain = (words: string) => {
      code = 1
      return self.complain(words)
    }
    // a file of two names takes its space once, and a directory that was given twice, too
    const counted = new Set<string>()
    const isCounted = (stat: Stat): boolean => {
      if (operands.length === 1 && (directories.isDirectory(stat) || stat.nlink === 1)) return false
      const key = `${stat.dev} ${stat.ino}`
      if (counted.has(key)) return true
      counted.add(key)
      return false
    }

    const measure = (path: string, depth: number): Effect.Effect<number, tool.Closed> =>
      Effect.gen(function*() {
        const stat = yield* Effect.either(self.files.lstat(self.at(path)))
        if (stat._tag === "Left") {
          yield* complain(`cannot access ${message.quote(path)}: ${message.of(stat.left)}`)
          return 0
        }
        if (isCounted(stat.right)) return 0
        let size = sizeOf(stat.right)
        if (directories.isDirectory(stat.right)) {
          const names = yield* Effect.either(directories.list(self.files, directories.resolve(self.directory, path)))
          if (names._tag === "Left") {
            yield* complain(`cannot read directory ${message.quote(path)}: ${message.of(names.left)}`)
          } else for (const name of names.right) size += yield* measure(below(path, name), depth + 1)
          if (depth <= deepest) yield* print(size, path)
        } else if (depth === 0 || found.has("a") && depth <= deepest) yield* print(size, path)
        return size
      })

    let total = 0
    for (const path of operands) total += yield* measure(path, 0)
    if (found.has("c")) yield* print(total, "total")
    return code
  })

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = { du }
