/**
 * Streams of an awk program: stdin and stdout, and files and commands by their names.
 */
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { PosixError } from "../../sftp/sftpFileSystem.js"
import * as bytes from "../bytes.js"
import { spawn } from "../coreutils/spawn.js"
import * as descriptor from "../descriptor.js"
import * as message from "../message.js"
import * as tool from "../tool.js"
import { separatorAt } from "./record.js"
import type { Expression } from "./regexp.js"

type Failure = tool.Closed | tool.Signalled | tool.Stop

/**
 * Reads records.
 *
 * @internal
 */
export interface Reader {
  /** The next record, by a separator as RS has it. `undefined` at the end. */
  readonly next: (separator: Expression | string) => Effect.Effect<string | undefined, PosixError>
}

const reader = (read: descriptor.Source["read"]): Reader => {
  let buffer = ""
  let isEnded = false
  const more = Effect.map(read, (chunk) => {
    if (Option.isNone(chunk)) isEnded = true
    else buffer += bytes.decode(chunk.value)
  })
  const take = (end: number, next: number): string => {
    const record = buffer.slice(0, end)
    buffer = buffer.slice(next)
    return record
  }
  /** The end of the record at the start of the buffer, if it is known. */
  const find = (separator: Expression | string): readonly [end: number, next: number] | undefined => {
    if (separator === "") {
      buffer = buffer.replace(/^\n+/, "")
      const end = buffer.indexOf("\n\n")
      return end < 0 ? undefined : [end, end + 2]
    }
    if (typeof separator === "string") {
      const end = buffer.indexOf(separator)
      return end < 0 ? undefined : [end, end + separator.length]
    }
    const match = separatorAt(separator, buffer, 0)
    // what follows may make the match longer
    return match === undefined || match.end === buffer.length && !isEnded ? undefined : [match.start, match.end]
  }
  return {
    next: (separator) =>
      Effect.gen(function*() {
        for (;;) {
          const found = find(separator)
          if (found !== undefined) return take(...found)
          if (isEnded) {
            if (buffer === "") return undefined
            return separator === ""
              ? take(buffer.length, buffer.length).replace(/\n$/, "")
              : take(buffer.length, buffer.length)
          }
          yield* more
        }
      })
  }
}

interface Output {
  readonly put: (text: string) => Effect.Effect<void, Failure>
  readonly flush: Effect.Effect<void, Failure>
  /** The status. */
  readonly close: Effect.Effect<number, Failure>
}

// As much as is kept before it is written.
const buffered = 4096

// As much as a command may read or write.
const mostOfCommand = 16 * 1024 * 1024

const output = (
  write: (text: string) => Effect.Effect<void, Failure>,
  close: Effect.Effect<number, Failure>
): Output => {
  let kept = ""
  const flush = Effect.suspend(() => {
    const text = kept
    kept = ""
    return text === "" ? Effect.void : write(text)
  })
  return {
    put: (text) => {
      kept += text
      return kept.length < buffered ? Effect.void : flush
    },
    flush,
    close: Effect.zipRight(flush, close)
  }
}

/** A text as an input. */
const once = (text: string): tool.Tool["invocation"]["stdin"] => {
  const chunks = text === "" ? [] : [bytes.encode(text)]
  return Effect.sync(() => Option.fromNullable(chunks.pop()))
}

/** @internal */
export interface Streams {
  readonly print: (text: string) => Effect.Effect<void, Failure>
  /** The output of that name, which is opened by its first use. */
  readonly printTo: (operator: ">" | ">>" | "|", name: string, text: string) => Effect.Effect<void, Failure>
  /** The file or the command of that name, which is opened by its first use. `undefined`: it cannot be. */
  readonly readFrom: (kind: "command" | "file", name: string) => Effect.Effect<Reader | undefined, Failure>
  /** A file of the operands. */
  readonly open: (name: string) => Effect.Effect<Reader, PosixError>
  readonly flush: Effect.Effect<void, Failure>
  readonly close: (name: string) => Effect.Effect<number, Failure>
  readonly closeAll: Effect.Effect<void, Failure>
  /** The status of a command. */
  readonly system: (command: string) => Effect.Effect<number, Failure>
}

/** Open streams, by name. */
interface Open {
  readonly self: tool.Tool
  readonly scope: Scope.Scope
  readonly outputs: Map<string, Output>
  readonly readers: Map<string, { readonly reader: Reader; readonly close: Effect.Effect<number> }>
  readonly own: Output
  readonly errors: Output
  readonly stdin: Reader
  readonly flush: Effect.Effect<void, Failure>
}

const open = (
  all: Open,
  name: string
): Effect.Effect<readonly [reader: Reader, close: Effect.Effect<number>], PosixError> =>
  name === "-" || name === "/dev/stdin"
    ? Effect.succeed([all.stdin, Effect.succeed(0)])
    : Effect.gen(function*() {
      const within = yield* Scope.fork(all.scope, ExecutionStrategy.sequential)
      const { source } = yield* Scope.extend(
        descriptor.open(all.self.files, all.self.at(name), descriptor.flagsOf("<")),
        within
      )
      return [
        reader(source?.read ?? Effect.succeedNone),
        Effect.as(Scope.close(within, Exit.void), 0)
      ]
    })

