/**
 * Work that makes more work: directories to look through, and entries to copy.
 */
import * as Effect from "effect/Effect"

/** @internal */
export interface Pool {
  /** What leads to more, such as a directory. It comes first while not too much else waits. */
  readonly widen: (task: Effect.Effect<void>) => void
  readonly add: (task: Effect.Effect<void>) => void
}

// Names and sizes, nothing opened. Enough of them that the totals are known early.
const waiting = 4096

/**
 * Does all that is begun with and what that adds, so many at once. `onWidened` is called once nothing is left that could
 * add more.
 *
 * @internal
 */
export const run = (
  concurrency: number,
  begin: (pool: Pool) => void,
  onWidened: () => void
): Effect.Effect<void> =>
  Effect.suspend(() => {
    const wide: Array<Effect.Effect<void>> = []
    const narrow: Array<Effect.Effect<void>> = []
    const more = Effect.unsafeMakeLatch(false)
    let widening = 0
    let isWidened = false

    const pool: Pool = {
      widen: (task) => {
        wide.push(Effect.ensuring(
          task,
          Effect.sync(() => {
            widening--
            settle()
          })
        ))
        more.unsafeOpen()
      },
      add: (task) => {
        narrow.push(task)
        more.unsafeOpen()
      }
    }
    const settle = () => {
      if (isWidened || widening > 0 || wide.length > 0) return
      isWidened = true
      more.unsafeOpen()
      onWidened()
    }
    const take = (): Effect.Effect<void> | undefined => {
      if (wide.length > 0 && narrow.length < waiting) {
        widening++
        return wide.pop()
      }
      return narrow.pop()
    }
    const work: Effect.Effect<void> = Effect.suspend(() => {
      const task = take()
      if (task !== undefined) return Effect.zipRight(task, work)
      if (isWidened) return Effect.void
      more.unsafeClose()
      return Effect.zipRight(more.await, work)
    })
    begin(pool)
    settle()
    return Effect.all(Array.from({ length: concurrency }, () => work), {
      concurrency: "unbounded",
      discard: true
    })
  })
