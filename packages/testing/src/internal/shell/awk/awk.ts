/**
 * `awk`, by POSIX. A program that awks treat differently is refused.
 */
import * as Effect from "effect/Effect"
import * as input from "../input.js"
import * as message from "../message.js"
import * as options from "../options.js"
import * as tool from "../tool.js"
import { evaluate } from "./evaluate.js"
import { parse } from "./parse.js"
import { unescape } from "./tokens.js"

const awk: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("awk", self.words, { values: "Fvf", leading: true })
    const files = found.all.filter(([letter]) => letter === "f").map(([, value]) => value)
    const [first, ...rest] = found.operands
    if (files.length === 0 && first === undefined) {
      return yield* tool.stop("InMemoryHost does not understand awk without a program", 2)
    }
    const separator = found.value("F")
    // a tab to some awks
    if (separator === "t") return yield* tool.stop("InMemoryHost does not understand the option -F t", 2)
    const parts: Array<string> = files.length === 0 ? [first ?? ""] : []
    for (const path of files) {
      parts.push(
        yield* Effect.mapError(
          input.whole(self, path),
          (error) => tool.stop(`cannot open ${path} (${message.of(error)})`, 2)
        )
      )
    }
    const program = yield* Effect.catchAllDefect(
      Effect.sync(() => parse(parts.join("\n"))),
      (thrown) => thrown instanceof tool.Stop ? thrown : Effect.die(thrown)
    )
    return yield* evaluate(self, program, {
      separator: separator === undefined ? undefined : unescape(separator),
      assignments: found.all.filter(([letter]) => letter === "v").map(([, value]) => value),
      operands: files.length === 0 ? rest : found.operands
    })
  })

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = { awk }
