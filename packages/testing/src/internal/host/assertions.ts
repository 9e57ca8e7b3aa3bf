/**
 * Expectations of tests, and the messages of those that fail.
 */
import * as Effect from "effect/Effect"
import * as HostEvent from "../../HostEvent.js"
import { HostAssertionError } from "../../InMemoryHostError.js"
import { droppedWords, type Recent } from "./journal.js"

const shownLast = 50

/** @internal */
export const fail = (
  expected: string,
  actual: ReadonlyArray<string>,
  some: string,
  none = "nothing",
  dropped = 0
) => {
  const shown = actual.slice(-shownLast)
  return new HostAssertionError({
    detail: [
      `expected ${expected}, but ${shown.length === 0 ? none : `${some}:`}`,
      ...(shown.length < actual.length ? [`  ... and ${actual.length - shown.length} before`] : []),
      ...shown.map((line) => `  ${line}`),
      ...(dropped > 0 ? [`The history is incomplete, because ${droppedWords(dropped)}`] : [])
    ].join("\n")
  })
}

/**
 * Whether a program was started with these words first; one that is meant by its name may lie anywhere.
 *
 * @internal
 */
export const startsWith = (argv: ReadonlyArray<string>, words: ReadonlyArray<string>): boolean =>
  words.every((word, index) =>
    argv[index] === word || (index === 0 && !word.includes("/") && argv[0]?.endsWith(`/${word}`))
  )

const showRuns = (runs: ReadonlyArray<HostEvent.Run>): ReadonlyArray<string> =>
  runs.map(({ argv }) => HostEvent.showWords(argv))

const times = (count: number): string => count === 1 ? "once" : count === 0 ? "never" : `${count} times`

/** @internal */
export const ran = (
  { dropped, kept }: Recent<HostEvent.Run>,
  words: ReadonlyArray<string>,
  expected: number | undefined
): Effect.Effect<void, HostAssertionError> => {
  const found = kept.filter(({ argv }) => startsWith(argv, words)).length
  // a dropped run may match as well
  return (expected === undefined ? found > 0 : found === expected && dropped === 0)
    ? Effect.void
    : fail(
      `${HostEvent.showWords(words)} to be run${expected === undefined ? "" : ` ${times(expected)}`}` +
        (found === 0 ? "" : ` (it was ${times(found)})`),
      showRuns(kept),
      "what was run is",
      "nothing was run",
      found > (expected ?? Infinity) ? 0 : dropped
    )
}

/** @internal */
export const ranInOrder = (
  { dropped, kept }: Recent<HostEvent.Run>,
  lines: ReadonlyArray<ReadonlyArray<string>>
): Effect.Effect<void, HostAssertionError> => {
  let at = 0
  for (const { argv } of kept) {
    const next = lines[at]
    if (next !== undefined && startsWith(argv, next)) at++
  }
  const missing = lines[at]
  return missing === undefined ? Effect.void : fail(
    `${HostEvent.showWords(missing)} to be run${at === 0 ? "" : ` after ${HostEvent.showWords(lines[at - 1] ?? [])}`}`,
    showRuns(kept),
    "what was run is",
    "nothing was run",
    dropped
  )
}

/** @internal */
export const same = (
  what: string,
  expected: string,
  actual: string | undefined
): Effect.Effect<void, HostAssertionError> => {
  if (actual === expected) return Effect.void
  if (actual === undefined) return new HostAssertionError({ detail: `expected ${what}, but the file does not exist` })
  return new HostAssertionError({
    detail: `expected ${what} to hold\n${indent(expected)}\nbut it holds\n${indent(actual)}`
  })
}

const longestShown = 2000

const indent = (text: string): string =>
  (text.length > longestShown ? `${text.slice(0, longestShown)}... (${text.length} characters)` : text)
    .split("\n").map((line) => `  | ${line}`).join("\n")
