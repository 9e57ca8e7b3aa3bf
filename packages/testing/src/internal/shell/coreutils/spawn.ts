/**
 * Runs the programs that tools such as `find` and `xargs` start.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as lacks from "../../program/lacks.js"
import type { Invocation, ProgramExit } from "../../program/program.js"
import * as bytes from "../bytes.js"
import * as message from "../message.js"
import type * as tool from "../tool.js"

/**
 * Runs a program with the outputs of the tool, and waits for its end. `None` if the program is missing. The message about that
 * has been printed.
 *
 * @internal
 */
export const spawn = (
  self: tool.Tool,
  [first, ...rest]: readonly [string, ...Array<string>],
  stdin: Invocation["stdin"] = self.invocation.stdin,
  shown: (name: string) => string = message.quote
): Effect.Effect<Option.Option<ProgramExit>, tool.Closed> =>
  Effect.gen(function*() {
    const request = {
      words: [bytes.toText(first), ...rest.map(bytes.toText)] as const,
      environment: self.environment,
      directory: self.invocation.directory,
      files: self.files
    }
    const program = yield* self.lookup(request)
    if (Option.isSome(program)) return Option.some(yield* program.value({ ...self.invocation, ...request, stdin }))
    const isThere = first.includes("/") && (yield* Effect.isSuccess(self.files.stat(self.at(first))))
    if (!isThere) yield* lacks.program(bytes.toText(first))
    yield* self.complain(`${shown(first)}: ${isThere ? "Permission denied" : "No such file or directory"}`)
    return Option.none()
  })
