/**
 * The parsed command line of `tar`.
 */
import * as Effect from "effect/Effect"
import * as directories from "../directories.js"
import * as input from "../input.js"
import * as message from "../message.js"
import * as options from "../options.js"
import { matches } from "../pattern.js"
import * as tool from "../tool.js"
import * as read from "./read.js"

/** @internal */
export interface Request {
  readonly mode: "c" | "t" | "x"
  readonly isVerbose: boolean
  readonly isPacked: boolean
  /** `-` is the standard input or output. */
  readonly archive: string
  /** The directory to work in, as an absolute path and as the command line has it. */
  readonly directory: string
  readonly shownDirectory: string
  /** The names of members or files, and whether a file lists some of them. */
  readonly operands: ReadonlyArray<string>
  readonly hasList: boolean
  /** How many steps of each name are removed. */
  readonly stripped: number
  readonly isExcluded: (name: string) => boolean
}

const help = "\nTry 'tar --help' or 'tar --usage' for more information."

/** The failure of a create without files. @internal */
export const cowardly = tool.stop(`Cowardly refusing to create an empty archive${help}`, 2)

/** @internal */
export const refuse = (words: string): tool.Stop => tool.stop(`InMemoryHost does not understand ${words}`, 2)

// Letters for options that have only a long name. They cannot be typed.
const strip = "\u0001"
const exclude = "\u0002"

const spec: options.Spec = {
  flags: "cxtzv",
  values: `fCT${strip}${exclude}`,
  long: {
    create: "c",
    extract: "x",
    get: "x",
    list: "t",
    gzip: "z",
    gunzip: "z",
    verbose: "v",
    file: "f",
    directory: "C",
    "files-from": "T",
    "strip-components": strip,
    exclude
  }
}

/** Rewrites old-style words: puts a dash before each letter and its value after it. */
const modern = ([first = "", ...rest]: ReadonlyArray<string>): ReadonlyArray<string> => {
  if (first === "" || first.startsWith("-")) return [first, ...rest].filter((word, at) => at > 0 || word !== "")
  const values = [...rest]
  const found = [...first].flatMap((letter) =>
    "fCT".includes(letter) ? [`-${letter}`, values.shift() ?? ""] : [`-${letter}`]
  )
  return [...found, ...values]
}

const isPlain = (pattern: string): boolean => !/[[\\]|\/$|^$/.test(pattern)

/** At the start of a name or of any of its steps, and with all that is within a directory. */
const excludes = (patterns: ReadonlyArray<string>) => (name: string): boolean => {
  const path = name.replace(/\/+$/, "")
  const starts = [0, ...[...path.matchAll(/\/(?!\/)/g)].map(({ index }) => index + 1)]
  const ends = [...[...path.matchAll(/\//g)].map(({ index }) => index), path.length]
  return patterns.some((text) =>
    starts.some((start) =>
      ends.some((end) => end > start && matches([{ text, quoted: false }], path.slice(start, end)))
    )
  )
}

const modeOf = ({ all, has }: options.Options): Effect.Effect<Request["mode"], tool.Stop> => {
  const [mode, another] = (["c", "x", "t"] as const).filter(has)
  if (mode === undefined) {
    return tool.stop(`You must specify one of the '-Acdtrux', '--delete' or '--test-label' options${help}`, 2)
  }
  if (another !== undefined) {
    return tool.stop(`You may not specify more than one '-Acdtrux', '--delete' or  '--test-label' option${help}`, 2)
  }
  if (all.filter(([letter]) => letter === "v").length > 1) return refuse("-vv")
  return mode === "t" && has("v") ? refuse("-tv") : Effect.succeed(mode)
}

const patternsOf = (self: tool.Tool, { all, operands }: options.Options, mode: Request["mode"]) =>
  Effect.gen(function*() {
    const patterns = all.flatMap(([letter, value]) => letter === exclude ? [value] : [])
    for (const pattern of patterns) if (!isPlain(pattern)) return yield* refuse(`the pattern ${pattern}`)
    // GNU's `tar` heeds these only before the names
    const firstName = self.words.findIndex((word, at) => at > 0 && operands.includes(word))
    const isLate = (word: string, at: number) => at > firstName && /^(?:--exclude|--directory|-[a-z]*C)/.test(word)
    if (mode === "c" && firstName >= 0 && self.words.some(isLate)) return yield* refuse("--exclude or -C after a name")
    return patterns
  })

/** The names that the file of `-T` lists. */
const listed = (self: tool.Tool, from: string | undefined, mode: Request["mode"]) =>
  Effect.gen(function*() {
    if (from === undefined) return []
    if (from !== "-" && !from.startsWith("/")) return yield* refuse("-T with a relative path")
    if (mode !== "c") return yield* refuse("-T without -c")
    const text = yield* Effect.mapError(
      input.whole(self, from),
      (error) => read.fatal(self, `${from}: Cannot open: ${message.of(error)}`)
    )
    const names = input.linesOf(text)
    for (const name of names) if (/^-|\\|^$|^ | $/.test(name)) return yield* refuse(`the listed name ${name}`)
    return names
  })

/** @internal */
export const of = (self: tool.Tool): Effect.Effect<Request, tool.Closed | tool.Stop> =>
  Effect.gen(function*() {
    const found = yield* options.read("tar", modern(self.words), spec)
    const mode = yield* modeOf(found)
    const count = (letter: string) => found.all.filter(([one]) => one === letter).length
    if (count("C") > 1 || count("f") > 1) return yield* refuse("-C or -f more than once")
    const steps = found.value(strip) ?? "0"
    if (!/^[0-9]{1,4}$/.test(steps) || steps !== "0" && mode !== "x") {
      return yield* refuse(`--strip-components=${steps}`)
    }
    const patterns = yield* patternsOf(self, found, mode)
    const archive = found.value("f") ?? "-"
    if (/^[^/]*:/.test(archive)) return yield* refuse(`an archive on another host: ${archive}`)
    const from = found.value("T")
    const operands = [...found.operands, ...yield* listed(self, from, mode)]
    if (operands.some((name) => name.split("/").includes("..") || name === "")) return yield* refuse("a name with ..")
    const shownDirectory = found.value("C") ?? "."
    return {
      mode,
      isVerbose: found.has("v"),
      isPacked: found.has("z"),
      archive,
      directory: directories.resolve(self.directory, shownDirectory),
      shownDirectory,
      operands,
      hasList: from !== undefined,
      stripped: Number(steps),
      isExcluded: excludes(patterns)
    }
  })
