/**
 * Translates the messages of a failing `ssh` into a reason, a detail and a hint. Only this file and `sshLog.ts` know the texts
 * of OpenSSH, which are always in English.
 */
import { RemoteConnectionError, type RemoteConnectionReason } from "@effect-remote/core/RemoteError"
import type * as Deadline from "@effect-remote/core/unstable/Deadline"
import * as sshLog from "./sshLog.js"

/**
 * The output of an `ssh`, until now or until its end.
 *
 * @internal
 */
export interface SshOutput {
  /** The log of `ssh` itself. Rules look at this alone. */
  readonly log: string
  /** The logs of the `ssh` of each jump host, in the order of the route. */
  readonly hops: ReadonlyArray<{ readonly host: string; readonly log: string }>
  /** Stderr: banners of servers, the output of a ProxyCommand or of a jump host that ssh_config names. */
  readonly stderr: string
}

/** @internal */
export const onlyLog = (log: string): SshOutput => ({ log, hops: [], stderr: "" })

/**
 * The host to which `ssh` connects.
 *
 * @internal
 */
export interface Target {
  readonly host: string
  /** Whether its host keys are pinned. */
  readonly pinned: boolean
}

interface Rule {
  readonly pattern: RegExp
  readonly reason: RemoteConnectionReason
  readonly detail: (match: RegExpExecArray) => string
  readonly hint?: string
}

/** @internal */
export const withoutSftp = "For SFTP, sshd_config needs a line like: Subsystem sftp internal-sftp. " +
  "If the host has an SFTP server all the same, name its path with sftpServer."

/** @internal */
export const withoutCommands = "The server may allow only files or tunnels for this account. Ask its administrator."

/** @internal */
export const withoutTerminal = "PermitTTY in sshd_config, or no-pty in authorized_keys, forbids it."

/**
 * The hint for a host that does not answer in time, although `ssh` has logged in.
 *
 * @internal
 */
export const unanswered = "ssh has logged in, but the host no longer answers. Check the link. " +
  "A slow host needs a larger connectTimeout."

const beforeConnecting: ReadonlyArray<Rule> = [
  {
    pattern: /Bad configuration option: (\S+)|Unsupported option "?(\S+?)"?$/m,
    reason: "Unsupported",
    detail: (match) => `ssh does not know the option ${match[1] ?? match[2]}`,
    hint: "OpenSSH 8.7 or later is needed, and an ssh_config that it understands."
  },
  {
    pattern: /^Cannot execute command-line and remote command/m,
    reason: "Unsupported",
    detail: () => "ssh_config gives this host a RemoteCommand, which replaces every command",
    hint: "`ssh NAME COMMAND` fails with this host, too. Connect with another alias, which has no RemoteCommand."
  }
]

const hostKeys: ReadonlyArray<Rule> = [
  {
    pattern: /REVOKED HOST KEY|is marked as revoked|has been revoked/,
    reason: "HostKeyRevoked",
    detail: () => "the server's host key is revoked",
    hint: "The private half of the key may be compromised. Ask the administrator of the host."
  },
  {
    pattern: /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed/,
    reason: "HostKeyMismatch",
    detail: () => "the server has another host key than the known one",
    hint: "Either the host was reinstalled or another machine intercepts the connection." +
      " If it was reinstalled: ssh-keygen -R HOST, and add the new key."
  },
  {
    pattern: /No (\S+) host key is known for (.*) and you have requested strict checking/,
    reason: "HostKeyUnknown",
    detail: (match) => `the ${match[1]} host key of ${match[2]} is not known`,
    hint:
      "Add it with ssh-keyscan after comparing its fingerprint, pin it with hostKeys, or set hostKeys: \"accept-new\"."
  },
  {
    pattern: /Host key verification failed/,
    reason: "HostKeyUnknown",
    detail: () => "the server's host key is not known",
    hint:
      "Add it with ssh-keyscan after comparing its fingerprint, pin it with hostKeys, or set hostKeys: \"accept-new\"."
  }
]

