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
 * A command needs a program that the host in memory lacks, or something of a tool that the tool does not understand. A defect of
 * the effect that runs the command: `unknownCommands` of the host's options says when.
 *
 * @since 0.1.0
 * @category errors
 */
export class NotScriptedError extends Schema.TaggedError<NotScriptedError>("@effect-remote/testing/NotScriptedError")(
  "NotScriptedError",
  {
    host: Schema.String,
    /** The name that the command used. */
    program: Schema.String,
    /** What the program does not understand. Left out: there is no such program. */
    construct: Schema.optional(Schema.String),
    /** The names of the host's `commands`. */
    scripted: Schema.Array(Schema.String)
  }
) {
  /**
   * @since 0.1.0
   */
  override get message(): string {
    const name = this.program.split("/").pop() ?? ""
    const key = /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name)
    const what = this.construct === undefined
      ? `has no program ${JSON.stringify(this.program)}`
      : `does not understand ${this.construct} of ${JSON.stringify(this.program)}`
    const scripted = this.scripted.length === 0 ? "Nothing is scripted." : `Scripted are ${this.scripted.join(", ")}.`
    return `the host in memory ${this.host} ${what}. Script it with \`commands: { ${key}: ... }\`, or set ` +
      `\`unknownCommands: "notFound"\` for a host that lacks it. ${scripted}`
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
