/**
 * A queue for a limited resource, first come, first served.
 */

/** @internal */
export interface Turns {
  /** Calls `go` at the caller's turn, now or later, or else `refuse`. Returns a function to leave the queue. */
  readonly take: (go: () => void, refuse: () => void) => () => void
  readonly give: () => void
  /** Whether the next caller has its turn at once. */
  readonly isFree: () => boolean
  readonly isWaitedFor: () => boolean
  /** Refuses the first caller in the queue if no turn was returned within the time limit. */
  readonly refuseOverdue: () => void
  /** Calls `go` for all waiting callers. */
  readonly end: () => void
}

/** @internal */
export const make = (count: number, limitMillis: number, now: () => number): Turns => {
  const waiting = new Set<{ readonly go: () => void; readonly refuse: () => void; readonly since: number }>()
  let free = count
  let lastGiven = 0
  const shift = () => {
    const [first] = waiting
    if (first !== undefined) waiting.delete(first)
    return first
  }
  return {
    take: (go, refuse) => {
      if (free > 0) {
        free--
        go()
        return () => {}
      }
      const waiter = { go, refuse, since: now() }
      waiting.add(waiter)
      return () => void waiting.delete(waiter)
    },
    give: () => {
      const next = shift()
      if (next === undefined) {
        free++
        return
      }
      lastGiven = now()
      next.go()
    },
    isFree: () => free > 0,
    isWaitedFor: () => waiting.size > 0,
    refuseOverdue: () => {
      const [first] = waiting
      if (first !== undefined && now() - Math.max(first.since, lastGiven) >= limitMillis) shift()?.refuse()
    },
    end: () => {
      free = Infinity
      for (let next = shift(); next !== undefined; next = shift()) next.go()
    }
  }
}
