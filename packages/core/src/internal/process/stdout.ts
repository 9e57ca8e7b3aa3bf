/**
 * The stdout of a command, with back-pressure: it is read only when its reader pulls.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { RemoteConnectionError } from "../../RemoteError.js"
import type { Piece } from "./tracking.js"

/** @internal */
export interface Stdout {
  /** The next bytes. Fails with `None` at the end. */
  readonly pull: Effect.Effect<Uint8Array, Option.Option<RemoteConnectionError>>
  /** Reads once, and buffers the bytes for `pull`. */
  readonly readOn: Effect.Effect<void, RemoteConnectionError>
  /** Reads to the end. */
  readonly drain: Effect.Effect<void, RemoteConnectionError>
  readonly isEnded: () => boolean
  /** Stops buffering bytes for `pull`. */
  readonly discard: Effect.Effect<void>
}

/** @internal */
export const make = (next: Effect.Effect<Piece, RemoteConnectionError>): Stdout => {
  const kept: Array<Uint8Array> = []
  let isEnded = false
  let isDiscarded = false
  const oneReader = Effect.unsafeMakeSemaphore(1).withPermits(1)

  const readOn = oneReader(Effect.map(next, ({ bytes, isLast }) => {
    if (bytes.length > 0 && !isDiscarded) kept.push(bytes)
    isEnded = isLast
  }))
  const pull: Stdout["pull"] = Effect.suspend(() => {
    const bytes = kept.shift()
    if (bytes !== undefined) return Effect.succeed(bytes)
    return isEnded ? Effect.fail(Option.none()) : Effect.zipRight(Effect.mapError(readOn, Option.some), pull)
  })
  const drain: Stdout["drain"] = Effect.suspend(() => isEnded ? Effect.void : Effect.zipRight(readOn, drain))

  return {
    pull,
    readOn,
    drain,
    isEnded: () => isEnded,
    discard: Effect.sync(() => {
      isDiscarded = true
    })
  }
}
