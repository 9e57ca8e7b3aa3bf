/**
 * What happened, in order, and whoever waits for something to happen.
 */
import * as Effect from "effect/Effect"
import type { HostEvent, Run } from "../../HostEvent.js"

/** @internal */
export interface Journal {
  readonly add: (event: HostEvent) => void
  readonly events: () => ReadonlyArray<HostEvent>
  readonly runs: () => ReadonlyArray<Run>
  /** Waits until the list of runs has such a value. */
  readonly awaitRun: (find: (runs: ReadonlyArray<Run>) => Run | undefined) => Effect.Effect<Run>
}

// A test that does more looks at its end.
const kept = 100_000

/** @internal */
export const make = (): Journal => {
  let events: Array<HostEvent> = []
  let runs: Array<Run> = []
  const waiters = new Set<() => void>()

  return {
    add: (event) => {
      events.push(event)
      if (events.length > 2 * kept) events = events.slice(-kept)
      if (event._tag !== "Started") return
      runs.push(event.run)
      if (runs.length > 2 * kept) runs = runs.slice(-kept)
      waiters.forEach((wake) => wake())
    },
    events: () => events,
    runs: () => runs,
    awaitRun: (find) =>
      Effect.async((resume) => {
        const wake = () => {
          const found = find(runs)
          if (found === undefined) return
          waiters.delete(wake)
          resume(Effect.succeed(found))
        }
        waiters.add(wake)
        wake()
        return Effect.sync(() => waiters.delete(wake))
      })
  }
}
