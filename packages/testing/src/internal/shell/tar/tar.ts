/**
 * `tar`: writes, lists and unpacks archives of ustar, with gzip if asked for.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import { createGunzip, createGzip } from "node:zlib"
import type { PosixError, Stat } from "../../sftp/sftpFileSystem.js"
import { through, type TransformError } from "../coreutils/gzip.js"
import { isSame } from "../coreutils/operands.js"
import * as descriptor from "../descriptor.js"
import * as directories from "../directories.js"
import * as input from "../input.js"
import * as message from "../message.js"
import * as options from "../options.js"
import { matches } from "../pattern.js"
import * as tool from "../tool.js"
import type { Member } from "./header.js"
import * as read from "./read.js"
import * as unpack from "./unpack.js"
import { write } from "./write.js"

const help = "\nTry 'tar --help' or 'tar --usage' for more information."

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

// Letters for options that have only a long name. They cannot be typed.
const strip = "\u0001"
const exclude = "\u0002"

const tar: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("tar", modern(self.words), {
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
    })
    const refuse = (words: string) => tool.stop(`InMemoryHost does not understand ${words}`, 2)
    const modes = "cxt".split("").filter(found.has)
    const [mode] = modes
    if (mode === undefined) {
      return yield* tool.stop(`You must specify one of the '-Acdtrux', '--delete' or '--test-label' options${help}`, 2)
    }
    if (modes.length > 1) {
      return yield* tool.stop(
        `You may not specify more than one '-Acdtrux', '--delete' or  '--test-label' option${help}`,
        2
      )
    }
    if (found.all.some(([letter], at) => letter === "v" && found.all.findIndex(([one]) => one === "v") !== at)) {
      return yield* refuse("-vv")
    }
    if (mode === "t" && found.has("v")) return yield* refuse("-tv")
    const count = (letter: string) => found.all.filter(([one]) => one === letter).length
    if (count("C") > 1 || count("f") > 1) return yield* refuse("-C or -f more than once")
    const steps = found.value(strip) ?? "0"
    if (!/^[0-9]{1,4}$/.test(steps) || steps !== "0" && mode !== "x") {
      return yield* refuse(`--strip-components=${steps}`)
    }
    const patterns = found.all.flatMap(([letter, value]) => letter === exclude ? [value] : [])
    for (const pattern of patterns) if (!isPlain(pattern)) return yield* refuse(`the pattern ${pattern}`)
    // GNU's `tar` heeds these only before the names
    const firstName = self.words.findIndex((word, at) => at > 0 && found.operands.includes(word))
    const isLate = (word: string, at: number) => at > firstName && /^(?:--exclude|--directory|-[a-z]*C)/.test(word)
    if (mode === "c" && firstName >= 0 && self.words.some(isLate)) return yield* refuse("--exclude or -C after a name")
    const archive = found.value("f") ?? "-"
    if (/^[^/]*:/.test(archive)) return yield* refuse(`an archive on another host: ${archive}`)
    const directory = directories.resolve(self.directory, found.value("C") ?? ".")
    const from = found.value("T")
    if (from !== undefined && from !== "-" && !from.startsWith("/")) return yield* refuse("-T with a relative path")
    if (from !== undefined && mode !== "c") return yield* refuse("-T without -c")
    const listed = from === undefined ? [] : input.linesOf(
      yield* Effect.mapError(
        input.whole(self, from),
        (error) => read.fatal(self, `${from}: Cannot open: ${message.of(error)}`)
      )
    )
    for (const name of listed) if (/^-|\\|^$|^ | $/.test(name)) return yield* refuse(`the listed name ${name}`)
    const operands = [...found.operands, ...listed]
    if (operands.some((name) => name.split("/").includes("..") || name === "")) return yield* refuse("a name with ..")
    const isExcluded = excludes(patterns)
    const cannot = (error: PosixError) => read.fatal(self, `${archive}: Cannot open: ${message.of(error)}`)
    const there = yield* Effect.either(self.files.stat(directories.at(directory, ".")))
    const wayIn = there._tag === "Left"
      ? read.fatal(self, `${found.value("C") ?? "."}: Cannot open: ${message.of(there.left)}`)
      : Effect.void

    if (mode === "c") {
      if (operands.length === 0 && from === undefined) {
        return yield* tool.stop(`Cowardly refusing to create an empty archive${help}`, 2)
      }
      return yield* Effect.scoped(Effect.gen(function*() {
        const file = archive === "-" ? undefined : yield* Effect.mapError(
          self.files.open(self.at(archive), descriptor.flagsOf(">"), 0o666),
          cannot
        )
        const output = file ?? self.invocation.output
        const stat: Option.Option<Stat> = output === undefined ? Option.none() : yield* Effect.option(output.stat)
        yield* wayIn
        const target = file === undefined ? undefined : descriptor.write(file)
        const send = (chunk: Uint8Array): Effect.Effect<void, tool.Closed | tool.Stop> =>
          target === undefined ?
            self.send(chunk) :
            Effect.asVoid(
              Effect.mapError(
                target.write(chunk),
                (error) => read.fatal(self, `${archive}: Cannot write: ${message.of(error)}`)
              )
            )
        let code = 0
        const produce = <E>(sink: (chunk: Uint8Array) => Effect.Effect<void, E>) =>
          Effect.map(
            write(self, {
              directory,
              operands,
              isExcluded,
              isArchive: (one) => Option.exists(stat, (other) => isSame(one, other)),
              write: sink,
              report: (name) => found.has("v") ? self.print(`${name}\n`) : Effect.void
            }),
            (ended) => {
              code = ended
            }
          )
        if (found.has("v") && target === undefined) return yield* refuse("-v with an archive on stdout")
        yield* found.has("z")
          ? Effect.catchTag(through(createGzip, produce, send), "TransformError", ({ words }) => tool.stop(words, 2))
          : produce(send)
        return code
      }))
    }

    const unpacking = yield* unpack.make(self, directory, Number(steps))
    const wanted = new Map(operands.map((name) => [name.replace(/(?<=[^/])\/+$/, ""), false]))
    const isWanted = (name: string): boolean => {
      if (wanted.size === 0) return true
      const path = name.replace(/(?<=[^/])\/+$/, "")
      const one = [...wanted.keys()].find((one) => path === one || path.startsWith(`${one}/`))
      if (one !== undefined) wanted.set(one, true)
      return one !== undefined
    }
    const run = <E>(member: Member, content: read.Pull<E>) =>
      Effect.gen(function*() {
        if (!isWanted(member.name) || isExcluded(member.name)) return
        if (/[^ -~]|\\/.test(member.name) && (mode === "t" || found.has("v"))) {
          return yield* refuse(`to list the name ${member.name}`)
        }
        const shown = member.type === "5" && !member.name.endsWith("/") ? `${member.name}/` : member.name
        if (mode === "t" || found.has("v")) yield* self.print(`${shown}\n`)
        if (mode === "x") yield* unpacking.member(member, content)
      })
    yield* wayIn
    yield* Effect.scoped(Effect.gen(function*() {
      const queue = yield* Queue.bounded<read.Pull<PosixError | TransformError | tool.Stop>>(1)
      let isFirst = true
      const offer = (chunk: Uint8Array) => Effect.asVoid(Queue.offer(queue, Effect.succeedSome(chunk.slice())))
      const feed: Effect.Effect<void, PosixError | TransformError | tool.Stop> = found.has("z")
        ? through(createGunzip, (sink) => input.chunks(self, archive, sink), offer)
        : input.chunks(self, archive, (chunk): Effect.Effect<void, tool.Stop> => {
          const isPacked = isFirst &&
            /^(?:\x1f\x8b|BZh|\xfd7z|\x28\xb5\x2f\xfd)/.test(Buffer.from(chunk.subarray(0, 4)).toString("latin1"))
          isFirst = false
          return isPacked
            ? archive === "-"
              ? read.fatal(self, "Archive is compressed. Use -z option")
              : refuse("a compressed archive without -z")
            : offer(chunk)
        })
      yield* Effect.forkScoped(Effect.matchCauseEffect(feed, {
        onFailure: (cause) => Queue.offer(queue, Effect.failCause(cause)),
        onSuccess: () => Queue.offer(queue, Effect.succeedNone)
      }))
      let ended = false
      const pull = Effect.suspend(() => ended ? Effect.succeedNone : Effect.flatten(Queue.take(queue))).pipe(
        Effect.tap((next) => {
          if (Option.isNone(next)) ended = true
        }),
        Effect.catchTags({
          PosixError: (error) => cannot(error),
          TransformError: ({ words }) =>
            Effect.zipRight(
              Effect.asVoid(self.invocation.stderr(Buffer.from(`\ngzip: stdin: ${words}\n`))),
              read.fatal(self, "Child returned status 1")
            )
        })
      )
      yield* read.each(self, pull, run)
    }))
    let code = mode === "x" ? yield* unpacking.end : 0
    for (const [name, isThere] of wanted) {
      if (isThere) continue
      code = 2
      yield* self.complain(`${name}: Not found in archive`)
    }
    if (code !== 0) yield* self.complain("Exiting with failure status due to previous errors")
    return code
  })

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = { tar }
