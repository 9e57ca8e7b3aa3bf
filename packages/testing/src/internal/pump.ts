import * as Effect from "effect/Effect"
import type { Readable, Writable } from "node:stream"

/**
 * Takes a chunk and calls back when there is room for the next one.
 *
 * @internal
 */
export type Write = (chunk: Buffer, done: () => void) => void

/**
 * Writes to a stream; what it no longer takes is thrown away.
 *
 * @internal
 */
export const into = (target: Writable): Write => (chunk, done) =>
  target.writable ? void target.write(chunk, () => done()) : done()

/**
 * Moves bytes, at the target's pace, until the source has ended or is destroyed.
 *
 * @internal
 */
export const pump = (source: Readable, write: Write): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (source.readableEnded || source.destroyed) return resume(Effect.void)
    let active = true
    const more = () => {
      if (active) source.resume()
    }
    const onData = (chunk: Buffer) => {
      source.pause()
      write(chunk, more)
    }
    const onEnd = () => {
      stop()
      resume(Effect.void)
    }
    const stop = () => {
      active = false
      source.off("data", onData).off("end", onEnd).off("close", onEnd)
    }
    source.on("end", onEnd).on("close", onEnd).on("data", onData).resume()
    return Effect.sync(stop)
  })
