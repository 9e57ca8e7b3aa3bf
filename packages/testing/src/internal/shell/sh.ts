import * as Effect from "effect/Effect"
import * as FiberRef from "effect/FiberRef"
import type { Lookup, Program } from "../program/program.js"
import * as running from "../program/running.js"
import { withOption } from "./builtins/variables.js"
import * as descriptor from "./descriptor.js"
import * as evaluate from "./evaluate.js"
import * as input from "./input.js"
import * as message from "./message.js"
import * as state from "./state.js"
import * as tool from "./tool.js"

const flags: state.Flags = { errexit: false, noglob: false, nounset: false, xtrace: false }

type Script = {
  readonly text: string
  readonly name: string
  readonly parameters: ReadonlyArray<string>
  readonly flags: state.Flags
}

/** Reads the script to run from the words of `sh`. */
const scriptOf = (self: tool.Tool): Effect.Effect<Script, tool.Stop> =>
  Effect.gen(function*() {
    const words = [...self.words]
    let set = flags
    let isCommand = false
    let fromStdin = false
    for (let word = words[0]; word !== undefined && /^-./.test(word); word = words[0]) {
      words.shift()
      if (word === "--") break
      for (const letter of word.slice(1)) {
        if (letter === "c") isCommand = true
        else if (letter === "s") fromStdin = true
        else {
          const changed = withOption(set, `-${letter}`)
          if (changed === undefined) {
            return yield* tool.stop(
              `InMemoryHost does not understand the option ${word.startsWith("--") ? word : `-${letter}`}`,
              2
            )
          }
          set = changed
        }
      }
    }
    if (isCommand) {
      const [text, name = self.name, ...parameters] = words
      return text === undefined
        ? yield* tool.stop("0: -c requires an argument", 2)
        : { text, name, parameters, flags: set }
    }
    const [path, ...parameters] = words
    if (fromStdin || path === undefined) {
      return {
        text: yield* Effect.orElseSucceed(input.whole(self, "-"), () => ""),
        name: self.name,
        parameters: words,
        flags: set
      }
    }
    const text = yield* Effect.mapError(input.whole(self, path), (error) =>
      tool.stop(
        `0: cannot open ${path}: ${
          error.errno === "ENOENT" || error.errno === "ENOTDIR" ? "No such file" : message.of(error)
        }`,
        2
      ))
    return { text: text.replaceAll("\0", ""), name: path, parameters, flags: set }
  })

/**
 * The shell, which finds what it runs by `lookup`.
 *
 * @internal
 */
export const make = (lookup: Lookup): Program => {
  // so that names made of it differ: of shells within a command, far from those of commands
  let last = 100_000
  return (invocation) =>
    Effect.scopedWith((scope) =>
      Effect.gen(function*() {
        let script: Script | undefined
        const command = yield* FiberRef.get(running.current)
        const exit = yield* tool.program(lookup, (self) =>
          Effect.map(scriptOf(self), (found) => {
            script = found
            return 0
          }))(invocation)
        if (script === undefined) return exit
        const target = (write: (bytes: Uint8Array) => Effect.Effect<boolean>): descriptor.Descriptor => ({
          source: undefined,
          target: { write }
        })
        const shell = state.make({
          files: invocation.files,
          lookup,
          substitute: evaluate.substitute,
          pid: command.isLeader ? command.pid : ++last,
          environment: invocation.environment,
          directory: invocation.directory,
          name: script.name,
          parameters: script.parameters,
          flags: script.flags,
          descriptors: new Map([
            [0, { source: descriptor.sourceOf(invocation.stdin), target: undefined }],
            [1, { source: undefined, target: { write: invocation.stdout, file: invocation.output } }],
            [2, target(invocation.stderr)]
          ])
        }, scope)
        return yield* Effect.locally(evaluate.shell(shell, script.text), running.current, {
          ...command,
          isLeader: false
        })
      })
    )
}
