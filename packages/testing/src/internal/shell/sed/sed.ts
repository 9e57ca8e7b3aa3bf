/**
 * `sed`, in the C locale.
 */
import * as Effect from "effect/Effect"
import { Change, type PosixError } from "../../sftp/sftpFileSystem.js"
import * as bytes from "../bytes.js"
import * as descriptor from "../descriptor.js"
import * as directories from "../directories.js"
import * as input from "../input.js"
import * as message from "../message.js"
import * as options from "../options.js"
import * as tool from "../tool.js"
import * as machine from "./machine.js"
import { type Command, parse, type Piece } from "./parse.js"
import * as reader from "./reader.js"

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

type Fx<A> = Effect.Effect<A, tool.Closed | tool.Stop>

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

/** An output of lines. A line without an end gets one if another line follows. */
class Output {
  text = ""
  private isOpen = false

  constructor(readonly separator: string) {}

  raw(text: string): void {
    if (text === "") return
    this.text += (this.isOpen ? this.separator : "") + text
    this.isOpen = false
  }

  line({ isEnded, text }: machine.Line): void {
    this.raw(text + this.separator)
    if (isEnded) return
    this.text = this.text.slice(0, -1)
    this.isOpen = true
  }

  end(): void {
    if (this.isOpen) this.text += this.separator
    this.isOpen = false
  }

  take(): string {
    const { text } = this
    this.text = ""
    return text
  }
}

const writeFile = (self: tool.Tool, path: string, text: string): Effect.Effect<void, PosixError> =>
  Effect.scoped(
    Effect.flatMap(
      descriptor.open(self.files, self.at(path), descriptor.flagsOf(">")),
      ({ target }) => target?.write(bytes.encode(text)) ?? Effect.void
    )
  )

/** Replaces a file by a new one. With a suffix, the old file is kept under another name. */
const replace = (self: tool.Tool, path: string, suffix: string, text: string): Effect.Effect<void, PosixError> =>
  Effect.gen(function*() {
    const base = path.slice(path.lastIndexOf("/") + 1)
    const directory = path.slice(0, path.length - base.length)
    const stat = yield* self.files.stat(self.at(path))
    const temporary = `${directory}sed${stat.ino}.new`
    yield* writeFile(self, temporary, text)
    yield* Effect.ignore(self.files.change(self.at(temporary), Change.Owner({ uid: stat.uid, gid: stat.gid })))
    yield* self.files.change(self.at(temporary), Change.Mode({ mode: stat.mode & 0o7777 }))
    if (suffix !== "") {
      const backup = suffix.includes("*") ? suffix.replaceAll("*", () => base) : `${base}${suffix}`
      yield* self.files.rename(self.at(path), self.at(backup.includes("/") ? backup : `${directory}${backup}`))
    }
    yield* self.files.rename(self.at(temporary), self.at(path))
  })

// The number of characters printed at a time.
const pageSize = 4096

