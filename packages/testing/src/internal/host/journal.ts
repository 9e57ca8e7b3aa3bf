/**
 * The journal of a host: the kept events and runs in order, and the callers that wait for a program to start.
 */
import * as Effect from "effect/Effect"
import type { HostEvent, Run } from "../../HostEvent.js"
import { HostAssertionError } from "../../InMemoryHostError.js"

/**
 * The last ones of a list, and how many came before them.
 *
 * @internal
 */
export interface Recent<A> {
  readonly kept: ReadonlyArray<A>
  readonly dropped: number
}

/** @internal */
export interface Journal {
  readonly add: (event: HostEvent) => void
  readonly events: () => Recent<HostEvent>
  readonly runs: () => Recent<Run>
  /** Waits for the nth matching run. Dies if earlier runs were dropped, because then the count is unknown. */
  readonly awaitRun: (matches: (run: Run) => boolean, nth: number) => Effect.Effect<Run>
}

/**
 * Explains why the history is incomplete.
 *
 * @internal
 */
export const droppedWords = (dropped: number): string =>
  `${dropped} earlier ${
    dropped === 1 ? "one was" : "ones were"
  } dropped: \`keptEvents\` of the host limits what is kept`

const ring = <A>(most: number) => {
  let items: Array<A> = []
  let total = 0
  return {
    add: (item: A): void => {
      total++
      items.push(item)
      if (items.length > 2 * most) items = most === 0 ? [] : items.slice(-most)
    },
    recent: (): Recent<A> => {
      const kept = items.slice(Math.max(0, items.length - most))
      return { kept, dropped: total - kept.length }
    }
  }
}

/** @internal */
export const make = (most: number): Journal => {
  const events = ring<HostEvent>(most)
  const runs = ring<Run>(most)
  const waiters = new Set<(run: Run) => void>()

  return {
    add: (event) => {
      events.add(event)
      if (event._tag !== "Started") return
      runs.add(event.run)
      waiters.forEach((see) => see(event.run))
    },
    events: events.recent,
    runs: runs.recent,
    awaitRun: (matches, nth) =>
      Effect.async((resume) => {
        const { dropped, kept } = runs.recent()
        if (dropped > 0) {
          return resume(Effect.die(
            new HostAssertionError({ detail: `awaitRun cannot count the programs that ran, ${droppedWords(dropped)}` })
          ))
        }
        let seen = 0
        const see = (run: Run) => {
          if (!matches(run) || ++seen !== nth) return
          waiters.delete(see)
          resume(Effect.succeed(run))
        }
        waiters.add(see)
        kept.forEach(see)
        return Effect.sync(() => waiters.delete(see))
      })
  }
}
