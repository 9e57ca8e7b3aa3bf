/**
 * The input of tools: files and stdin, in chunks or in lines.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { PosixError } from "../sftp/sftpFileSystem.js"
import * as bytes from "./bytes.js"
import * as descriptor from "./descriptor.js"
import * as message from "./message.js"
import type { Closed, Stop, Tool } from "./tool.js"

/**
 * Whether the tool reads the file that it appends its output to. It would never reach the end.
 *
 * @internal
 */
export const isOutput = (self: Tool, path: string): Effect.Effect<boolean> => {
  const { output } = self.invocation
  if (output === undefined || path === "-") return Effect.succeed(false)
  return Effect.match(Effect.all([output.stat, self.files.stat(self.at(path))]), {
    onFailure: () => false,
    onSuccess: ([to, from]) => to.dev === from.dev && to.ino === from.ino && from.size > 0n
  })
}

/** Does something with the bytes of a file, `-` being stdin. */
const use = <A, E>(
  self: Tool,
  path: string,
  run: (read: descriptor.Source["read"]) => Effect.Effect<A, E>
): Effect.Effect<A, E | PosixError> =>
  path === "-" || path === "/dev/stdin"
    ? run(self.invocation.stdin)
    : Effect.scopedWith((scope) =>
      Effect.flatMap(
        Scope.extend(descriptor.open(self.files, self.at(path), descriptor.flagsOf("<")), scope),
        ({ source }) => run(source?.read ?? Effect.succeedNone)
      )
    )

// Timers run after this number of chunks, so reading a long file can be interrupted.
const chunksPerTurn = 64

/** Yields to Node's event loop, so timers can fire. @internal */
export const turn = Effect.async<void>((resume) => {
  const immediate = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(immediate))
})

/**
 * Each chunk of a file, `-` being stdin, as long as the last has said so.
 *
 * @internal
 */
export const chunksWhile = <E>(
  self: Tool,
  path: string,
  run: (chunk: Uint8Array) => Effect.Effect<boolean, E>
): Effect.Effect<void, E | PosixError> =>
  use(self, path, (read) =>
    Effect.gen(function*() {
      let count = 0
      for (let next = yield* read; Option.isSome(next); next = yield* read) {
        if (!(yield* run(next.value))) return
        if (++count % chunksPerTurn === 0) yield* turn
      }
    }))

/** @internal */
export const chunks = <E>(
  self: Tool,
  path: string,
  run: (chunk: Uint8Array) => Effect.Effect<void, E>
): Effect.Effect<void, E | PosixError> => chunksWhile(self, path, (chunk) => Effect.as(run(chunk), true))

/** @internal */
export const stdin = <E>(
  self: Tool,
  run: (chunk: Uint8Array) => Effect.Effect<void, E>
): Effect.Effect<void, E> =>
  Effect.gen(function*() {
    const read = self.invocation.stdin
    for (let next = yield* read; Option.isSome(next); next = yield* read) yield* run(next.value)
  })

/** @internal */
export const whole = (self: Tool, path: string): Effect.Effect<string, PosixError> =>
  Effect.gen(function*() {
    const found: Array<string> = []
    yield* chunks(self, path, (chunk) => Effect.sync(() => void found.push(bytes.decode(chunk))))
    return found.join("")
  })

/**
 * The lines that have come whole, each with its end, and at last what has none: as many at a time as are there.
 *
 * @internal
 */
export const linesWhile = <E>(
  self: Tool,
  path: string,
  run: (lines: ReadonlyArray<string>) => Effect.Effect<boolean, E>
): Effect.Effect<void, E | PosixError> =>
  Effect.suspend(() => {
    // in pieces, so that a long line is joined once
    let rest: Array<string> = []
    let enough = false
    const read = chunksWhile(self, path, (chunk) => {
      const text = bytes.decode(chunk)
      const end = text.lastIndexOf("\n") + 1
      if (end === 0) {
        rest.push(text)
        return Effect.succeed(true)
      }
      const found = (rest.join("") + text.slice(0, end)).split(/(?<=\n)/)
      rest = end < text.length ? [text.slice(end)] : []
      return Effect.tap(run(found), (goesOn) => {
        enough = !goesOn
      })
    })
    return Effect.zipRight(
      read,
      Effect.suspend(() => enough || rest.length === 0 ? Effect.void : Effect.asVoid(run([rest.join("")])))
    )
  })

/** @internal */
export const lines = <E>(
  self: Tool,
  path: string,
  run: (lines: ReadonlyArray<string>) => Effect.Effect<void, E>
): Effect.Effect<void, E | PosixError> => linesWhile(self, path, (found) => Effect.as(run(found), true))

/**
 * The lines of a text, without their ends.
 *
 * @internal
 */
export const linesOf = (text: string, end = "\n"): ReadonlyArray<string> =>
  text === "" ? [] : (text.endsWith(end) ? text.slice(0, -1) : text).split(end)

/** @internal */
export const withoutEnd = (line: string): string => line.endsWith("\n") ? line.slice(0, -1) : line

/**
 * Runs an effect for each operand, or for stdin without operands. Goes on after an operand that cannot be read.
 *
 * @internal
 */
export const each = (
  self: Tool,
  operands: ReadonlyArray<string>,
  run: (path: string, index: number) => Effect.Effect<void, Closed | PosixError | Stop>,
  words = (path: string, error: PosixError): string => `${message.quoteIfNeeded(path)}: ${message.of(error)}`
): Effect.Effect<number, Closed | Stop> =>
  Effect.gen(function*() {
    let code = 0
    for (const [index, path] of (operands.length === 0 ? ["-"] : operands).entries()) {
      yield* Effect.catchTag(run(path, index), "PosixError", (error) => {
        code = 1
        return self.complain(words(path, error))
      })
    }
    return code
  })
