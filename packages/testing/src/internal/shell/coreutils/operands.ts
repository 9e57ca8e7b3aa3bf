/**
 * Helpers shared by the tools for files. A tool handles each operand, and goes on after a failure.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { PosixError, Stat } from "../../sftp/sftpFileSystem.js"
import * as directories from "../directories.js"
import * as message from "../message.js"
import type * as options from "../options.js"
import * as tool from "../tool.js"

const { quote } = message

/** @internal */
export type Step = Effect.Effect<void, tool.Closed | Failure>

/** A failure that is reported once. @internal */
export class Failure extends Data.TaggedError("Failure")<{ readonly words: string }> {}

/** @internal */
export const failure = (words: string, error: PosixError): Failure =>
  new Failure({ words: `${words}: ${message.of(error)}` })

/** @internal */
export const hint = (self: tool.Tool, words: string, code = 1): tool.Stop =>
  tool.stop(`${words}\nTry '${self.name} --help' for more information.`, code)

/** @internal */
export const each = <A>(
  self: tool.Tool,
  operands: ReadonlyArray<A>,
  run: (operand: A) => Step
): Effect.Effect<number, tool.Closed> =>
  Effect.gen(function*() {
    let code = 0
    for (const operand of operands) {
      yield* Effect.catchTag(run(operand), "Failure", ({ words }) => {
        code = 1
        return self.complain(words)
      })
    }
    return code
  })

/** Prints a message if `-v` is set. @internal */
export const say = (self: tool.Tool, found: options.Options, words: string): Effect.Effect<void, tool.Closed> =>
  found.has("v") ? self.print(`${words}\n`) : Effect.void

/** @internal */
export const baseOf = (path: string): string => path.replace(/\/+$/, "").split("/").pop() || "/"

/** @internal */
export const below = (directory: string, name: string): string =>
  directory.endsWith("/") ? `${directory}${name}` : `${directory}/${name}`

/** @internal */
export const isSame = (one: Stat, other: Stat): boolean => one.dev === other.dev && one.ino === other.ino

/** The attributes of the file to replace, if it exists. @internal */
export const look = (
  stat: Effect.Effect<Stat, PosixError>,
  path: string,
  words = "cannot stat"
): Effect.Effect<Option.Option<Stat>, Failure> =>
  Effect.catchAll(
    Effect.asSome(stat),
    (error) => error.errno === "ENOENT" ? Effect.succeedNone : Effect.fail(failure(`${words} ${quote(path)}`, error))
  )

const isMissing = (self: tool.Tool, path: string): Effect.Effect<boolean> =>
  Effect.match(self.files.stat(self.at(path)), {
    onFailure: ({ errno }) => errno === "ENOENT",
    onSuccess: () => false
  })

/** The sources and targets that the operands name. @internal */
export const pairs = (self: tool.Tool, found: options.Options, verb: string) =>
  Effect.gen(function*() {
    const { operands } = found
    const [first] = operands
    const last = operands.at(-1)
    const given = found.value("t")
    if (first === undefined || last === undefined) return yield* hint(self, "missing file operand")
    if (given !== undefined) return operands.map((from) => [from, below(given, baseOf(from))] as const)
    if (operands.length === 1) return yield* hint(self, `missing destination file operand after ${quote(first)}`)
    const target = yield* Effect.option(self.files.stat(self.at(last)))
    const into = target._tag === "Some" && directories.isDirectory(target.value) && !found.has("T")
    if (into) return operands.slice(0, -1).map((from) => [from, below(last, baseOf(from))] as const)
    if (operands.length > 2) {
      return yield* found.has("T")
        ? hint(self, `extra operand ${quote(operands[2] ?? "")}`)
        : tool.stop(
          target._tag === "Some"
            ? `target ${quote(last)}: Not a directory`
            : `target ${quote(last)}: No such file or directory`
        )
    }
    if (last.endsWith("/") && verb === "cp" && target._tag === "None" && (yield* isMissing(self, last))) {
      const source = yield* Effect.option(self.files.stat(self.at(first)))
      if (source._tag === "Some" && !directories.isDirectory(source.value)) {
        return yield* tool.stop(`cannot create regular file ${quote(last)}: Not a directory`)
      }
    }
    return [[first, last] as const]
  })
