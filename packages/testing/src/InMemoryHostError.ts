/**
 * What becomes of a host in memory that is told wrongly, and of expectations that are not met.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * - `InvalidSeed`: a file, directory, link, user or group that there cannot be.
 * - `InvalidCommand`: the name of a command is none, or there are two of it.
 * - `InvalidService`: an address that makes no sense, or two of it.
 * - `InvalidOptions`: another option that makes no sense.
 *
 * @since 0.1.0
 * @category models
 */
export const InMemoryHostReason = Schema.Literal("InvalidSeed", "InvalidCommand", "InvalidService", "InvalidOptions")

/**
 * @since 0.1.0
 * @category models
 */
export type InMemoryHostReason = typeof InMemoryHostReason.Type

/**
 * A host in memory cannot be built as it is told.
 *
 * @since 0.1.0
 * @category errors
 */
export class InMemoryHostError
  extends Schema.TaggedError<InMemoryHostError>("@effect-remote/testing/InMemoryHostError")(
    "InMemoryHostError",
    {
      reason: InMemoryHostReason,
      /** The entry that is wrong: a path, a name, an address. */
      entry: Schema.String,
      detail: Schema.String,
      cause: Schema.optional(Schema.Defect)
    }
  )
{
  /**
   * @since 0.1.0
   */
  override get message(): string {
    return `no host in memory: ${this.detail}`
  }
}

/**
 * What a test expected of a host is not so. The message tells what is.
 *
 * @since 0.1.0
 * @category errors
 */
export class HostAssertionError extends Schema.TaggedError<HostAssertionError>(
  "@effect-remote/testing/HostAssertionError"
)("HostAssertionError", { detail: Schema.String }) {
  /**
   * @since 0.1.0
   */
  override get message(): string {
    return this.detail
  }
}
