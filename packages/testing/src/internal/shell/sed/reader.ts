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

/** @internal */
export const make = (
  self: tool.Tool,
  { closed, failed, inPlace, opened, paths, separate, separator }: Options
): Reader => {
  let waiting = 0
  let current: Current | undefined
  let lines: Array<string> = []
  let at = 0
  let isAtEnd = false
  // a look at whether another line follows leaves directories out, as GNU's does
  let isLooking = false

  const open = (path: string) =>
    Effect.gen(function*() {
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

  const leave = Effect.gen(function*() {
    if (current === undefined) return
    const { path, scope } = current
    current = undefined
    yield* Scope.close(scope, Exit.void)
    yield* closed(path)
  })

  /** Reads on in the file, until there is a whole line or the end of it. */
  const fill = ({ path, read }: Current) =>
    Effect.gen(function*() {
      const pieces = lines.slice(at)
      lines = []
      at = 0
      while (true) {
        const chunk = yield* Effect.either(read)
        if (chunk._tag === "Left") {
          if (!isLooking || chunk.left.errno !== "EISDIR") yield* failed(path, chunk.left, true)
          isAtEnd = true
        } else if (Option.isNone(chunk.right)) isAtEnd = true
        else {
          const text = bytes.decode(chunk.right.value)
          pieces.push(text)
          if (!text.includes(separator)) continue
        }
        const parts = pieces.join("").split(separator)
        const rest = parts.pop() ?? ""
        lines = parts.map((line) => line + separator)
        if (rest !== "") lines.push(rest)
        return
      }
    })

  const hasLine = () => at < lines.length && (isAtEnd || (lines[at] ?? "").endsWith(separator))

  /** Whether the file has another line. */
  const more = Effect.gen(function*() {
    while (current !== undefined && !hasLine() && !isAtEnd) yield* fill(current)
    return current !== undefined && hasLine()
  })

  const advance = Effect.gen(function*() {
    while (!(yield* more)) {
      yield* leave
      const path = paths[waiting]
      if (path === undefined) return false
      waiting++
      const file = yield* open(path)
      if (file === undefined) continue
      current = file
      lines = []
      at = 0
      isAtEnd = false
      if (yield* opened(path)) continue
      current = undefined
      yield* Scope.close(file.scope, Exit.void)
    }
    return true
  })

  const look = Effect.suspend(() => {
    isLooking = true
    return Effect.ensuring(advance, Effect.sync(() => void (isLooking = false)))
  })

  return {
    next: Effect.gen(function*() {
      if (!(yield* advance)) return undefined
      const line = lines[at++] ?? ""
      return line.endsWith(separator) ? { text: line.slice(0, -1), isEnded: true } : { text: line, isEnded: false }
    }),
    isLast: Effect.map(separate ? more : look, (is) => !is),
    leave,
    close: Effect.suspend(() => current === undefined ? Effect.void : Scope.close(current.scope, Exit.void))
  }
}
