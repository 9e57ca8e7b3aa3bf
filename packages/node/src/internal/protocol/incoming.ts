/**
 * Buffers the data of stdout or stderr of a channel until it is read.
 */
import type { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/** @internal */
export interface Incoming {
  /** Added by `receive`, removed by the reader. */
  pieces: Array<Uint8Array>
  /** Set while a reader waits, or while a consumer receives. Called for new data and at the end of the channel. */
  wake: (() => void) | undefined
  /** The consumer. It receives data at once, without buffering. */
  take: ((bytes: Uint8Array) => void) | undefined
}

/**
 * The part of the channel that readers use.
 *
 * @internal
 */
export interface Source {
  readonly consumed: (bytes: number) => void
  readonly hasEnded: () => boolean
  readonly failure: () => RemoteConnectionError | undefined
}

/** @internal */
export const make = (): Incoming => ({ pieces: [], wake: undefined, take: undefined })

// Smaller pieces are joined, because each buffer has an overhead in memory.
const joinedBelow = 4096

// Reuses the buffer of `last` if the bytes fit after it.
const join = (last: Uint8Array, bytes: Uint8Array): Uint8Array<ArrayBufferLike> => {
  const size = last.length + bytes.length
  const room = last.buffer.byteLength >= size ? last.buffer : new ArrayBuffer(Math.min(joinedBelow, size * 2))
  const joined = new Uint8Array(room, 0, size)
  if (room !== last.buffer) joined.set(last)
  joined.set(bytes, last.length)
  return joined
}

/**
 * Buffers a copy of the bytes, or passes them to the consumer.
 *
 * @internal
 */
export const receive = (incoming: Incoming, source: Source, bytes: Uint8Array): void => {
  if (incoming.take !== undefined) {
    incoming.take(bytes)
    return source.consumed(bytes.length)
  }
  const { pieces } = incoming
  const last = pieces.at(-1)
  if (last !== undefined && last.length + bytes.length <= joinedBelow) pieces[pieces.length - 1] = join(last, bytes)
  else pieces.push(new Uint8Array(bytes))
  incoming.wake?.()
}

/** @internal */
export const discard = (incoming: Incoming): void => {
  incoming.pieces = []
}

/**
 * Waits for data, then removes and returns it in one step. An interrupted reader therefore loses nothing.
 *
 * @internal
 */
export const reader = (
  incoming: Incoming,
  source: Source
): Effect.Effect<Option.Option<Uint8Array>, RemoteConnectionError> => {
  const wait = Effect.async<void>((resume) => {
    if (incoming.pieces.length > 0 || source.hasEnded()) return resume(Effect.void)
    incoming.wake = () => {
      incoming.wake = undefined
      resume(Effect.void)
    }
    return Effect.sync(() => {
      incoming.wake = undefined
    })
  })
  const read: Effect.Effect<Option.Option<Uint8Array>, RemoteConnectionError> = Effect.suspend(() => {
    // Read only once, because the owner may leave between these two effects and replace the array.
    const { pieces } = incoming
    if (pieces.length > 0) {
      return Effect.sync(() => {
        const piece = pieces.shift()!
        source.consumed(piece.length)
        return Option.some(piece)
      })
    }
    if (!source.hasEnded()) return Effect.zipRight(wait, read)
    return source.failure() ?? Effect.succeedNone
  })
  return read
}

/**
 * Passes everything to `take` as it arrives, until the end.
 *
 * @internal
 */
export const consume = (
  incoming: Incoming,
  source: Source,
  take: (bytes: Uint8Array) => void
): Effect.Effect<void, RemoteConnectionError> =>
  Effect.async((resume) => {
    const stop = () => {
      incoming.take = undefined
      incoming.wake = undefined
    }
    for (const piece of incoming.pieces.splice(0)) {
      take(piece)
      source.consumed(piece.length)
    }
    incoming.take = take
    incoming.wake = () => {
      if (!source.hasEnded()) return
      stop()
      resume(source.failure() ?? Effect.void)
    }
    incoming.wake()
    return Effect.sync(stop)
  })
