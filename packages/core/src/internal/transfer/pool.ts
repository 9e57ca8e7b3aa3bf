/**
 * Work that makes more work: directories to list, and entries to copy.
 */
import * as Effect from "effect/Effect"

/** @internal */
export interface Pool {
  /** Adds a task that may add more, such as a directory. It runs first unless many tasks wait. */
  readonly widen: (task: Effect.Effect<void>) => void
  /** Adds a task that adds nothing. */
  readonly add: (task: Effect.Effect<void>) => void
  /** Runs all tasks, at most `concurrency` at once. Call once, after the first task was added. */
  readonly run: (concurrency: number) => Effect.Effect<void>
}

// Names and sizes, nothing opened. Enough of them that the totals are known early.
const waiting = 4096

/**
 * A pool without tasks. `onWidened` is called once, when no task is left that could add more.
 *
 * @internal
 */
export const make = (onWidened: () => void): Pool => {
  const wide: Array<Effect.Effect<void>> = []
  const narrow: Array<Effect.Effect<void>> = []
  const more = Effect.unsafeMakeLatch(false)
  let widening = 0
  let isWidened = false

  const settle = () => {
    if (isWidened || widening > 0 || wide.length > 0) return
    isWidened = true
    more.unsafeOpen()
    onWidened()
  }
  const widened = Effect.sync(() => {
    widening--
    settle()
  })
  const put = (queue: Array<Effect.Effect<void>>, task: Effect.Effect<void>) => {
    queue.push(task)
    more.unsafeOpen()
  }
  const take = (): Effect.Effect<void> | undefined => {
    if (wide.length === 0 || narrow.length >= waiting) return narrow.pop()
    widening++
    return wide.pop()
  }
  const work: Effect.Effect<void> = Effect.suspend(() => {
    const task = take()
    if (task !== undefined) return Effect.zipRight(task, work)
    if (isWidened) return Effect.void
    more.unsafeClose()
    return Effect.zipRight(more.await, work)
  })

  return {
    widen: (task) => put(wide, Effect.ensuring(task, widened)),
    add: (task) => put(narrow, task),
    run: (concurrency) =>
      Effect.suspend(() => {
        settle()
        return Effect.all(Array.from({ length: concurrency }, () => work), { concurrency: "unbounded", discard: true })
      })
  }
}
