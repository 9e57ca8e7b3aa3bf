/**
 * `sed`, in the C locale.
 */
import * as Effect from "effect/Effect"
import type { PosixError } from "../../sftp/sftpFileSystem.js"
import * as directories from "../directories.js"
import * as input from "../input.js"
import * as message from "../message.js"
import * as options from "../options.js"
import * as tool from "../tool.js"
import * as machine from "./machine.js"
import { Output, replace, writeFile } from "./output.js"
import { parse, type Piece } from "./parse.js"
import { make as makeReader, type Reader } from "./reader.js"
import { flush, type Run, run } from "./run.js"

const spec: options.Spec = {
  flags: "nErsuz",
  values: "ef",
  optional: "i",
  long: {
    expression: "e",
    file: "f",
    "in-place": "i",
    "null-data": "z",
    quiet: "n",
    "regexp-extended": "E",
    separate: "s",
    silent: "n",
    unbuffered: "u"
  }
}

/** The script, and the files. */
const scriptOf = (self: tool.Tool, found: options.Options) =>
  Effect.gen(function*() {
    const pieces: Array<Piece> = []
    const expression = (text: string) => {
      const number = pieces.filter(({ isFile }) => !isFile).length + 1
      pieces.push({ text, isFile: false, place: (offset) => `-e expression #${number}, char ${offset}` })
    }
    for (const [letter, value] of found.all) {
      if (letter === "e") expression(value)
      if (letter !== "f") continue
      const text = yield* Effect.mapError(
        input.whole(self, value),
        (error) => tool.stop(`couldn't open file ${value}: ${message.of(error)}`, 4)
      )
      pieces.push({
        text: text.replace(/\n$/, ""),
        isFile: true,
        place: (_, line) => `file ${value} line ${line}`
      })
    }
    if (pieces.length > 0) return { pieces, paths: found.operands }
    const [first, ...paths] = found.operands
    if (first === undefined) return yield* tool.stop("InMemoryHost does not understand sed without a script")
    expression(first)
    return { pieces, paths }
  })

/** Opens the files that the script writes to, empty, before a line is read. */
const openWritten = (self: tool.Tool, run: Run, paths: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    for (const { action } of run.commands) {
      const path = action._tag === "Substitute"
        ? action.file
        : action._tag === "File" && action.name === "w"
        ? action.path
        : undefined
      const isStdout = path === "/dev/stdout" && run.inPlace === undefined
      if (path === undefined || isStdout || run.written.has(path)) continue
      if (path.startsWith("/dev/") && path !== "/dev/null" || paths.includes(path)) {
        return yield* tool.stop(`InMemoryHost does not understand ${path} to write to`)
      }
      yield* Effect.mapError(
        writeFile(self, path, ""),
        (error) => tool.stop(`couldn't open file ${path}: ${message.of(error)}`, 4)
      )
      run.written.set(path, new Output(run.state.separator))
    }
  })

/** Begins a file. Whether it is read. */
const opened = (run: Run, path: string) =>
  Effect.gen(function*() {
    const { inPlace, isSeparate, output, state, tool } = run
    if (isSeparate) {
      state.number = 0
      state.ranges.clear()
      state.hold = { text: "", isEnded: true }
    }
    if (inPlace === undefined) {
      if (isSeparate) output.end()
      return true
    }
    const stat = yield* Effect.option(tool.files.stat(tool.at(path)))
    if (stat._tag === "Some" && directories.isRegular(stat.value)) return true
    run.code = 4
    yield* tool.complain(`couldn't edit ${path}: not a regular file`)
    return false
  })

/** Ends a file: writes it if it is edited in place. */
const closed = ({ inPlace, output, tool: self }: Run, path: string) =>
  inPlace === undefined
    ? Effect.void
    : Effect.mapError(
      Effect.suspend(() => replace(self, path, inPlace, output.take())),
      (error) => tool.stop(`couldn't edit ${path}: ${message.of(error)}`, 4)
    )

/** Reports a file that cannot be opened or read. */
const failed = (run: Run, path: string, error: PosixError, isOpen: boolean) => {
  const isDirectory = error.errno === "EISDIR"
  if (run.inPlace !== undefined && isDirectory) {
    run.code = 4
    return run.tool.complain(`couldn't edit ${path}: not a regular file`)
  }
  if (isOpen || isDirectory) {
    return Effect.zipRight(flush(run), tool.stop(`read error on ${path}: ${message.of(error)}`, 4))
  }
  run.code = Math.max(run.code, 2)
  return run.tool.complain(`can't read ${path}: ${message.of(error)}`)
}

const readerOf = (run: Run, paths: ReadonlyArray<string>): Reader =>
  makeReader(run.tool, {
    paths: paths.length === 0 ? ["-"] : paths,
    separator: run.state.separator,
    inPlace: run.inPlace !== undefined,
    separate: run.isSeparate,
    opened: (path) => opened(run, path),
    closed: (path) => closed(run, path),
    failed: (path, error, isOpen) => failed(run, path, error, isOpen)
  })

const sed: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("sed", self.words, spec)
    const { paths, pieces } = yield* scriptOf(self, found)
    const script = parse(pieces, found.has("E") || found.has("r"))
    if (typeof script === "string") return yield* tool.stop(script, script.startsWith("can't find label") ? 4 : 1)
    const inPlace = found.value("i")
    if (inPlace !== undefined && paths.length === 0) return yield* tool.stop("no input files", 4)
    const separator = found.has("z") ? "\0" : "\n"
    const state: Run = {
      tool: self,
      commands: script.commands,
      isQuiet: found.has("n") || script.isQuiet,
      inPlace,
      isSeparate: found.has("s") || inPlace !== undefined,
      state: machine.make(separator),
      output: new Output(separator),
      written: new Map(),
      appended: [],
      code: 0
    }
    yield* openWritten(self, state, paths)
    const source = readerOf(state, paths)
    const ended = yield* Effect.zipLeft(run(state, source), source.leave).pipe(
      Effect.ensuring(source.close),
      Effect.catchAllDefect((defect) =>
        defect instanceof machine.NoRegexp
          ? tool.stop(`${pieces[0]?.place(0, 1)}: no previous regular expression`)
          : Effect.die(defect)
      )
    )
    yield* flush(state)
    for (const [path, { text }] of state.written) yield* Effect.ignore(writeFile(self, path, text))
    return ended === 0 ? state.code : ended
  })

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = { sed }
