/**
 * Errors of an in-memory host: invalid options, programs that are not scripted, and failed expectations.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * - `InvalidSeed`: a file, directory, link, user or group is invalid.
 * - `InvalidCommand`: the name of a command is invalid, or two commands share it.
 * - `InvalidService`: the address of a service is invalid, or two services share it.
 * - `InvalidOptions`: another option is invalid.
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
 * An in-memory host cannot be built from its options.
 *
 * @since 0.1.0
 * @category errors
 */
export class InMemoryHostError
  extends Schema.TaggedError<InMemoryHostError>("@effect-remote/testing/InMemoryHostError")(
    "InMemoryHostError",
    {
      reason: InMemoryHostReason,
      /** The path, name or address of the invalid entry. */
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
 * A command needs a program that the in-memory host lacks, or an option or construct that a tool of the host does not
 * understand. A defect of the effect that runs the command. The option `unknownCommands` decides whether the effect dies.
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
    /** The option or construct that the program does not understand. Left out if the host lacks the program. */
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
 * An expectation of a test failed. The message describes the actual state.
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
