/**
 * Computes digests on this machine, for local files and for files of hosts that cannot compute them. `@effect-remote/node`
 * provides it. Without it, these digests fail.
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
 * An incremental digest.
 *
 * @since 0.1.0
 * @category models
 */
export interface Hash {
  /** Adds bytes. They may change as soon as this returns. */
  readonly update: (bytes: Uint8Array) => void
  /** Returns the digest of all bytes in lower-case hexadecimal. Call it once, as the last call. */
  readonly hex: () => string
}

/**
 * @since 0.1.0
 * @category models
 */
export interface LocalHash {
  /** Starts a digest. Fails with `BadArgument` if this machine lacks the algorithm, for example if MD5 is not allowed. */
  readonly make: (algorithm: DigestAlgorithm) => Effect.Effect<Hash, PlatformError>
}
