import * as Effect from "effect/Effect"

/**
 * 128 random bits, as 32 characters. Effect's `Random` can be foreseen; this must not.
 *
 * @internal
 */
export const hex: Effect.Effect<string> = Effect.sync(() =>
  Array.from(globalThis.crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join(
    ""
  )
)