const takes = (methods: string): string => `the server refused to log in; it takes ${methods.split(",").join(", ")}`

// A key that is given as text is in a file of the private directory.
const shownKey = (path: string): string => /\/effect-remote-\w+\/key-\d+$/.test(path) ? "given as `key`" : path

const login: ReadonlyArray<Rule> = [
  {
    pattern: /^Load key "([^"\n]*)": ((?:bad permissions|Permission denied)[^\n]*)[^]*?Permission denied \(([^)]*)\)/m,
    reason: "AuthenticationFailed",
    detail: (match) => `${takes(match[3]!)}; ssh could not use the key ${shownKey(match[1]!)}: ${match[2]}`,
    hint: "A private key must be readable by its owner alone: chmod 600 KEY."
  },
  {
    pattern: /^Load key "([^"\n]*)": ([^\n]*)[^]*?Permission denied \(([^)]*)\)/m,
    reason: "AuthenticationFailed",
    detail: (match) => `${takes(match[3]!)}; ssh could not use the key ${shownKey(match[1]!)}: ${match[2]}`,
    hint: "Check that it is a whole private key, in the format of OpenSSH or PEM."
  },
  {
    pattern: /Permission denied \(([^)]*(?:password|keyboard-interactive)[^)]*)\)/,
    reason: "AuthenticationFailed",
    detail: (match) => takes(match[1]!),
    hint: "Check the username, and that the key or password is the right one: ssh -v shows what is offered. " +
      "If the server asks for a password or a code, pass `password` or `answer`."
  },
  {
    pattern: /Permission denied \(([^)]*)\)|Too many authentication failures|Permission denied, please try again/,
    reason: "AuthenticationFailed",
    detail: (match) =>
      match[1] === undefined
        ? "the server refused to log in"
        : takes(match[1]),
    hint: "Check the username, and that the key or password is the right one: ssh -v shows what is offered."
  },
  {
    pattern: /Unable to negotiate with .*: (no matching [^.]*)/,
    reason: "NegotiationFailed",
    detail: (match) => `client and server have nothing in common: ${match[1]}`,
    hint:
      "The server is old or strict. Its offer can be allowed in ssh_config (HostKeyAlgorithms, Ciphers, KexAlgorithms)."
  }
]

const network: ReadonlyArray<Rule> = [
  {
    pattern: /Could not resolve hostname ([^:]*): (.*)/,
    reason: "Unreachable",
    detail: (match) => `the name ${match[1]} does not resolve: ${match[2]}`,
    hint: "Is the name spelled right, and is there a name server?"
  },
  {
    pattern: /Connection timed out during banner exchange/,
    reason: "TimedOut",
    detail: () => "the connection was accepted, but no SSH server answered",
    hint: "Is it the port of an SSH server?"
  },
  {
    pattern: /connect to (?:host|address) (\S+) port (\d+): (Connection timed out|Operation timed out)/,
    reason: "TimedOut",
    detail: (match) => `connecting to ${match[1]} port ${match[2]} timed out`,
    hint: "Is the host up, and does a firewall let port and address through?"
  },
  {
    pattern: /connect to (?:host|address) (\S+) port (\d+): (.*)/,
    reason: "Unreachable",
    detail: (match) => `no connection to ${match[1]} port ${match[2]}: ${match[3]}`,
    hint: "Is the host up, and does its SSH server listen on that port?"
  }
]

