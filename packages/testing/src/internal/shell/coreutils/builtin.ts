/**
 * The tools that the shell has builtins for as well, with words of their own.
 */
import * as Effect from "effect/Effect"
import * as condition from "../condition.js"
import { format, unescape } from "../format.js"
import * as message from "../message.js"
import * as tool from "../tool.js"

const echo: tool.Run = (self) => {
  let { words } = self
  let newline = true
  let escapes = false
  for (let [first = ""] = words; /^-[neE]+$/.test(first); [first = ""] = words) {
    for (const letter of first.slice(1)) {
      if (letter === "n") newline = false
      else escapes = letter === "e"
    }
    words = words.slice(1)
  }
  const joined = words.join(" ")
  const { stopped, text } = escapes ? unescape(joined, "both", true) : { text: joined, stopped: false }
  return Effect.as(self.print(newline && !stopped ? `${text}\n` : text), 0)
}

const printf: tool.Run = (self) =>
  Effect.gen(function*() {
    const [template, ...values] = self.words[0] === "--" ? self.words.slice(1) : self.words
    if (template === undefined) return yield* tool.stop("missing operand\nTry 'printf --help' for more information.")
    const { problems, refused, text } = format(template, values)
    if (refused !== undefined) return yield* tool.stop(`InMemoryHost does not understand the directive ${refused}`, 2)
    for (const problem of problems) {
      yield* self.complain(
        problem.replace(/^(.*): /, (_, value: string) => `${message.quoteText(value)}: `).replace(
          "expected numeric",
          "expected a numeric"
        ).replace("not completely", "value not completely")
      )
    }
    yield* self.print(text)
    return problems.length > 0 ? 1 : 0
  })

const test: tool.Run = (self) =>
  Effect.gen(function*() {
    const words = [...self.words]
    if (self.name.endsWith("[") && words.pop() !== "]") return yield* tool.stop("missing ']'", 2)
    return (yield* Effect.mapError(condition.evaluate(self, words), ({ operand, words }) =>
        tool.stop(
          words === "Illegal number"
            ? `invalid integer ${message.quoteText(operand ?? "")}`
            : operand === undefined
            ? words
            : `${message.quote(operand)}: ${words}`,
          2
        ))) ?
      0 :
      1
  })

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = {
  "[": test,
  echo,
  false: () => Effect.succeed(1),
  printf,
  test,
  true: () => Effect.succeed(0)
}
