/**
 * Queue of the bytes that are to be written to the channel.
 */
import * as Effect from "effect/Effect"
import * as text from "../lib/text.js"

/** @internal */
export interface Outgoing {
  readonly push: (pieces: ReadonlyArray<Uint8Array>) => void
  /** Removes and returns the bytes of the next write. Empty if the queue is empty. */
  readonly take: () => Uint8Array
  /** Whether senders must wait. */
  readonly isFull: () => boolean
  readonly clear: () => void
  readonly awaitFilled: Effect.Effect<void>
  readonly awaitDrained: Effect.Effect<void>
}

/**
 * Senders wait while more bytes are queued.
 *
 * @internal
 */
export const limit = 4 * 1024 * 1024

/**
 * Larger pieces are written without a copy. Smaller ones are joined, which copies them.
 *
 * @internal
 */
export const largePiece = 16 * 1024

/** @internal */
export const make = (): Outgoing => {
  let pieces: Array<Uint8Array> = []
  let size = 0
  const filled = Effect.unsafeMakeLatch(false)
  const drained = Effect.unsafeMakeLatch(true)
  return {
    push: (more) => {
      for (const piece of more) {
        pieces.push(piece)
        size += piece.length
      }
      if (size > limit) drained.unsafeClose()
      filled.unsafeOpen()
    },
    take: () => {
      const large = pieces.findIndex(({ length }) => length >= largePiece)
      const bytes = text.concat(pieces.splice(0, large < 0 ? pieces.length : Math.max(1, large)))
      size -= bytes.length
      if (size <= limit) drained.unsafeOpen()
      if (pieces.length === 0) filled.unsafeClose()
      return bytes
    },
    isFull: () => size > limit,
    clear: () => {
      pieces = []
      size = 0
      drained.unsafeOpen()
    },
    awaitFilled: filled.await,
    awaitDrained: drained.await
  }
}