// Text that a server sent in place of its identification. It may be anything: no other rule looks at it.
const identifications: ReadonlyArray<Rule> = [
  {
    pattern: /^banner line \d+: Not allowed at this time/m,
    reason: "ServerBusy",
    detail: () => "the server does not allow connections from this address at this time",
    hint:
      "After failed logins sshd refuses an address for some seconds, at most minutes (PerSourcePenalties in sshd_config)."
  },
  {
    pattern: /^banner line \d+: Exceeded MaxStartups/m,
    reason: "ServerBusy",
    detail: () => "the server has too many connections that are not logged in yet",
    hint: "MaxStartups in sshd_config limits them. Fewer connections at the same time help, too."
  },
  {
    pattern: /^banner line 0: (.*)/m,
    reason: "Unreachable",
    detail: (match) => `the server sent something other than an SSH identification: ${match[1]}`,
    hint: "Is it the port of an SSH server?"
  }
]

const closings: ReadonlyArray<Rule> = [
  {
    pattern: /(?:kex_exchange_identification|banner exchange|ssh_exchange_identification): (.*)/,
    reason: "Unreachable",
    detail: (match) => `the connection was closed before it began: ${match[1]}`,
    hint: "Is it an SSH server? A busy one (MaxStartups) or a ban (fail2ban) drops connections like this, too."
  }
]

// A jump host connects to the next one.
const forwardings: ReadonlyArray<Rule> = [
  {
    pattern: /^channel \d+: open failed: (administratively prohibited.*)/m,
    reason: "ChannelRefused",
    detail: (match) => `it does not forward the connection: ${match[1]}`,
    hint: "sshd_config of the jump host must allow it: AllowTcpForwarding, PermitOpen."
  },
  {
    pattern: /^channel \d+: open failed: (?:connect failed: )?(.*)/m,
    reason: "Unreachable",
    detail: (match) => `it could not connect to the next host: ${match[1]}`,
    hint: "Does the name of the next host resolve there, and does an SSH server listen on its port?"
  },
  {
    pattern: /^stdio forwarding failed/m,
    reason: "Unreachable",
    detail: () => "it could not connect to the next host",
    hint: "Does the name of the next host resolve there, and does an SSH server listen on its port?"
  }
]

const channels: ReadonlyArray<Rule> = [
  {
    pattern: /subsystem request failed on channel/,
    reason: "ChannelRefused",
    detail: () => "the server has no such subsystem",
    hint: withoutSftp
  },
  {
    pattern: /(?:exec|shell) request failed on channel/,
    reason: "ChannelRefused",
    detail: () => "the server does not run commands for this account",
    hint: withoutCommands
  },
  {
    pattern: /^PTY allocation request failed on channel/m,
    reason: "ChannelRefused",
    detail: () => "the server does not allow a pseudo-terminal",
    hint: withoutTerminal
  },
  {
    pattern: /^channel \d+: open failed: (.*)/m,
    reason: "ChannelRefused",
    detail: (match) => `the server opened no session: ${match[1]}`,
    hint: "Does the account allow sessions? MaxSessions in sshd_config limits the sessions of one connection."
  }
]

const losses: ReadonlyArray<Rule> = [
  {
    pattern: /Timeout, server (.*) not responding/,
    reason: "ConnectionLost",
    detail: () => "the server stopped answering"
  },
  {
    pattern:
      /Connection to \S+ closed by remote host|client_loop: .*|Connection (?:closed|reset) by .*|Received disconnect from .*|.*: Broken pipe|Connection corrupted|packet_write_.*/,
    reason: "ConnectionLost",
    detail: (match) => `the connection was lost: ${match[0]}`
  }
]

// In order of precedence: an earlier rule is closer to the cause.
const loginRules = [...beforeConnecting, ...hostKeys, ...login, ...network]
const laterRules = [...closings, ...channels, ...losses]

// A server's banner may have longer ones.
const longestLine = 500

/**
 * The last lines of a text, cut to a length for people.
 *
 * @internal
 */
export const shorten = (lines: ReadonlyArray<string>): string =>
  lines.slice(-20).map((line) => line.slice(0, longestLine)).join("\n")

// With its disconnect message a server may send any text, of several lines. No rule may match in that text, except the limit
// on logins, which has no other sign.
const ownWords = (output: string): string => {
  const goodbye = /^Received disconnect from \S+ port \d+:\d+:( Too many authentication failures$)?/m.exec(output)
  return goodbye === null ? output : output.slice(0, goodbye.index + goodbye[0].length)
}

