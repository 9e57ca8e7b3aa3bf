import * as Effect from "effect/Effect"

// Asking for few costs as much as asking for many.
const pool = new Uint8Array(4096)
let used = pool.length

const digits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))

/** @internal */
export const unsafeHex = (): string => {
  if (used === pool.length) {
    globalThis.crypto.getRandomValues(pool)
    used = 0
  }
  let hex = ""
  for (const end = used + 16; used < end; used++) {
    hex += digits[pool[used]!]!
    pool[used] = 0
  }
  return hex
}

/**
 * 128 random bits, as 32 characters. Effect's `Random` can be foreseen; this must not.
 *
 * @internal
 */
export const hex: Effect.Effect<string> = Effect.sync(unsafeHex)
