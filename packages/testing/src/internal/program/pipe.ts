import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * A bounded pipe from one writer to one reader. An interrupted read has not taken any bytes.
 *
 * @internal
 */
export interface Pipe {
  /** The next bytes, `None` at the end. */
  readonly read: Effect.Effect<Option.Option<Uint8Array>>
  /** Writes bytes, then waits for room. `false` after the reader is gone. */
  readonly write: (bytes: Uint8Array) => Effect.Effect<boolean>
  /** Ends the input of the pipe. */
  readonly end: Effect.Effect<void>
  /** Closes the reading side. */
  readonly close: Effect.Effect<void>
}

// The capacity of a Linux pipe.
const ofPipe = 65536

/**
 * The window of an OpenSSH channel, in bytes.
 *
 * @internal
 */
export const window = 2 * 1024 * 1024

/** @internal */
export const make = (capacity = ofPipe): Pipe => {
  const waiting: Array<Uint8Array> = []
  const waiters = new Set<() => void>()
  let size = 0
  let ended = false
  let closed = false
  const notify = () => {
    for (const wake of waiters) wake()
  }
  /** Does it at once where it can be done, so that there is nothing between a wait and what it was for. */
  const when = <A>(met: () => boolean, run: () => A): Effect.Effect<A> =>
    Effect.suspend(() =>
      met() ? Effect.succeed(run()) : Effect.async<A>((resume) => {
        const wake = () => {
          if (!met()) return
          waiters.delete(wake)
          resume(Effect.sync(run))
        }
        waiters.add(wake)
        return Effect.sync(() => waiters.delete(wake))
      })
    )
  const isRoom = () => size < capacity || closed
  const isOpen = () => !closed

  return {
    read: when(
      () => waiting.length > 0 || ended || closed,
      () => {
        const next = waiting.shift()
        size -= next?.length ?? 0
        notify()
        return Option.fromNullable(next)
      }
    ),
    write: (bytes) =>
      Effect.suspend(() => {
        if (ended || closed) return Effect.succeed(false)
        if (bytes.length === 0) return Effect.succeed(true)
        waiting.push(bytes)
        size += bytes.length
        notify()
        return when(isRoom, isOpen)
      }),
    end: Effect.sync(() => {
      ended = true
      notify()
    }),
    close: Effect.sync(() => {
      closed = true
      waiting.length = 0
      size = 0
      notify()
    })
  }
}
