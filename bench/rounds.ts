import { Effect } from "effect"
import type { BenchError } from "./contender.js"

/** One contender at one work item. */
export interface Entry {
  readonly name: string
  readonly measure: Effect.Effect<number, BenchError>
}

/**
 * Figures of each entry by name. Each round runs every entry once and begins with another one than the last, in turns
 * forwards and backwards, so that what burdens the machine for a while burdens all. The first round only warms up.
 */
export const interleaved = (
  entries: ReadonlyArray<Entry>,
  rounds: number
): Effect.Effect<ReadonlyMap<string, ReadonlyArray<number>>, BenchError> =>
  Effect.gen(function*() {
    const figures = new Map(entries.map(({ name }) => [name, [] as Array<number>]))
    for (let round = 0; round <= rounds; round++) {
      const first = round % entries.length
      const order = [...entries.slice(first), ...entries.slice(0, first)]
      for (const { measure, name } of round % 2 === 0 ? order : order.reverse()) {
        // The previous contender may still be closing connections.
        yield* Effect.sleep("100 millis")
        const figure = yield* measure
        if (round > 0) figures.get(name)!.push(figure)
      }
    }
    return figures
  })

const quantile = (figures: ReadonlyArray<number>, at: number): number => {
  const sorted = [...figures].sort((a, b) => a - b)
  const place = (sorted.length - 1) * at
  const below = sorted[Math.floor(place)]!
  return below + (sorted[Math.ceil(place)]! - below) * (place % 1)
}

export const median = (figures: ReadonlyArray<number>): number => quantile(figures, 0.5)

/** How far half of the figures lie apart, as a part of their median. */
export const spread = (figures: ReadonlyArray<number>): number =>
  (quantile(figures, 0.75) - quantile(figures, 0.25)) / median(figures)
