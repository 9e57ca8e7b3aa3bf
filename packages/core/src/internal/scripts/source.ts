/**
 * Tools for shell text: comments are removed before it is sent.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Option from "effect/Option"

/**
 * A script with its arguments, as one program of a frame.
 *
 * @internal
 */
export interface Script {
  readonly words: NonEmptyReadonlyArray<string>
  readonly directory: Option.Option<string>
  readonly environment: ReadonlyArray<readonly [name: string, value: string]>
  readonly clearEnvironment: boolean
}

/**
 * Removes the lines that are comments. A `#` elsewhere stays.
 *
 * @internal
 */
export const withoutComments = (source: string): string => source.replace(/^[ \t]*#.*\n/gm, "")

// A command begins after these, so a semicolon there would be a syntax error.
const opens = /(^|[ ;])(\{|\(|do|then|else|in|;;|&&|\|\|?)$|;;$/

/**
 * Joins lines into one, because some login shells do not accept line ends within quotes. Each line must contain whole
 * commands, or end with a word that opens a list.
 *
 * @internal
 */
export const oneLine = (source: string): string =>
  withoutComments(source).split("\n").map((line) => line.trim()).filter((line) => line !== "").reduce(
    (joined, line) => joined === "" ? line : `${joined}${opens.test(joined) ? " " : "; "}${line}`,
    ""
  )

/**
 * Runs `text` with these arguments. The first is its `$0`.
 *
 * @internal
 */
export const script = (text: string, ...args: ReadonlyArray<string>): Script => ({
  words: ["/bin/sh", "-c", text, ...args],
  directory: Option.none(),
  environment: [],
  clearEnvironment: false
})
