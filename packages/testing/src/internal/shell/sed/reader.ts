/**
 * The lines of several files, one at a time, with a look at whether another follows.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { PosixError } from "../../sftp/sftpFileSystem.js"
import * as bytes from "../bytes.js"
import * as descriptor from "../descriptor.js"
import type * as tool from "../tool.js"
import type { Line } from "./machine.js"

/** @internal */
export interface Reader {
  /** The next line, `undefined` at the end of all files. */
  readonly next: Effect.Effect<Line | undefined, tool.Closed | tool.Stop>
  /** Whether there is no other line: of the file if files are separate. */
  readonly isLast: Effect.Effect<boolean, tool.Closed | tool.Stop>
  /** Leaves the rest of the file out. */
  readonly leave: Effect.Effect<void, tool.Closed | tool.Stop>
  readonly close: Effect.Effect<void>
}

/** @internal */
export interface Options {
  readonly paths: ReadonlyArray<string>
  readonly separator: string
  readonly separate: boolean
  /** `-` is the name of a file. */
  readonly inPlace: boolean
  /** A file was opened, `false`: it is left out. */
  readonly opened: (path: string) => Effect.Effect<boolean, tool.Closed | tool.Stop>
  readonly closed: (path: string) => Effect.Effect<void, tool.Closed | tool.Stop>
  readonly failed: (path: string, error: PosixError, isOpen: boolean) => Effect.Effect<void, tool.Closed | tool.Stop>
}

interface Current {
  readonly path: string
  readonly read: descriptor.Source["read"]
  readonly scope: Scope.CloseableScope
}

interface State extends Options {
  readonly self: tool.Tool
  /** The index of the file to open next. */
  waiting: number
  current: Current | undefined
  /** Lines that were read from the current file. The last one may be incomplete. */
  lines: Array<string>
  /** The index in `lines` of the next one. */
  at: number
  isAtEnd: boolean
  /** Whether this is only a look for another line. It leaves directories out, as GNU's does. */
  isLooking: boolean
}

const open = (state: State, path: string) =>
  Effect.gen(function*() {
    const { failed, inPlace, isLooking, self } = state
    const scope = yield* Scope.make()
    const source = yield* Effect.either(
      path === "-" && !inPlace
        ? Effect.succeed(self.invocation.stdin)
        : Effect.map(
          Scope.extend(descriptor.open(self.files, self.at(path), descriptor.flagsOf("<")), scope),
          ({ source }): descriptor.Source["read"] => source?.read ?? Effect.succeedNone
        )
    )
    if (source._tag === "Right") return { path, read: source.right, scope }
    yield* Scope.close(scope, Exit.void)
    if (!isLooking || source.left.errno !== "EISDIR") yield* failed(path, source.left, false)
  })

const leave = (state: State): Reader["leave"] =>
  Effect.gen(function*() {
    if (state.current === undefined) return
    const { path, scope } = state.current
    state.current = undefined
    yield* Scope.close(scope, Exit.void)
    yield* state.closed(path)
  })

const keepLines = (state: State, text: string): void => {
  const parts = text.split(state.separator)
  const rest = parts.pop() ?? ""
  state.lines = parts.map((line) => line + state.separator)
  if (rest !== "") state.lines.push(rest)
}

/** Reads on in the file, until there is a whole line or the end of it. */
const fill = (state: State, { path, read }: Current) =>
  Effect.gen(function*() {
    const pieces = state.lines.slice(state.at)
    state.lines = []
    state.at = 0
    while (true) {
      const chunk = yield* Effect.either(read)
      if (chunk._tag === "Left") {
        if (!state.isLooking || chunk.left.errno !== "EISDIR") yield* state.failed(path, chunk.left, true)
        state.isAtEnd = true
      } else if (Option.isNone(chunk.right)) state.isAtEnd = true
      else {
        const text = bytes.decode(chunk.right.value)
        pieces.push(text)
        if (!text.includes(state.separator)) continue
      }
      return keepLines(state, pieces.join(""))
    }
  })

const hasLine = ({ at, isAtEnd, lines, separator }: State): boolean =>
  at < lines.length && (isAtEnd || (lines[at] ?? "").endsWith(separator))

/** Whether the file has another line. */
const more = (state: State) =>
  Effect.gen(function*() {
    while (state.current !== undefined && !hasLine(state) && !state.isAtEnd) yield* fill(state, state.current)
    return state.current !== undefined && hasLine(state)
  })

/** Opens files until one has a line. `false` if no file has one. */
const advance = (state: State) =>
  Effect.gen(function*() {
    while (!(yield* more(state))) {
      yield* leave(state)
      const path = state.paths[state.waiting]
      if (path === undefined) return false
      state.waiting++
      const file = yield* open(state, path)
      if (file === undefined) continue
      state.current = file
      state.lines = []
      state.at = 0
      state.isAtEnd = false
      if (yield* state.opened(path)) continue
      state.current = undefined
      yield* Scope.close(file.scope, Exit.void)
    }
    return true
  })

const look = (state: State) =>
  Effect.suspend(() => {
    state.isLooking = true
    return Effect.ensuring(advance(state), Effect.sync(() => void (state.isLooking = false)))
  })

/** @internal */
export const make = (self: tool.Tool, options: Options): Reader => {
  const state: State = {
    ...options,
    self,
    waiting: 0,
    current: undefined,
    lines: [],
    at: 0,
    isAtEnd: false,
    isLooking: false
  }
  return {
    next: Effect.gen(function*() {
      if (!(yield* advance(state))) return undefined
      const line = state.lines[state.at++] ?? ""
      return line.endsWith(state.separator)
        ? { text: line.slice(0, -1), isEnded: true }
        : { text: line, isEnded: false }
    }),
    isLast: Effect.map(state.separate ? more(state) : look(state), (is) => !is),
    leave: leave(state),
    close: Effect.suspend(() => state.current === undefined ? Effect.void : Scope.close(state.current.scope, Exit.void))
  }
}
