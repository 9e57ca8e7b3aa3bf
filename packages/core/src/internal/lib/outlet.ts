import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/**
 * Output that is always drained. Until there is a reader, about the last `limit` bytes are kept. With a reader nothing is
 * dropped, and a slow reader holds the writer back.
 *
 * @internal
 */
export interface Outlet<E> {
  readonly offer: (bytes: Uint8Array) => Effect.Effect<void>
  readonly end: (exit: Exit.Exit<void, E>) => Effect.Effect<void>
  readonly stream: Stream.Stream<Uint8Array, E>
  /** Holds the writer back no more: for when what is still to come has a bound of its own. */
  readonly release: Effect.Effect<void>
  /** Drops what comes from now on. */
  readonly discard: Effect.Effect<void>
}

/** @internal */
export const make = <E>(limit: number): Outlet<E> => {
  let chunks: Array<Uint8Array> = []
  let size = 0
  let mode: "unread" | "read" | "discarded" = "unread"
  let ended: Exit.Exit<void, E> | undefined
  let released = false
  const filled = Effect.unsafeMakeLatch(false)
  const drained = Effect.unsafeMakeLatch(true)

  const put = (bytes: Uint8Array) => {
    chunks.push(bytes)
    size += bytes.length
    while (mode === "unread" && chunks.length > 1 && size - chunks[0]!.length >= limit) size -= chunks.shift()!.length
    filled.unsafeOpen()
    if (mode === "read" && size >= limit && !released) drained.unsafeClose()
  }

  const take: Effect.Effect<Uint8Array, Option.Option<E>> = Effect.suspend(() => {
    const bytes = chunks.shift()
    if (bytes !== undefined) {
      size -= bytes.length
      if (size < limit) drained.unsafeOpen()
      return Effect.succeed(bytes)
    }
    if (ended !== undefined) {
      return Exit.isFailure(ended)
        ? Effect.failCause(Cause.map(ended.cause, Option.some))
        : Effect.fail(Option.none())
    }
    filled.unsafeClose()
    return Effect.zipRight(filled.await, take)
  })

  const leave = Effect.sync(() => {
    if (mode === "read") mode = "unread"
    drained.unsafeOpen()
  })

  return {
    offer: (bytes) =>
      Effect.suspend(() => {
        if (mode === "discarded" || bytes.length === 0) return Effect.void
        put(bytes)
        return drained.await
      }),
    end: (exit) =>
      Effect.sync(() => {
        ended ??= exit
        filled.unsafeOpen()
      }),
    stream: Stream.unwrapScoped(
      Effect.as(
        Effect.acquireRelease(
          Effect.sync(() => {
            if (mode === "unread") mode = "read"
          }),
          () => leave
        ),
        Stream.repeatEffectOption(take)
      )
    ),
    release: Effect.sync(() => {
      released = true
      drained.unsafeOpen()
    }),
    discard: Effect.sync(() => {
      mode = "discarded"
      chunks = []
      size = 0
      drained.unsafeOpen()
    })
  }
}

/**
 * The last bytes of what was put in.
 *
 * @internal
 */
export interface Tail {
  readonly push: (bytes: Uint8Array) => void
  readonly bytes: () => Uint8Array
  /** Whether there was more. */
  readonly isCut: () => boolean
  readonly clear: () => void
}

/** @internal */
export const tail = (limit: number): Tail => {
  let kept: Uint8Array = new Uint8Array()
  let total = 0
  return {
    push: (bytes) => {
      if (bytes.length === 0) return
      const both = new Uint8Array(Math.min(limit, kept.length + bytes.length))
      const fresh = bytes.subarray(Math.max(0, bytes.length - limit))
      both.set(fresh, both.length - fresh.length)
      const old = both.length - fresh.length
      if (old > 0) both.set(kept.subarray(kept.length - old), 0)
      kept = both
      total += bytes.length
    },
    isCut: () => total > limit,
    clear: () => {
      kept = new Uint8Array()
      total = 0
    },
    bytes: () => kept
  }
}
