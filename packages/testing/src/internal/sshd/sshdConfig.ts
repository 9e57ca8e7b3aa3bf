import * as path from "node:path"
import { quote } from "./loginScript.js"
import type { Settings } from "./server.js"

const has = (lines: ReadonlyArray<string>, keyword: string): boolean =>
  lines.some((line) => new RegExp(`^\\s*${keyword}[\\s=]`, "i").test(line))

const quoted = (name: string): string => `"${name}"`

/**
 * The text of an `sshd_config`. The first value of a keyword wins in `sshd`, so `config` comes first; its `Match` blocks
 * come last, since they swallow what follows.
 *
 * @internal
 */
export const sshdConfig = (
  settings: Settings,
  options: { readonly port: number; readonly penalties: boolean; readonly loginScriptFile: string | undefined }
): string => {
  const lines = settings.config.join("\n").split("\n")
  const matchAt = lines.findIndex((line) => /^\s*match\s/i.test(line))
  const first = matchAt < 0 ? lines : lines.slice(0, matchAt)
  const last = matchAt < 0 ? [] : lines.slice(matchAt)
  const { loginScriptFile } = options
  const forced = loginScriptFile === undefined ? settings.forceCommand : `exec /bin/sh ${quote(loginScriptFile)}`
  const variables = [
    settings.mark.join("="),
    // the account's own shell runs the script, and must not read startup files
    ...(loginScriptFile === undefined ? [] : [quoted(`HOME=${settings.directory}`)])
  ].join(" ")

  return [
    // only the first SetEnv counts
    ...first.map((line) => /^\s*setenv\s/i.test(line) ? `${line} ${variables}` : line),
    ...(has(first, "SetEnv") ? [] : [`SetEnv ${variables}`]),
    "ListenAddress 127.0.0.1",
    `Port ${options.port}`,
    `HostKey ${quoted(settings.hostKey.privateKeyFile)}`,
    `AuthorizedKeysFile ${quoted(path.join(settings.directory, "authorized_keys").replace(/%/g, "%%"))}`,
    "PidFile none",
    "UsePAM no",
    // the keys are in a temporary directory, which others may write to
    "StrictModes no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    "PrintMotd no",
    "PrintLastLog no",
    "X11Forwarding no",
    "LogLevel VERBOSE",
    // the exchange that quantum computers cannot break costs a tenth of a second, and here nobody listens
    ...(has(first, "KexAlgorithms") ? [] : ["KexAlgorithms curve25519-sha256,ecdh-sha2-nistp256"]),
    `MaxSessions ${settings.maxSessions}`,
    `MaxStartups ${settings.maxStartups}`,
    `AllowTcpForwarding ${settings.allowTcpForwarding ? "yes" : "no"}`,
    // tests fail to log in on purpose, and all come from one address
    ...(options.penalties ? ["PerSourcePenalties no"] : []),
    ...(settings.sftp === undefined || has(lines, "Subsystem") ? [] : [`Subsystem sftp ${settings.sftp}`]),
    ...(forced === undefined ? [] : [`ForceCommand ${forced}`]),
    ...last,
    ""
  ].join("\n")
}
