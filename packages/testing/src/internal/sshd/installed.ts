import * as Effect from "effect/Effect"
import * as path from "node:path"
import { SshdError } from "../../SshdError.js"
import * as executables from "./executables.js"

// seldom in PATH
const sshdDirectories = ["/usr/sbin", "/usr/local/sbin", "/sbin", "/usr/bin", "/opt/homebrew/sbin", "/opt/local/sbin"]

const sftpServerDirectories = [
  "/usr/lib/openssh",
  "/usr/libexec/openssh",
  "/usr/lib/ssh",
  "/usr/libexec",
  "/usr/lib/misc",
  "/usr/local/libexec",
  "/opt/homebrew/libexec"
]

/**
 * Explains how to install OpenSSH's server.
 *
 * @internal
 */
export const hint = "install OpenSSH's server: apt-get install openssh-server, dnf install openssh-server, " +
  "apk add openssh-server"

const find = (
  name: string,
  directories: ReadonlyArray<string>,
  error: Pick<SshdError, "reason" | "hint">
): Effect.Effect<string, SshdError> =>
  Effect.flatten(executables.find(name, directories)).pipe(
    Effect.mapError(() =>
      new SshdError({
        ...error,
        detail: path.isAbsolute(name)
          ? `the program ${name} does not exist`
          : `${name} is not installed (searched ${[...directories, "PATH"].join(", ")})`
      })
    )
  )

/** @internal */
export const sshd = (name: string): Effect.Effect<string, SshdError> =>
  find(name, sshdDirectories, {
    reason: "NotFound",
    hint: `${hint}; or use the embedded server: { kind: "embedded" } or EFFECT_REMOTE_SSHD=embedded`
  })

// An sshd with a prefix of its own brings the sftp-server of its version.
const besideSshd = (sshd: string) =>
  ["lib/openssh", "libexec/openssh", "lib/ssh", "libexec"].map((name) => path.join(path.dirname(sshd), "..", name))

/**
 * The `sftp-server` of the same prefix as an `sshd`, or else the installed one.
 *
 * @internal
 */
export const sftpServer = (sshd: string | undefined): Effect.Effect<string, SshdError> =>
  find("sftp-server", [...(sshd === undefined ? [] : besideSshd(sshd)), ...sftpServerDirectories], {
    reason: "SftpServerNotFound",
    hint: `${hint}; or do without SFTP: { sftp: "none" }`
  })

/** @internal */
export const sshKeygen: Effect.Effect<string, SshdError> = find("ssh-keygen", [], {
  reason: "SshKeygenNotFound",
  hint: "install OpenSSH's client: apt-get install openssh-client, dnf install openssh-clients"
})

/** @internal */
export const shell = (name: string): Effect.Effect<string, SshdError> =>
  find(name, [], { reason: "ShellNotFound", hint: `install it: apt-get install ${path.basename(name)}` })
