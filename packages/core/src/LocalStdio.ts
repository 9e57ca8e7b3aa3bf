/**
 * The standard streams of this program, for commands whose input or output is `"inherit"`. `@effect-remote/node`
 * provides them. Without them, such a command fails with `Unsupported`.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as Sink from "effect/Sink"
import type * as Stream from "effect/Stream"

/**
 * @since 0.1.0
 * @category models
 */
export interface LocalStdio {
  readonly stdin: Stream.Stream<Uint8Array, PlatformError>
  readonly stdout: Sink.Sink<void, Uint8Array, never, PlatformError>
  readonly stderr: Sink.Sink<void, Uint8Array, never, PlatformError>
}
