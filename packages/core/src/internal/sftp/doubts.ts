/**
 * Requests that the server may never answer. A server that handles requests in order, like OpenSSH's, then does not answer
 * later requests either.
 */
import * as Effect from "effect/Effect"
import * as finalizer from "../lib/finalizer.js"

/** @internal */
export interface Doubts {
  /** Records that the server may never answer the request. */
  readonly add: (request: object) => void
  /** Records its answer. */
  readonly remove: (request: object) => void
  readonly has: (request: object) => boolean
  readonly count: () => number
  /** Records that bytes were written. */
  readonly progressed: () => void
  /** Whether the request is doubted, and for this time no byte was written and no answer arrived. */
  readonly isSilent: (request: object, millis: number) => boolean
  /** Waits for the currently doubted answers, at most until the oldest doubt has this age. */
  readonly settled: (millis: number) => Effect.Effect<void>
}

/** @internal */
export const make = (now: () => number): Doubts => {
  const doubted = new Map<object, number>()
  const watchers = new Set<() => void>()
  let moved = 0

  const noneLeft = (requests: ReadonlyArray<object>) =>
    Effect.async<void>((resume) => {
      const check = () => {
        if (requests.some((request) => doubted.has(request))) return
        watchers.delete(check)
        resume(Effect.void)
      }
      watchers.add(check)
      check()
      return Effect.sync(() => watchers.delete(check))
    })

  return {
    add: (request) => {
      if (!doubted.has(request)) doubted.set(request, now())
    },
    remove: (request) => {
      if (doubted.size === 0) return
      moved = now()
      if (doubted.delete(request)) { for (const check of [...watchers]) check() }
    },
    has: (request) => doubted.has(request),
    count: () => doubted.size,
    progressed: () => {
      if (doubted.size > 0) moved = now()
    },
    isSilent: (request, millis) => {
      const since = doubted.get(request)
      return since !== undefined && now() - Math.max(since, moved) >= millis
    },
    settled: (millis) =>
      Effect.suspend(() => {
        const [oldest] = doubted.values()
        const left = oldest === undefined ? 0 : oldest + millis - now()
        if (left <= 0) return Effect.void
        const answered = Effect.interruptible(noneLeft([...doubted.keys()]))
        return Effect.asVoid(finalizer.apart(Effect.timeoutOption(answered, left)))
      })
  }
}
