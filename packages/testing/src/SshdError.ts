/**
 * Why a throwaway SSH server could not be had.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * - `NotFound`: OpenSSH's `sshd` is not installed.
 * - `SshKeygenNotFound`: there is no `ssh-keygen` to make keys with.
 * - `Ssh2NotFound`: the embedded server needs the npm package `ssh2`.
 * - `ShellNotFound`: there is no such login shell.
 * - `SftpServerNotFound`: OpenSSH's `sftp-server` was asked for and is not installed.
 * - `InvalidOptions`: options, or the environment variables read in their place, that cannot be meant.
 * - `Unsupported`: the chosen kind of server, or this user, cannot do that.
 * - `StartFailed`: the server was started and did not come up; its words are in `log`.
 *
 * @since 0.1.0
 * @category models
 */
export const SshdReason = Schema.Literal(
  "NotFound",
  "SshKeygenNotFound",
  "Ssh2NotFound",
  "ShellNotFound",
  "SftpServerNotFound",
  "InvalidOptions",
  "Unsupported",
  "StartFailed"
)

/**
 * @since 0.1.0
 * @category models
 */
export type SshdReason = typeof SshdReason.Type

/**
 * A throwaway SSH server could not be had.
 *
 * @since 0.1.0
 * @category errors
 */
export class SshdError extends Schema.TaggedError<SshdError>("@effect-remote/testing/SshdError")("SshdError", {
  reason: SshdReason,
  /** What was tried and what happened, in words. */
  detail: Schema.String,
  /** The end of what the server said. */
  log: Schema.optionalWith(Schema.String, { default: () => "" }),
  /** What to try next. */
  hint: Schema.optional(Schema.String),
  cause: Schema.optional(Schema.Defect)
}) {
  /**
   * @since 0.1.0
   */
  override get message(): string {
    const log = this.log.trimEnd()
    return [
      `no SSH server for this test: ${this.detail}`,
      ...(log.length === 0 ? [] : log.split("\n").map((line) => `  | ${line}`)),
      ...(this.hint === undefined ? [] : [this.hint])
    ].join("\n")
  }
}
