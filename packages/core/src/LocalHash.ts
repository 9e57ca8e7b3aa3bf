/**
 * Digests computed on this machine, for files of hosts that compute none, and of this machine. `@effect-remote/node`
 * provides them; without them such a digest fails.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as Effect from "effect/Effect"

/**
 * @since 0.1.0
 * @category models
 */
export type DigestAlgorithm = "md5" | "sha1" | "sha256" | "sha512"

/**
 * A digest on its way.
 *
 * @since 0.1.0
 * @category models
 */
export interface Hash {
  /** Takes the bytes at once: they may change afterwards. */
  readonly update: (bytes: Uint8Array) => void
  /** The digest of all bytes so far, in lower-case hexadecimal. Once: nothing may follow it. */
  readonly hex: () => string
}

/**
 * @since 0.1.0
 * @category models
 */
export interface LocalHash {
  /** Fails with `BadArgument` where this machine lacks the algorithm, as one that allows no MD5. */
  readonly make: (algorithm: DigestAlgorithm) => Effect.Effect<Hash, PlatformError>
}
