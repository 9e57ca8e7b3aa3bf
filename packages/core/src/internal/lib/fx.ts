import type { PlatformError } from "@effect/platform/Error"
import type * as Effect from "effect/Effect"

/**
 * An effect of the platform's file system.
 *
 * @internal
 */
export type Fx<A> = Effect.Effect<A, PlatformError>
