/**
 * The link between a client and the host. Bytes pass at once unless a fault slows or cuts the link.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { Pipe } from "../program/pipe.js"

/** @internal */
export interface Link {
  /** The number of bytes that pass before the connection is lost. */
  budget: number
  /** Called when `budget` is used up. */
  spent: () => void
  bytesPerSecond: number
  /** How many bytes have passed. */
  passed: number
}

/** @internal */
export const make = (): Link => ({ budget: Infinity, spent: () => {}, bytesPerSecond: Infinity, passed: 0 })

// Both directions share one queue.
const busyUntil = new WeakMap<Link, number>()

const wait = (link: Link, bytes: number): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const until = Math.max(now, busyUntil.get(link) ?? now) + bytes / link.bytesPerSecond * 1000
    busyUntil.set(link, until)
    return Effect.sleep(until - now)
  })

/**
 * Writes the bytes that the link lets through to a pipe. Drops the connection if bytes remain.
 *
 * @internal
 */
export const carry =
  (link: Link, pipe: Pipe, drop: Effect.Effect<void>) => (bytes: Uint8Array): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      link.passed += bytes.length
      if (link.budget === Infinity && link.bytesPerSecond === Infinity) return pipe.write(bytes)
      const cut = bytes.subarray(0, Math.min(bytes.length, link.budget))
      link.budget -= cut.length
      const written = link.bytesPerSecond === Infinity
        ? pipe.write(cut)
        : Effect.zipRight(wait(link, cut.length), pipe.write(cut))
      if (cut.length === bytes.length) return written
      link.budget = Infinity
      link.spent()
      return Effect.as(Effect.zipRight(written, drop), false)
    })
