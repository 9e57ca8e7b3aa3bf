import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import type { PosixError } from "../sftp/sftpFileSystem.js"
import * as bytes from "./bytes.js"
import * as descriptor from "./descriptor.js"
import * as directories from "./directories.js"
import * as expand from "./expand.js"
import * as message from "./message.js"
import { abort, complain as tell, type Control, type Killed, type Shell } from "./state.js"
import type { Redirection } from "./syntax.js"

/**
 * Why the command is not run, in the words of dash.
 *
 * @internal
 */
export class RedirectionError extends Data.TaggedError("RedirectionError")<{
  /** The message. Undefined if it has been printed. */
  readonly words: string | undefined
  /** With what was redirected before, which the words go to. */
  readonly descriptors: descriptor.Descriptors
}> {}

/** @internal */
export const complain = (shell: Shell, { descriptors, words }: RedirectionError): Effect.Effect<void, Killed> =>
  words === undefined ? Effect.void : tell({ ...shell, descriptors }, words)

const words = (verb: "create" | "open", path: string, error: PosixError): string => {
  const isMissing = error.errno === "ENOENT" || error.errno === "ENOTDIR"
  const why = !isMissing ? message.of(error) : verb === "open" ? "No such file" : "Directory nonexistent"
  return `cannot ${verb} ${path}: ${why}`
}

const standard: Readonly<Record<string, number>> = {
  "/dev/stdin": 0,
  "/dev/stdout": 1,
  "/dev/stderr": 2,
  "/dev/fd/0": 0,
  "/dev/fd/1": 1,
  "/dev/fd/2": 2
}

/**
 * Opens the descriptors of a command. They stay open until the scope closes.
 *
 * @internal
 */
export const apply = (
  shell: Shell,
  redirections: ReadonlyArray<Redirection>,
  scope: Scope.Scope
): Effect.Effect<descriptor.Descriptors, Control | RedirectionError> =>
  Effect.gen(function*() {
    if (redirections.length === 0) return shell.descriptors
    const found = new Map(shell.descriptors)
    const duplicate = (number: number, from: number) =>
      Effect.suspend(() => {
        const other = found.get(from)
        if (other === undefined) {
          return new RedirectionError({ words: `${from}: Bad file descriptor`, descriptors: found })
        }
        found.set(number, other)
        return Effect.void
      })
    // as in dash: all names are known before anything is opened, and a here-document is read in its turn
    const texts: Array<string> = []
    for (const { operator, target } of redirections) {
      const text = operator === "<<" ? "" : yield* expand.text(shell, target)
      if ((operator === "<&" || operator === ">&") && !/^[0-9-]$/.test(text)) {
        return yield* abort(shell, "Syntax error: Bad fd number")
      }
      texts.push(text)
    }
    for (const [index, { descriptor: number, operator, target }] of redirections.entries()) {
      const text = texts[index] ?? ""
      if (operator === "<<") {
        // a failure in it ends only the command
        const document = yield* Effect.catchTag(
          expand.text(shell, target),
          "Exit",
          () => new RedirectionError({ words: undefined, descriptors: found })
        )
        found.set(number, descriptor.ofBytes(bytes.encode(document)))
      } else if (operator === "<&" || operator === ">&") {
        if (text === "-") found.delete(number)
        else yield* duplicate(number, Number(text))
      } else if (Object.hasOwn(standard, text)) {
        yield* duplicate(number, standard[text] ?? 0)
      } else {
        const flags = descriptor.flagsOf(operator === ">|" ? ">" : operator)
        const opened = descriptor.open(shell.files, directories.at(shell.directory, text), flags)
        found.set(
          number,
          yield* Effect.mapError(
            Scope.extend(opened, scope),
            (error) =>
              new RedirectionError({ words: words(flags.write ? "create" : "open", text, error), descriptors: found })
          )
        )
      }
    }
    return found
  })
