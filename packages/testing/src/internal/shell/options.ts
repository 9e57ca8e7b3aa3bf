import * as Effect from "effect/Effect"
import { Stop } from "./tool.js"

/**
 * The options of a tool: their letters, those with a value, and their long names.
 *
 * @internal
 */
export interface Spec {
  readonly flags?: string
  readonly values?: string
  /** Letters of options with an optional value, which is the rest of the word. */
  readonly optional?: string
  readonly long?: Readonly<Record<string, string>>
  /** Whether the first operand ends the options. */
  readonly leading?: boolean
}

/** @internal */
export interface Options {
  readonly has: (letter: string) => boolean
  /** The last value of an option. */
  readonly value: (letter: string) => string | undefined
  /** The last of these options. */
  readonly last: (letters: string) => readonly [letter: string, value: string] | undefined
  readonly all: ReadonlyArray<readonly [letter: string, value: string]>
  readonly operands: ReadonlyArray<string>
}

/**
 * Reads options as `getopt_long` does. Unknown options are refused.
 *
 * @internal
 */
export const read = (
  name: string,
  words: ReadonlyArray<string>,
  { flags = "", leading = false, long = {}, optional = "", values = "" }: Spec
): Effect.Effect<Options, Stop> =>
  Effect.suspend(() => {
    const refuse = (option: string) =>
      new Stop({ code: 2, words: `InMemoryHost does not understand the option ${option}` })
    const missing = (words: string) =>
      new Stop({ code: name === "sort" || name === "grep" || name === "ls" ? 2 : 1, words })
    const all: Array<readonly [string, string]> = []
    const operands: Array<string> = []
    for (let at = 0; at < words.length; at++) {
      const word = words[at] ?? ""
      if (word === "--") {
        for (const one of words.slice(at + 1)) operands.push(one)
        break
      }
      if (word.startsWith("--")) {
        const equals = word.indexOf("=")
        const option = word.slice(2, equals < 0 ? undefined : equals)
        const letter = Object.hasOwn(long, option) ? long[option] : undefined
        if (letter === undefined || equals >= 0 && !(values + optional).includes(letter)) return refuse(word)
        if (equals < 0 && values.includes(letter) && at + 1 >= words.length) {
          return missing(`option '--${option}' requires an argument`)
        }
        all.push([letter, equals >= 0 ? word.slice(equals + 1) : values.includes(letter) ? words[++at] ?? "" : ""])
      } else if (word.startsWith("-") && word !== "-") {
        for (let index = 1; index < word.length; index++) {
          const letter = word.charAt(index)
          if (flags.includes(letter)) all.push([letter, ""])
          else if (optional.includes(letter)) {
            all.push([letter, word.slice(index + 1)])
            break
          } else if (!values.includes(letter)) return refuse(`-${letter}`)
          else {
            const rest = word.slice(index + 1)
            if (rest === "" && at + 1 >= words.length) return missing(`option requires an argument -- '${letter}'`)
            all.push([letter, rest === "" ? words[++at] ?? "" : rest])
            break
          }
        }
      } else if (leading) {
        for (const one of words.slice(at)) operands.push(one)
        break
      } else operands.push(word)
    }
    const last: Options["last"] = (letters) => all.filter(([letter]) => letters.includes(letter)).at(-1)
    return Effect.succeed({
      has: (letter) => all.some(([one]) => one === letter),
      value: (letter) => last(letter)?.[1],
      last,
      all,
      operands
    })
  })
