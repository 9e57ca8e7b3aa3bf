/**
 * The `ssh_config` of one host, generated: explicit settings first (the first value wins in OpenSSH), then the user's own
 * configuration, then defaults of ours.
 */
import type { JumpHost, RemoteHost } from "@effect-remote/core/RemoteHost"
import * as Duration from "effect/Duration"
import * as sshLog from "./sshLog.js"

// Quoted for `argv_split` of OpenSSH. In paths a percent sign begins a token.
const quoted = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`
const path = (text: string): string => quoted(text.replace(/%/g, "%%"))

const yesNo = (value: boolean): string => value ? "yes" : "no"

/**
 * The files that go with a host's configuration.
 *
 * @internal
 */
export interface Files {
  /** Names the file that holds pinned public keys. */
  readonly pinnedKeys: string
  /** Names the script that answers for pinned fingerprints. */
  readonly pinnedFingerprints: string
  /** Names the file with the text of a given key. */
  readonly key: string
}

/** @internal */
export const pins = (host: JumpHost): { readonly keys: Array<string>; readonly fingerprints: Array<string> } => {
  const pinned = typeof host.hostKeys === "object" ? host.hostKeys.pinned : []
  return {
    keys: pinned.filter((pin) => !pin.startsWith("SHA256:")),
    fingerprints: pinned.filter((pin) => pin.startsWith("SHA256:")).map((pin) => pin.replace(/=$/, ""))
  }
}

const trust = (host: JumpHost, files: Files): ReadonlyArray<string> => {
  const known = host.knownHostsFile === undefined
    ? []
    : [`UserKnownHostsFile ${path(host.knownHostsFile)}`, "GlobalKnownHostsFile /dev/null"]
  switch (host.hostKeys) {
    case "strict":
      return ["StrictHostKeyChecking yes", ...known]
    case "accept-new":
      return ["StrictHostKeyChecking accept-new", ...known]
    case "config":
      return known
    case "off":
      return ["StrictHostKeyChecking no", "UserKnownHostsFile /dev/null", "GlobalKnownHostsFile /dev/null"]
  }
  const { fingerprints, keys } = pins(host)
  return [
    "StrictHostKeyChecking yes",
    "GlobalKnownHostsFile /dev/null",
    `UserKnownHostsFile ${keys.length === 0 ? "/dev/null" : path(files.pinnedKeys)}`,
    ...(fingerprints.length === 0
      ? ["KnownHostsCommand none"]
      : [`KnownHostsCommand /bin/sh ${path(files.pinnedFingerprints)} %f %t %K`]),
    "CheckHostIP no",
    "UpdateHostKeys no",
    "VerifyHostKeyDNS no"
  ]
}

const keys = (host: JumpHost, files: Files): ReadonlyArray<string> => {
  const key = host.key === undefined ? host.keyFile : files.key
  const { identitiesOnly = key === undefined ? undefined : true } = host
  return [
    ...(key === undefined ? [] : [`IdentityFile ${path(key)}`]),
    ...(identitiesOnly === undefined ? [] : [`IdentitiesOnly ${yesNo(identitiesOnly)}`]),
    // An agent would keep the key when this program has ended.
    ...(host.passphrase === undefined && host.key === undefined ? [] : ["AddKeysToAgent no"])
  ]
}

// Which prompts `ssh` passes to SSH_ASKPASS. A password is given once. The second prompt for a passphrase shows that the first
// answer was wrong.
const prompts = ({ answer, passphrase, password }: JumpHost): ReadonlyArray<string> => {
  if (answer !== undefined) return ["BatchMode no", "NumberOfPasswordPrompts 3"]
  if (password !== undefined) return ["BatchMode no", "NumberOfPasswordPrompts 1"]
  return passphrase === undefined
    ? ["BatchMode yes"]
    : ["BatchMode no", "NumberOfPasswordPrompts 2", "KbdInteractiveAuthentication no", "PasswordAuthentication no"]
}

/**
 * Settings for each connection to the host, as the destination or as a jump host.
 *
 * @internal
 */
export const endpoint = (host: JumpHost, files: Files): ReadonlyArray<string> => [
  ...(host.username === undefined ? [] : [`User ${quoted(host.username)}`]),
  ...(host.port === undefined ? [] : [`Port ${host.port}`]),
  ...keys(host, files),
  ...trust(host, files),
  ...prompts(host)
]

// Overrides interactive settings of the user's configuration.
const isolation: ReadonlyArray<string> = [
  "ControlMaster no",
  "ControlPath none",
  "ControlPersist no",
  "ClearAllForwardings yes",
  "RequestTTY no",
  "PermitLocalCommand no",
  "BatchMode yes",
  "ForkAfterAuthentication no",
  "StdinNull no",
  "SessionType default",
  "ForwardX11 no",
  "Tunnel no",
  "EscapeChar none",
  // for the hops of a ProxyJump in the user's configuration, whose failures must have words
  "LogLevel INFO",
  `LogVerbose ${sshLog.verbose}`
]

/** @internal */
export const destination = (host: RemoteHost): ReadonlyArray<string> => [
  // A second less than our own limit, so that the words of `ssh` come first.
  `ConnectTimeout ${Math.max(1, Math.ceil(Duration.toSeconds(host.connectTimeout)) - 1)}`,
  ...(host.keepAlive === undefined
    ? []
    : host.keepAlive === "off"
    ? ["ServerAliveInterval 0"]
    : [
      `ServerAliveInterval ${Math.ceil(Duration.toSeconds(host.keepAlive.interval))}`,
      `ServerAliveCountMax ${host.keepAlive.count}`
    ]),
  ...(host.forwardAgent === undefined ? [] : [`ForwardAgent ${yesNo(host.forwardAgent)}`]),
  ...(host.compression === undefined ? [] : [`Compression ${yesNo(host.compression)}`])
]

const defaults: ReadonlyArray<string> = [
  "ServerAliveInterval 15",
  "ServerAliveCountMax 3",
  // Since OpenSSH 10.1 all traffic would be marked as urgent (EF), also that of large files.
  "IPQoS none"
]

/**
 * Defaults for the host alone. With a pinned fingerprint the server shall not show a certificate, which has another
 * fingerprint type for `KnownHostsCommand`. A pinned key matches the key in a certificate.
 *
 * @internal
 */
export const hostDefaults = (host: JumpHost): ReadonlyArray<string> =>
  pins(host).fingerprints.length === 0 ? [] : ["HostKeyAlgorithms -*-cert-v01@openssh.com"]

// A pattern that matches only this name. Host names do not contain `*` or `?`, and a leading `!` would negate.
const pattern = (host: string): string => quoted(host.replace(/[*?!]/g, "?"))

/**
 * The text of the file. The explicit settings and `hostFallback` apply to the host alone: OpenSSH passes the file on to the
 * hops of a `ProxyJump` in the user's configuration. Isolation and defaults may apply to those too.
 *
 * @internal
 */
export const render = (
  host: string,
  userConfig: string | undefined,
  explicit: ReadonlyArray<string>,
  hostFallback: ReadonlyArray<string>
): string =>
  [
    `Match originalhost ${pattern(host)}`,
    ...explicit,
    "Host *",
    ...isolation,
    ...(userConfig === undefined
      ? ["Include ~/.ssh/config", "Include /etc/ssh/ssh_config"]
      : userConfig === "none"
      ? []
      : [`Include ${quoted(userConfig)}`]),
    `Match originalhost ${pattern(host)}`,
    ...hostFallback,
    "Host *",
    ...defaults,
    ""
  ].join("\n")
