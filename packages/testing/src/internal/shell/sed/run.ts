/**
 * Runs the commands of a script on every line.
 */
import * as Effect from "effect/Effect"
import * as input from "../input.js"
import type * as tool from "../tool.js"
import * as machine from "./machine.js"
import type { Output } from "./output.js"
import type { Action, Command } from "./parse.js"
import type { Reader } from "./reader.js"

type Fx<A> = Effect.Effect<A, tool.Closed | tool.Stop>

/** One run of `sed`. @internal */
export interface Run {
  readonly tool: tool.Tool
  readonly commands: ReadonlyArray<Command>
  readonly isQuiet: boolean
  /** The suffix of old files if files are edited in place. */
  readonly inPlace: string | undefined
  /** Whether the lines of each file are counted from 1. */
  readonly isSeparate: boolean
  readonly state: machine.State
  readonly output: Output
  /** The files that `w` writes to, by their paths. */
  readonly written: Map<string, Output>
  /** Texts to print after the line. */
  readonly appended: Array<Effect.Effect<string>>
  /** The exit code so far. */
  code: number
}

/** The end of a cycle: the line is deleted, done, begun again without input, or `sed` quits. */
type Ending = "delete" | "end" | "restart" | { readonly code: number }

// The number of characters printed at a time.
const pageSize = 4096

/** Prints what is collected. Files that are edited in place are written at their end. @internal */
export const flush = (self: Run): Fx<void> =>
  Effect.suspend(() => self.inPlace === undefined ? self.tool.print(self.output.take()) : Effect.void)

const outputOf = (self: Run, path: string): Output =>
  path === "/dev/stdout" ? self.output : self.written.get(path) ?? self.output

/** Prints the text queued to follow the line. */
const dump = (self: Run): Fx<void> =>
  Effect.gen(function*() {
    for (const text of self.appended.splice(0)) self.output.raw(yield* text)
  })

const finishLine = (self: Run): Fx<void> =>
  Effect.suspend(() => {
    if (!self.isQuiet) self.output.line(self.state.line)
    return dump(self)
  })

/** Takes the next line, after printing the queued text. `undefined` after the last line. */
const read = (self: Run, source: Reader): Fx<machine.Line | undefined> =>
  Effect.gen(function*() {
    yield* dump(self)
    if (self.output.text.length >= pageSize) yield* flush(self)
    const line = yield* source.next
    if (line === undefined) return undefined
    self.state.number++
    self.state.isChanged = false
    return line
  })

const substitute = (self: Run, action: Extract<Action, { readonly _tag: "Substitute" }>): void => {
  const { output, state } = self
  if (!machine.substitute(state, action)) return
  if (action.prints) output.line(state.line)
  if (action.file !== undefined) outputOf(self, action.file).line(state.line)
}

/** `c` prints its text at the end of a range. */
const replaceText = ({ output, state }: Run, { negated, to }: Command, index: number, text: string): "delete" => {
  const range = state.ranges.get(index)
  if (to === undefined || negated || range === "over" || range === undefined) output.raw(text)
  return "delete"
}

/** `n` and `N`. */
const readNext = (self: Run, source: Reader, name: "n" | "N"): Fx<"end" | undefined> =>
  Effect.gen(function*() {
    const { output, state } = self
    if (yield* source.isLast) return "end"
    if (name === "n" && !self.isQuiet) output.line(state.line)
    const { text } = state.line
    const line = yield* read(self, source)
    if (line === undefined) return "end"
    state.line = name === "n" ? line : { ...line, text: `${text}${state.separator}${line.text}` }
    return undefined
  })

/** Runs a command without arguments. Succeeds with how it ends the cycle, if it does. */
const plain = (self: Run, source: Reader, name: string): Fx<Ending | void> => {
  const { output, state } = self
  const end = state.line.text.indexOf(state.separator)
  switch (name) {
    case "=":
      return Effect.sync(() => output.raw(`${state.number}${state.separator}`))
    case "d":
      return Effect.succeed("delete")
    case "D":
      if (end < 0) return Effect.succeed("delete")
      state.line = { ...state.line, text: state.line.text.slice(end + 1) }
      return Effect.succeed("restart")
    case "p":
      return Effect.sync(() => output.line(state.line))
    case "P":
      return Effect.sync(() =>
        output.line({ text: end < 0 ? state.line.text : state.line.text.slice(0, end), isEnded: true })
      )
    case "n":
    case "N":
      return readNext(self, source, name)
    default:
      return Effect.sync(() => machine.change(state, name))
  }
}

/** Runs a command that neither jumps nor begins a block. */
const act = (self: Run, source: Reader, command: Command, index: number): Fx<Ending | void> => {
  const { appended, output, state } = self
  const { action } = command
  switch (action._tag) {
    case "Substitute":
      return Effect.sync(() => substitute(self, action))
    case "Transliterate":
      state.line = { ...state.line, text: [...state.line.text].map((one) => action.map.get(one) ?? one).join("") }
      return Effect.void
    case "Text":
      if (action.name === "c") return Effect.succeed(replaceText(self, command, index, action.text))
      if (action.name === "a") appended.push(Effect.succeed(action.text))
      else output.raw(action.text)
      return Effect.void
    case "File":
      if (action.name === "w") outputOf(self, action.path).line(state.line)
      else appended.push(Effect.orElseSucceed(input.whole(self.tool, action.path), () => ""))
      return Effect.void
    case "Quit":
      return Effect.as(action.prints ? finishLine(self) : Effect.void, { code: action.code })
    case "Plain":
      return plain(self, source, action.name)
    default:
      return Effect.void
  }
}

/** Whether a jump is made. `t` and `T` forget the substitutions. */
const jumps = (state: machine.State, { name }: Extract<Action, { readonly _tag: "Jump" }>): boolean => {
  if (name === "b") return true
  const made = state.isChanged === (name === "t")
  state.isChanged = false
  return made
}

/** Runs the commands on a line. */
const cycle = (self: Run, source: Reader): Fx<Ending> =>
  Effect.gen(function*() {
    const { commands, state } = self
    for (let index = 0; index < commands.length; index++) {
      const command: Command = commands[index]!
      const { action, from, to } = command
      const isLast = from?._tag === "Last" || to?._tag === "Last" ? yield* source.isLast : false
      const isSelected = machine.selects(state, command, index, isLast)
      if (action._tag === "Block") index = isSelected ? index : command.target
      else if (isSelected && action._tag === "Jump") index = jumps(state, action) ? command.target - 1 : index
      else if (isSelected) {
        const ending = yield* act(self, source, command, index)
        if (ending) return ending
      }
    }
    return "end"
  })

/** Runs the script on all lines. Succeeds with the code of `q` or `Q`, or 0. @internal */
export const run = (self: Run, source: Reader): Fx<number> =>
  Effect.gen(function*() {
    for (let line = yield* read(self, source); line !== undefined; line = yield* read(self, source)) {
      self.state.line = line
      let ending: Ending = "restart"
      while (ending === "restart") {
        ending = yield* cycle(self, source)
        if (typeof ending === "object") return ending.code
        yield* ending === "end" ? finishLine(self) : dump(self)
      }
    }
    return 0
  })
