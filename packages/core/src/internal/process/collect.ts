import * as Effect from "effect/Effect"
import * as text from "../lib/text.js"

/**
 * Collects bytes up to a limit.
 *
 * @internal
 */
export interface Collector {
  readonly bytes: () => Uint8Array
  /** Fails if the total exceeds the limit. */
  readonly take: (bytes: Uint8Array) => Effect.Effect<void, "TooLarge">
}

/** @internal */
export const make = (limit: number): Collector => {
  const parts: Array<Uint8Array> = []
  let size = 0
  return {
    bytes: () => text.concat(parts),
    take: (bytes) => {
      if (size + bytes.length > limit) return Effect.fail("TooLarge")
      parts.push(bytes)
      size += bytes.length
      return Effect.void
    }
  }
}