const sed: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("sed", self.words, spec)
    const { paths, pieces } = yield* scriptOf(self, found)
    const script = parse(pieces, found.has("E") || found.has("r"))
    if (typeof script === "string") return yield* tool.stop(script, script.startsWith("can't find label") ? 4 : 1)
    const { commands } = script
    const isQuiet = found.has("n") || script.isQuiet
    const suffix = found.value("i")
    const isInPlace = suffix !== undefined
    if (isInPlace && paths.length === 0) return yield* tool.stop("no input files", 4)
    const separator = found.has("z") ? "\0" : "\n"
    const state = machine.make(separator)
    const output = new Output(separator)
    const written = new Map<string, Output>()
    const appended: Array<Effect.Effect<string>> = []
    let code = 0

    const outputOf = (path: string): Output => path === "/dev/stdout" ? output : written.get(path) ?? output
    for (const { action } of commands) {
      const path = action._tag === "Substitute"
        ? action.file
        : action._tag === "File" && action.name === "w"
        ? action.path
        : undefined
      if (path === undefined || path === "/dev/stdout" && !isInPlace || written.has(path)) continue
      if (path.startsWith("/dev/") && path !== "/dev/null" || paths.includes(path)) {
        return yield* tool.stop(`InMemoryHost does not understand ${path} to write to`)
      }
      yield* Effect.mapError(
        writeFile(self, path, ""),
        (error) => tool.stop(`couldn't open file ${path}: ${message.of(error)}`, 4)
      )
      written.set(path, new Output(separator))
    }

    const flush: Fx<void> = Effect.suspend(() => isInPlace ? Effect.void : self.print(output.take()))
    const source = reader.make(self, {
      paths: paths.length === 0 ? ["-"] : paths,
      separator,
      inPlace: isInPlace,
      separate: found.has("s") || isInPlace,
      opened: (path) =>
        Effect.gen(function*() {
          if (found.has("s") || isInPlace) {
            state.number = 0
            state.ranges.clear()
            state.hold = { text: "", isEnded: true }
            if (!isInPlace) output.end()
          }
          if (!isInPlace) return true
          const stat = yield* Effect.option(self.files.stat(self.at(path)))
          if (stat._tag === "Some" && directories.isRegular(stat.value)) return true
          code = 4
          yield* self.complain(`couldn't edit ${path}: not a regular file`)
          return false
        }),
      closed: (path) =>
        isInPlace
          ? Effect.mapError(
            Effect.suspend(() => {
              const text = output.take()
              return replace(self, path, suffix, text)
            }),
            (error) => tool.stop(`couldn't edit ${path}: ${message.of(error)}`, 4)
          )
          : Effect.void,
      failed: (path, error, isOpen) => {
        const isDirectory = error.errno === "EISDIR"
        if (isInPlace && isDirectory) {
          code = 4
          return self.complain(`couldn't edit ${path}: not a regular file`)
        }
        if (isOpen || isDirectory) {
          return Effect.zipRight(flush, tool.stop(`read error on ${path}: ${message.of(error)}`, 4))
        }
        code = Math.max(code, 2)
        return self.complain(`can't read ${path}: ${message.of(error)}`)
      }
    })

    /** Prints the text queued to follow the line. */
    const dump: Fx<void> = Effect.gen(function*() {
      for (const text of appended.splice(0)) output.raw(yield* text)
    })
    const finishLine: Fx<void> = Effect.suspend(() => {
      if (!isQuiet) output.line(state.line)
      return dump
    })
    /** Takes the next line, after printing the queued text. `undefined` after the last line. */
    const read: Fx<machine.Line | undefined> = Effect.gen(function*() {
      yield* dump
      if (output.text.length >= pageSize) yield* flush
      const line = yield* source.next
      if (line === undefined) return undefined
      state.number++
      state.isChanged = false
      return line
    })

    /** Runs the commands on a line. Succeeds with the next step. */
    const cycle: Fx<"delete" | "end" | "restart" | { readonly code: number }> = Effect.gen(function*() {
      const needsLast = commands.some(({ from, to }) => from?._tag === "Last" || to?._tag === "Last")
      for (let index = 0; index < commands.length; index++) {
        const command: Command = commands[index]!
        const { action } = command
        const isLast = needsLast && (command.from?._tag === "Last" || command.to?._tag === "Last")
          ? yield* source.isLast
          : false
        if (!machine.selects(state, command, index, isLast)) {
          if (action._tag === "Block") index = command.target
          continue
        }
        switch (action._tag) {
          case "Block":
            break
          case "Substitute":
            if (machine.substitute(state, action)) {
              if (action.prints) output.line(state.line)
              if (action.file !== undefined) outputOf(action.file).line(state.line)
            }
            break
          case "Transliterate": {
            const { line } = state
            state.line = { ...line, text: [...line.text].map((one) => action.map.get(one) ?? one).join("") }
            break
          }
          case "Text":
            if (action.name === "a") appended.push(Effect.succeed(action.text))
            else if (action.name === "i") output.raw(action.text)
            else {
              const range = state.ranges.get(index)
              if (command.to === undefined || command.negated || range === "over" || range === undefined) {
                output.raw(action.text)
              }
              return "delete"
            }
            break
          case "File":
            if (action.name === "w") outputOf(action.path).line(state.line)
            else appended.push(Effect.orElseSucceed(input.whole(self, action.path), () => ""))
            break
          case "Jump": {
            const jumps = action.name === "b" || state.isChanged === (action.name === "t")
            if (action.name !== "b") state.isChanged = false
            if (jumps) index = command.target - 1
            break
          }
          case "Quit":
            if (action.prints) yield* finishLine
            return { code: action.code }
          case "Plain":
            switch (action.name) {
              case "=":
                output.raw(`${state.number}${separator}`)
                break
              case "d":
                return "delete"
              case "D": {
                const end = state.line.text.indexOf(separator)
                if (end < 0) return "delete"
                state.line = { ...state.line, text: state.line.text.slice(end + 1) }
                return "restart"
              }
              case "p":
                output.line(state.line)
                break
              case "P": {
                const [first = ""] = state.line.text.split(separator, 1)
                output.line({ text: first, isEnded: true })
                break
              }
              case "n":
              case "N": {
                if (yield* source.isLast) return "end"
                if (action.name === "n" && !isQuiet) output.line(state.line)
                const { text } = state.line
                const line = yield* read
                if (line === undefined) return "end"
                state.line = action.name === "n" ? line : { ...line, text: `${text}${separator}${line.text}` }
                break
              }
              default:
                machine.change(state, action.name)
            }
        }
      }
      return "end"
    })

    const run: Fx<number> = Effect.gen(function*() {
      for (let line = yield* read; line !== undefined; line = yield* read) {
        state.line = line
        while (true) {
          const next = yield* cycle
          if (typeof next === "object") return next.code
          if (next === "end") yield* finishLine
          else yield* dump
          if (next !== "restart") break
        }
      }
      return 0
    })
    const files = Effect.suspend(() =>
      Effect.forEach(written, ([path, { text }]) => Effect.ignore(writeFile(self, path, text)), { discard: true })
    )
    const ended = yield* Effect.zipLeft(run, source.leave).pipe(
      Effect.ensuring(source.close),
      Effect.catchAllDefect((defect) =>
        defect instanceof machine.NoRegexp
          ? tool.stop(`${pieces[0]?.place(0, 1)}: no previous regular expression`)
          : Effect.die(defect)
      )
    )
    yield* flush
    yield* files
    return ended === 0 ? code : ended
  })

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = { sed }
