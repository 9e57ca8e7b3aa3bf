/**
 * Programs of the host that are not scripted by a test: a shell, and the tools that shell scripts need.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Invocation, Lookup, Program } from "../program/program.js"
import * as awk from "./awk/awk.js"
import * as bytes from "./bytes.js"
import * as builtin from "./coreutils/builtin.js"
import * as copy from "./coreutils/copy.js"
import * as create from "./coreutils/create.js"
import * as date from "./coreutils/date.js"
import * as digest from "./coreutils/digest.js"
import * as du from "./coreutils/du.js"
import * as grep from "./coreutils/grep.js"
import * as gzip from "./coreutils/gzip.js"
import * as host from "./coreutils/host.js"
import * as lines from "./coreutils/lines.js"
import * as list from "./coreutils/list.js"
import * as names from "./coreutils/names.js"
import * as remove from "./coreutils/remove.js"
import * as rename from "./coreutils/rename.js"
import * as text from "./coreutils/text.js"
import * as xargs from "./coreutils/xargs.js"
import * as directories from "./directories.js"
import * as find from "./find/find.js"
import * as identity from "./identity.js"
import * as sed from "./sed/sed.js"
import * as sh from "./sh.js"
import * as tar from "./tar/tar.js"
import * as tool from "./tool.js"

const tools = new Map(
  [
    awk,
    builtin,
    copy,
    create,
    date,
    digest,
    du,
    find,
    grep,
    gzip,
    host,
    lines,
    list,
    names,
    remove,
    rename,
    sed,
    tar,
    text,
    xargs
  ]
    .flatMap((
      { tools }
    ) => Object.entries(tools))
)

/**
 * The names of all tools, with that of the shell.
 *
 * @internal
 */
export const toolNames: ReadonlyArray<string> = ["sh", ...tools.keys()]

const binaries = /^\/(?:usr\/(?:local\/)?)?s?bin\/([^/]+)$/

type Request = Parameters<Lookup>[0]

/** A script that is a file, by the program that its first line names. */
const fromFile = (
  all: Lookup,
  { directory, environment, files, words: [, ...rest] }: Request,
  path: string
): Effect.Effect<Option.Option<Program>> =>
  Effect.gen(function*() {
    const name = directories.at(bytes.fromText(directory), bytes.fromText(path))
    const stat = yield* Effect.option(files.stat(name))
    if (stat._tag === "None" || !directories.isRegular(stat.value)) return Option.none()
    if (!(yield* identity.mayAccess(files, name, 1))) return Option.none()
    const flags = { read: true, write: false, append: false, create: false, truncate: false, exclusive: false }
    const start = yield* Effect.option(
      Effect.scoped(Effect.flatMap(files.open(name, flags, 0), (file) => file.read(0n, 256)))
    )
    // a binary program of a real machine cannot run on the host
    const isProgram = (bytes: Uint8Array) => bytes.subarray(0, (bytes.indexOf(10) + 1) || bytes.length).includes(0)
    if (start._tag === "None" || isProgram(start.value)) return Option.none()
    const match = /^#![ \t]*([^ \t\n]+)(?:[ \t]+([^\n]*?))?[ \t]*\n/.exec(bytes.decode(start.value))
    const words = match === null
      ? ["/bin/sh", path, ...rest] as const
      : [bytes.toText(match[1] ?? ""), ...(match[2] ? [bytes.toText(match[2])] : []), path, ...rest] as const
    const found = yield* all({ words, environment, directory, files })
    return Option.map(found, (program): Program => (invocation: Invocation) => program({ ...invocation, words }))
  })

/**
 * Finds the host's own programs, and scripts among its files. `all` finds what these run in turn: what is scripted first,
 * and then what this finds.
 *
 * @internal
 */
export const lookup = (all: Lookup): Lookup => {
  const shell = sh.make(all)
  return (request) =>
    Effect.gen(function*() {
      const [word] = request.words
      const name = binaries.exec(word)?.[1] ?? word
      if (name === "sh" || name === "dash") return Option.some(shell)
      const run = tools.get(name)
      if (run !== undefined) return Option.some(tool.program(all, run))
      if (word.includes("/")) return yield* fromFile(all, request, word)
      if (word === "") return Option.none()
      for (const directory of (request.environment.get("PATH") ?? "").split(":")) {
        if (directory === "") continue
        const found = yield* fromFile(all, request, `${directory}/${word}`)
        if (Option.isSome(found)) return found
      }
      return Option.none()
    })
}
