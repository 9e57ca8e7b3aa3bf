/**
 * Errors of starting a throwaway SSH server.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * - `NotFound`: OpenSSH's `sshd` is not installed.
 * - `SshKeygenNotFound`: `ssh-keygen`, which generates the keys, is not installed.
 * - `Ssh2NotFound`: the embedded server needs the npm package `ssh2`.
 * - `ShellNotFound`: the login shell was not found.
 * - `SftpServerNotFound`: OpenSSH's `sftp-server` was requested but is not installed.
 * - `InvalidOptions`: an option, or an environment variable read in its place, is invalid.
 * - `Unsupported`: the chosen kind of server, or this user, does not support the options.
 * - `StartFailed`: the server was started but did not listen. `log` holds its output.
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
 * A throwaway SSH server could not be started.
 *
 * @since 0.1.0
 * @category errors
 */
export class SshdError extends Schema.TaggedError<SshdError>("@effect-remote/testing/SshdError")("SshdError", {
  reason: SshdReason,
  /** The attempt and its outcome, in words. */
  detail: Schema.String,
  /** The end of the server's output. */
  log: Schema.optionalWith(Schema.String, { default: () => "" }),
  /** The suggestion of what to try next. */
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
