import * as Effect from "effect/Effect"
import type { Readable, Writable } from "node:stream"

/**
 * Takes a chunk and calls back when there is room for the next one.
 *
 * @internal
 */
export type Write = (chunk: Buffer, done: () => void) => void

/**
 * Writes to a stream. Bytes that the stream no longer accepts are discarded.
 *
 * @internal
 */
export const into = (target: Writable): Write => (chunk, done) =>
  target.writable ? void target.write(chunk, () => done()) : done()

/**
 * Moves bytes at the target's pace. Ends when the source has ended or is destroyed and all bytes are written.
 *
 * @internal
 */
export const pump = (source: Readable, write: Write): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (source.readableEnded || source.destroyed) return resume(Effect.void)
    // Node resumes the output of a child that has exited, so there may be more than one, and the end may come first
    let writing = 0
    let ended = false
    let active = true
    const next = () => {
      if (!active || writing > 0) return
      if (!ended) return source.resume()
      stop()
      resume(Effect.void)
    }
    const onData = (chunk: Buffer) => {
      source.pause()
      writing++
      write(chunk, () => {
        writing--
        next()
      })
    }
    const onEnd = () => {
      ended = true
      next()
    }
    const stop = () => {
      active = false
      source.off("data", onData).off("end", onEnd).off("close", onEnd)
    }
    source.on("end", onEnd).on("close", onEnd).on("data", onData).resume()
    return Effect.sync(stop)
  })