interface Finding {
  readonly reason: RemoteConnectionReason
  readonly detail: string
  readonly hint?: string | undefined
  /** The type and the fingerprint of the host key that the server showed. */
  readonly hostKey?: string | undefined
}

const find = (rules: ReadonlyArray<Rule>, text: string): Finding | undefined => {
  for (const { detail, hint, pattern, reason } of rules) {
    const match = pattern.exec(text)
    if (match !== null) return { reason, detail: detail(match), hint }
  }
  return undefined
}

const isSent = (line: string): boolean => line.startsWith("banner line ")

const findInLog = (log: string, first: ReadonlyArray<Rule> = []): Finding | undefined => {
  const all = sshLog.readable(log)
  const own = ownWords(shorten(all.filter((line) => !isSent(line))))
  const found = find([...first, ...loginRules], own) ??
    (sshLog.hasIdentified(log) ? undefined : find(identifications, shorten(all.filter(isSent)))) ??
    find(laterRules, own)
  return found && { ...found, hostKey: sshLog.hostKeyOf(log) }
}

// The text of `ssh` for a connection through a ProxyCommand or a jump host. The next `ssh` of the route says why it ended.
const isProxied = (log: string): boolean =>
  !sshLog.hasIdentified(log) &&
  sshLog.readable(log).some((line) => !isSent(line) && /\bUNKNOWN port \d/.test(line))

const withoutWord: Finding = {
  reason: "Unreachable",
  detail: "the way to the host ended before the host answered",
  hint: "Does the ProxyCommand or ProxyJump of ssh_config work by itself? `ssh -v` shows how it is run."
}

// Lines of `ssh` end in CR LF, and those of most other programs in LF alone.
const linesOfSsh = (stderr: string): string => [...stderr.matchAll(/^.*\r$/gm)].join("\n")

const onTheWay = ({ hops, stderr }: SshOutput): Finding => {
  for (const { host, log } of hops) {
    if (isProxied(log)) continue
    const found = findInLog(log, forwardings)
    if (found !== undefined) return { ...found, detail: `jump host ${host}: ${found.detail}` }
  }
  const words = linesOfSsh(stderr)
  const found = findInLog(words, forwardings)
  if (found === undefined) return withoutWord
  const account = /^(\S{1,300}): Permission denied/m.exec(sshLog.lines(words).join("\n"))?.[1]
  return { ...found, detail: `jump host ${account ?? "of ssh_config"}: ${found.detail}` }
}

/**
 * All that was said, for people: other programs and servers first, then each `ssh` in the order of the route.
 *
 * @internal
 */
export const readable = ({ hops, log, stderr }: SshOutput): string =>
  shorten([stderr, ...hops.map(({ log }) => log), log].flatMap(sshLog.readable))

const failure = ({ host, pinned }: Target, output: string, finding: Finding): RemoteConnectionError => {
  const { detail, hint, hostKey, reason } = finding
  const shown = hostKey === undefined ? "" : ` (it showed ${hostKey})`
  if (pinned && (reason === "HostKeyUnknown" || reason === "HostKeyMismatch")) {
    return new RemoteConnectionError({
      reason: "HostKeyMismatch",
      host,
      output,
      detail: `the server's host key does not match a pinned key${shown}`,
      hint:
        "Another machine may answer in its place. If the pin is that of another key type, pin the fingerprint of the type " +
        "that the server prefers, usually ED25519."
    })
  }
  return new RemoteConnectionError({
    reason,
    host,
    output,
    detail: reason === "HostKeyUnknown" ? detail + shown : detail,
    hint
  })
}

interface Delay {
  readonly detail: string
  readonly hint: string
}

