import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as text from "./text.js"

/**
 * Bytes put together up to a limit; what there is can be had at any time.
 *
 * @internal
 */
export interface Collector {
  readonly bytes: () => Uint8Array
  /** Takes a whole stream, and fails when it is longer than the limit. */
  readonly run: <E, R>(stream: Stream.Stream<Uint8Array, E, R>) => Effect.Effect<void, E | "TooLarge", R>
}

/** @internal */
export const make = (limit: number): Collector => {
  const parts: Array<Uint8Array> = []
  let size = 0
  return {
    bytes: () => text.concat(parts),
    run: Stream.runForEach((bytes: Uint8Array) => {
      if (size + bytes.length > limit) return Effect.fail("TooLarge" as const)
      parts.push(bytes)
      size += bytes.length
      return Effect.void
    })
  }
}