const run = (
  all: Open,
  command: string,
  invocation: Partial<tool.Tool["invocation"]>
): Effect.Effect<number, Failure> =>
  Effect.gen(function*() {
    const inner = { ...all.self, invocation: { ...all.self.invocation, ...invocation } }
    const exit = yield* spawn(inner, ["sh", "-c", command], inner.invocation.stdin)
    if (Option.isNone(exit)) return 127
    if (exit.value._tag === "Code") return exit.value.code
    return yield* tool.stop(
      `InMemoryHost does not understand the command ${command} that ends by ${exit.value.signal}`,
      2
    )
  })

const tooMuch = (command: string) =>
  tool.stop(`InMemoryHost does not understand the command ${command} with more than ${mostOfCommand} bytes`, 2)

/** Runs a command to its end, and reads what it wrote. */
const fromCommand = (all: Open, command: string): Effect.Effect<readonly [Reader, Effect.Effect<number>], Failure> =>
  Effect.gen(function*() {
    const chunks: Array<string> = []
    let size = 0
    const stdout = (chunk: Uint8Array) =>
      Effect.sync(() => {
        size += chunk.length
        if (size <= mostOfCommand) chunks.push(bytes.decode(chunk))
        return size <= mostOfCommand
      })
    yield* all.flush
    const status = yield* Effect.mapError(
      run(all, command, { stdout, output: undefined }),
      (error) => size > mostOfCommand ? tooMuch(command) : error
    )
    if (size > mostOfCommand) return yield* tooMuch(command)
    return [reader(once(chunks.join(""))), Effect.succeed(status)]
  })

/** Keeps what is written to a command, which runs when it is closed. */
const toCommand = (all: Open, command: string): Output => {
  let text = ""
  return output(
    (added) => {
      text += added
      return text.length > mostOfCommand ? tooMuch(command) : Effect.void
    },
    Effect.suspend(() => run(all, command, { stdin: once(text) }))
  )
}

const toFile = (all: Open, operator: ">" | ">>", name: string): Effect.Effect<Output, Failure> =>
  Effect.gen(function*() {
    const failed = (error: PosixError) => tool.stop(`cannot open "${name}" for output (${message.of(error)})`, 2)
    const within = yield* Scope.fork(all.scope, ExecutionStrategy.sequential)
    const { target } = yield* Effect.mapError(
      Scope.extend(descriptor.open(all.self.files, all.self.at(name), descriptor.flagsOf(operator)), within),
      failed
    )
    return output(
      (text) =>
        target === undefined ? Effect.void : Effect.asVoid(Effect.mapError(
          target.write(bytes.encode(text)),
          (error) => tool.stop(`write failure (${message.of(error)})`, 2)
        )),
      Effect.as(Scope.close(within, Exit.void), 0)
    )
  })

const outputOf = (all: Open, operator: ">" | ">>" | "|", name: string): Effect.Effect<Output, Failure> =>
  Effect.gen(function*() {
    if (operator !== "|" && (name === "-" || name === "/dev/stdout")) return all.own
    if (operator !== "|" && name === "/dev/stderr") return all.errors
    const known = all.outputs.get(name)
    if (known !== undefined) return known
    if (operator === "|") yield* all.flush
    const made = operator === "|" ? toCommand(all, name) : yield* toFile(all, operator, name)
    all.outputs.set(name, made)
    return made
  })

const close = (all: Open, name: string): Effect.Effect<number, Failure> =>
  Effect.gen(function*() {
    const written = all.outputs.get(name)
    const read = all.readers.get(name)
    all.outputs.delete(name)
    all.readers.delete(name)
    const status = read === undefined ? undefined : yield* read.close
    return written === undefined ? status ?? -1 : yield* written.close
  })

const openNothing = (self: tool.Tool, scope: Scope.Scope): Open => {
  const outputs = new Map<string, Output>()
  const own = output(self.print, Effect.succeed(0))
  const errors = output(
    (text) =>
      Effect.flatMap(self.invocation.stderr(bytes.encode(text)), (isRead) => isRead ? Effect.void : new tool.Closed()),
    Effect.succeed(0)
  )
  return {
    self,
    scope,
    outputs,
    readers: new Map(),
    own,
    errors,
    // output is flushed before the program waits for input
    stdin: reader(Effect.zipRight(Effect.ignore(own.flush), self.invocation.stdin)),
    flush: Effect.suspend(() =>
      Effect.forEach([own, errors, ...outputs.values()], (one) => one.flush, { discard: true })
    )
  }
}

/** @internal */
export const make = (self: tool.Tool, scope: Scope.Scope): Streams => {
  const all = openNothing(self, scope)
  return {
    print: all.own.put,
    printTo: (operator, name, text) =>
      Effect.flatMap(
        outputOf(all, operator, name),
        (one) => one === all.errors ? Effect.zipRight(one.put(text), one.flush) : one.put(text)
      ),
    readFrom: (kind, name) =>
      Effect.gen(function*() {
        const known = all.readers.get(name)
        if (known !== undefined) return known.reader
        const opened = yield* kind === "command"
          ? Effect.asSome(fromCommand(all, name))
          : Effect.option(open(all, name))
        if (Option.isNone(opened)) return undefined
        const [reader, close] = opened.value
        all.readers.set(name, { reader, close })
        return reader
      }),
    open: (name) => Effect.map(open(all, name), ([reader]) => reader),
    flush: all.flush,
    close: (name) => close(all, name),
    // the commands end before the last of the own output, as with mawk
    closeAll: Effect.suspend(() =>
      Effect.zipRight(Effect.forEach([...all.outputs.keys()], (name) => close(all, name), { discard: true }), all.flush)
    ),
    system: (command) => Effect.zipRight(all.flush, run(all, command, {}))
  }
}