const delayIn = (step: sshLog.Step): Delay => {
  switch (step._tag) {
    case "Starting":
      return {
        detail: "ssh had not begun to connect",
        hint: "Does the name server answer, and do the commands of `Match exec` in ssh_config end?"
      }
    case "Proxying":
      return {
        detail: "the host had not answered through the ProxyCommand or jump host",
        hint: "Does the way to the host work by itself? `ssh -v` shows how it is run."
      }
    case "Connecting":
      return {
        detail: `no answer came from ${step.address}`,
        hint: "Is the host up, and does a firewall let port and address through?"
      }
    case "Identifying":
      return {
        detail: "the connection was accepted, but no SSH server answered",
        hint: "Is it the port of an SSH server?"
      }
    case "ExchangingKeys":
      return {
        detail: `${step.server} answered, but the exchange of keys did not end`,
        hint: "Is the host under load? If large packets are lost on the way, a smaller MTU helps."
      }
    case "Authenticating":
      return {
        detail: `the server had not decided on the login${step.method === undefined ? "" : ` by ${step.method}`}`,
        hint: "Does the server wait for a person (a second factor, a page to open) or for its own directory service?"
      }
    case "LoggedIn":
      return {
        detail: "ssh had logged in, but the shell of this machine did not report it",
        hint: "ssh runs LocalCommand by the program that the variable SHELL names: is it a shell?"
      }
  }
}

// The jump host that does not go on: the first on the route that has not logged in.
const delay = ({ hops, log }: SshOutput): Delay => {
  const step = sshLog.stepOf(log)
  if (step._tag !== "Proxying") return delayIn(step)
  const slow = hops.find(({ log }) => sshLog.stepOf(log)._tag !== "LoggedIn")
  const last = hops.at(-1)
  if (slow !== undefined) {
    const { detail, hint } = delayIn(sshLog.stepOf(slow.log))
    return { detail: `jump host ${slow.host}: ${detail}`, hint }
  }
  return last === undefined
    ? delayIn(step)
    : {
      detail: `jump host ${last.host} had logged in, but the next host had not answered`,
      hint: "Is the host up, and does the jump host reach it?"
    }
}

// The log of the last `ssh` does not explain the failure of another one on the route.
const findHidden = (found: Finding | undefined, output: SshOutput): Finding | undefined => {
  if (!isProxied(output.log)) return undefined
  if (found?.reason === "TimedOut") return { reason: "TimedOut", ...delay(output) }
  return found === undefined || found.reason === "Unreachable" || found.reason === "ConnectionLost"
    ? onTheWay(output)
    : undefined
}

/**
 * Why an `ssh` ended before it had logged in.
 *
 * @internal
 */
export const diagnose = (target: Target, output: SshOutput, otherwise: string): RemoteConnectionError => {
  const found = findInLog(output.log)
  const hidden = findHidden(found, output)
  return failure(
    // Pins are those of the target. A jump host has its own.
    { ...target, pinned: target.pinned && hidden === undefined },
    readable(output),
    hidden ?? found ?? { reason: "Unknown", detail: otherwise }
  )
}

/**
 * Why a session or a connection ended after the login, from the log and the stderr after that. `ssh` writes its last line to
 * stderr alone.
 *
 * @internal
 */
export const diagnoseLoss = (host: string, log: string, otherwise: string, stderr = ""): RemoteConnectionError => {
  const lines = sshLog.readable(`${sshLog.afterLogin(log)}\n${linesOfSsh(stderr)}`)
  const own = ownWords(shorten(lines))
  return failure(
    { host, pinned: false },
    shorten(lines),
    find([...channels, ...losses], own) ?? { reason: "Unknown", detail: otherwise }
  )
}

/**
 * The step of a login that takes too long, and what was said until then.
 *
 * @internal
 */
export const explainDelay = (output: SshOutput): Deadline.Explanation => {
  const { detail, hint } = delay(output)
  return { step: detail, hint: `${hint} A slow host needs a larger connectTimeout.`, output: readable(output) }
}
