import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as input from "../input.js"
import * as message from "../message.js"
import * as options from "../options.js"
import * as tool from "../tool.js"
import { spawn } from "./spawn.js"

// As much as one program gets.
const mostTogether = 100_000

/** Words between blanks, with quotes and backslashes; with `lines` whole lines without the blanks before them. */
const split = (text: string, lines: boolean): Effect.Effect<ReadonlyArray<string>, tool.Stop> =>
  Effect.suspend(() => {
    const found: Array<string> = []
    let word: string | undefined
    for (let at = 0; at < text.length; at++) {
      const character = text.charAt(at)
      if (character === "\n" || !(lines && word !== undefined) && (character === " " || character === "\t")) {
        if (word !== undefined) found.push(word)
        word = undefined
      } else if (character === "'" || character === "\"") {
        const end = text.indexOf(character, at + 1)
        const line = text.indexOf("\n", at + 1)
        if (end < 0 || line >= 0 && line < end) {
          return tool.stop(
            `unmatched ${
              character === "'" ? "single" : "double"
            } quote; by default quotes are special to xargs unless ` +
              "you use the -0 option"
          )
        }
        word = (word ?? "") + text.slice(at + 1, end)
        at = end
      } else word = (word ?? "") + (character === "\\" ? text.charAt(++at) : character)
    }
    if (word !== undefined) found.push(word)
    return Effect.succeed(found)
  })

const xargs: tool.Run = (self) =>
  Effect.gen(function*() {
    const found = yield* options.read("xargs", self.words, {
      flags: "0r",
      values: "nI",
      long: { null: "0", "no-run-if-empty": "r", "max-args": "n" },
      leading: true
    })
    const marker = found.value("I")
    const given = found.value("n")
    if (given !== undefined && !/^[1-9][0-9]*$/.test(given) || given !== undefined && marker !== undefined) {
      return yield* tool.stop(`InMemoryHost does not understand -n ${given}${marker === undefined ? "" : " with -I"}`)
    }
    const [first = "echo", ...rest] = found.operands
    const text = yield* Effect.orElseSucceed(input.whole(self, "-"), () => "")
    const words = found.has("0")
      ? text.split("\0").filter((word, index, all) => index < all.length - 1 || word !== "")
      : yield* split(text, marker !== undefined)

    const batches: Array<Array<string>> = []
    let size = 0
    for (const word of words) {
      const last = batches.at(-1)
      const isFull = last === undefined || marker !== undefined || last.length >= Number(given ?? Infinity) ||
        size + word.length > mostTogether
      if (isFull) {
        batches.push([word])
        size = word.length
      } else {
        last.push(word)
        size += word.length + 1
      }
    }
    if (batches.length === 0 && marker === undefined && !found.has("r")) batches.push([])

    let code = 0
    for (const batch of batches) {
      const [item = ""] = batch
      const command = marker === undefined
        ? [first, ...rest, ...batch] as const
        : [first, ...rest.map((word) => word.replaceAll(marker, () => item))] as const
      const exit = yield* spawn(self, command, Effect.succeedNone, message.quoteIfNeeded)
      if (Option.isNone(exit)) return 127
      if (exit.value._tag === "Signal") {
        return yield* tool.stop(`InMemoryHost does not understand ${first} that ends by ${exit.value.signal}`, 125)
      }
      if (exit.value.code === 255) {
        return yield* tool.stop(`${first}: exited with status 255; aborting`, 124)
      }
      if (exit.value.code !== 0) code = 123
    }
    return code
  })

/** @internal */
export const tools: Readonly<Record<string, tool.Run>> = { xargs }
