/**
 * Translates the messages of a failing `ssh` into a reason, a detail and a hint. Only this file knows the texts of OpenSSH,
 * which are always in English.
 */
import { RemoteConnectionError, type RemoteConnectionReason } from "@effect-remote/core/RemoteError"

interface Rule {
  readonly pattern: RegExp
  readonly reason: RemoteConnectionReason
  readonly detail: (match: RegExpExecArray) => string
  readonly hint?: string
}

/** @internal */
export const withoutSftp = "For SFTP, sshd_config needs a line like: Subsystem sftp internal-sftp. " +
  "If the host has an SFTP server all the same, name its path with sftpServer."

/**
 * The hint for a host that does not answer in time.
 *
 * @internal
 */
export const slowHost = "Is the host up and reachable? A slow one needs a larger connectTimeout."

const beforeConnecting: ReadonlyArray<Rule> = [
  {
    pattern: /Bad configuration option: (\S+)|Unsupported option "?(\S+?)"?$/m,
    reason: "Unsupported",
    detail: (match) => `ssh does not know the option ${match[1] ?? match[2]}`,
    hint: "OpenSSH 8.7 or later is needed, and an ssh_config that it understands."
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

const login: ReadonlyArray<Rule> = [
  {
    pattern: /Permission denied \(([^)]*)\)|Too many authentication failures|Permission denied, please try again/,
    reason: "AuthenticationFailed",
    detail: (match) =>
      match[1] === undefined
        ? "the server refused to log in"
        : `the server refused to log in; it takes ${match[1].split(",").join(", ")}`,
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
    hint: "Is it the right port?"
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
  },
  {
    pattern: /(?:kex_exchange_identification|banner exchange|ssh_exchange_identification): (.*)/,
    reason: "Unreachable",
    detail: (match) => `the connection was closed before it began: ${match[1]}`,
    hint: "Is it an SSH server? A busy one (MaxStartups) or a ban (fail2ban) drops connections like this, too."
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
    detail: () => "the server does not run commands for this account"
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
const rules = [...beforeConnecting, ...hostKeys, ...login, ...network, ...channels, ...losses]

// Debug lines of `-v`, and notices that never explain a failure.
const chatter = /^(?:debug\d: |OpenSSH_|Authenticated to |Transferred: |Bytes per second: |Warning: Permanently added )/

// A server's banner may have longer ones.
const longestLine = 500

/**
 * The last lines of a log that may explain a failure.
 *
 * @internal
 */
export const readable = (log: string): string =>
  log.split(/\r?\n/)
    .filter((line) => line.trim().length > 0 && !chatter.test(line))
    .slice(-20)
    .map((line) => line.slice(0, longestLine))
    .join("\n")

// With its disconnect message a server may send any text, of several lines. No rule may match in that text, except the limit
// on logins, which has no other sign.
const ownWords = (output: string): string => {
  const goodbye = /^Received disconnect from \S+ port \d+:\d+:( Too many authentication failures$)?/m.exec(output)
  return goodbye === null ? output : output.slice(0, goodbye.index + goodbye[0].length)
}

/** @internal */
export const diagnose = (host: string, log: string, otherwise: string, pinned: boolean): RemoteConnectionError => {
  const output = readable(log)
  const own = ownWords(output)
  for (const { detail, hint, pattern, reason } of rules) {
    const match = pattern.exec(own)
    if (match === null) continue
    return pinned && reason === "HostKeyUnknown"
      ? new RemoteConnectionError({
        reason: "HostKeyMismatch",
        host,
        output,
        detail: "the server's host key does not match a pinned key",
        hint: "Pin the fingerprint of the key type that the server prefers, usually ED25519."
      })
      : new RemoteConnectionError({ reason, host, output, detail: detail(match), hint })
  }
  return new RemoteConnectionError({ reason: "Unknown", host, output, detail: otherwise })
}
