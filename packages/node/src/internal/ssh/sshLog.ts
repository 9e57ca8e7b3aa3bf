/**
 * The log that `ssh` writes to its file (`-E`): its own lines alone. Banners of servers, the output of a ProxyCommand and
 * that of LocalCommand go to stderr.
 */

/**
 * `LogVerbose` adds the steps of the login, and the reason of a connection that was closed before it began: newer clients log
 * that reason at a higher level alone.
 *
 * @internal
 */
export const verbose = "kex.c:kex_exchange_identification*,sshconnect.c:*,sshconnect2.c:*"

/**
 * The options for a log that grows only until the login and by failures.
 *
 * @internal
 */
export const levels: ReadonlyArray<string> = ["-o", "LogLevel=INFO", "-o", `LogVerbose=${verbose}`]

// `LogVerbose` puts the place in the source before each line: `debug1: kex.c:kex_exchange_identification():1347 (pid=7): `.
const place = /^(debug\d: )?[\w-]{1,40}\.c:(\w{1,60})\(\):\d+ \([^\r\n]{0,300}?pid=\d+\): /

const identification = "kex_exchange_identification"

const withoutPlace = (line: string): string =>
  line.replace(place, (_, level = "", name) => name === identification ? `${level}${name}: ` : level)

/**
 * The lines of a log as `ssh` writes them without `LogVerbose`.
 *
 * @internal
 */
export const lines = (log: string): ReadonlyArray<string> => log.split(/\r?\n/).map(withoutPlace)

/**
 * The step of a login. `ssh` has no words for a step that lasts.
 *
 * @internal
 */
export type Step =
  | { readonly _tag: "Starting" }
  | { readonly _tag: "Proxying" }
  | { readonly _tag: "Connecting"; readonly address: string }
  | { readonly _tag: "Identifying" }
  | { readonly _tag: "ExchangingKeys"; readonly server: string }
  | { readonly _tag: "Authenticating"; readonly method: string | undefined }
  | { readonly _tag: "LoggedIn" }

const transitions: ReadonlyArray<readonly [RegExp, (match: RegExpExecArray) => Step]> = [
  [/^debug1: Executing proxy command: /, () => ({ _tag: "Proxying" })],
  [/^debug1: Connecting to (.*?)\.?$/, ([, address]) => ({ _tag: "Connecting", address: address! })],
  [/^debug1: Connection established/, () => ({ _tag: "Identifying" })],
  [
    /^debug1: (?:kex_exchange_identification: )?Remote protocol version [^,]*, remote software version (.*)$/,
    ([, server]) => ({ _tag: "ExchangingKeys", server: server! })
  ],
  [/^debug1: SSH2_MSG_SERVICE_ACCEPT received/, () => ({ _tag: "Authenticating", method: undefined })],
  [/^debug1: Next authentication method: (.*)$/, ([, method]) => ({ _tag: "Authenticating", method })],
  [/^Authenticated to /, () => ({ _tag: "LoggedIn" })]
]

const stepAfter = (line: string): Step | undefined => {
  for (const [pattern, next] of transitions) {
    const match = pattern.exec(line)
    if (match !== null) return next(match)
  }
  return undefined
}

/**
 * Whether the server has sent an SSH identification.
 *
 * @internal
 */
export const hasIdentified = (log: string): boolean =>
  /(?:\(\)|pid=\d+\)|debug1|identification): Remote protocol version /.test(log)

/**
 * The name and version of the server's program, from its SSH identification. A server may send any.
 *
 * @internal
 */
export const serverOf = (log: string): string | undefined => {
  const steps = lines(log).map(stepAfter)
  return steps.find((step) => step?._tag === "ExchangingKeys")?.server
}

/**
 * The type and the fingerprint of the last host key that a server showed.
 *
 * @internal
 */
export const hostKeyOf = (log: string): string | undefined =>
  lines(log).flatMap((line) => /^debug1: Server host key: (\S{1,100} SHA256:[A-Za-z0-9+/]{43})$/.exec(line)?.[1] ?? [])
    .at(-1)

const starting: Step = { _tag: "Starting" }

/**
 * The step of the login that a log ends in.
 *
 * @internal
 */
export const stepOf = (log: string): Step => lines(log).reduce<Step>((step, line) => stepAfter(line) ?? step, starting)

/**
 * The part of a log after the login. Earlier lines do not explain a later loss.
 *
 * @internal
 */
export const afterLogin = (log: string): string => {
  const all = lines(log)
  return all.slice(all.map((line) => line.startsWith("Authenticated to ")).lastIndexOf(true) + 1).join("\n")
}

/**
 * Separates the lines of `ssh` on stderr, at LogLevel DEBUG2, from a server's banner and the output of a ProxyCommand. Only
 * lines of `ssh` are sure to end in CR LF. A banner lasts until the next debug line: an answer of the server follows it.
 *
 * @internal
 */
export const separate = (stderr: string): { readonly own: string; readonly others: string } => {
  const own: Array<string> = []
  const others: Array<string> = []
  let isBanner = false
  for (const line of stderr.split(/(?<=\n)/)) {
    if (/^debug\d: /.test(line)) isBanner = false
    ;(isBanner || !line.endsWith("\r\n") ? others : own).push(line)
    if (/^debug\d: (?:sshconnect2\.c:)?input_userauth_banner\b/.test(line)) isBanner = true
  }
  return { own: own.join(""), others: others.join("") }
}

/**
 * The options for a log on stderr that `separate` can read.
 *
 * @internal
 */
export const onStderr: ReadonlyArray<string> = [
  ...["-o", "LogLevel=DEBUG2"],
  ...["-o", "LogVerbose=sshconnect2.c:input_userauth_banner*"]
]

const unidentified = /^debug\d: (?:kex_exchange_identification: )?(banner line \d+: )/

// Debug lines, and notices that never explain a failure.
const chatter = new RegExp(
  `^(?:${
    [
      "debug\\d: ",
      "OpenSSH_",
      "Authenticated to ",
      "Transferred: ",
      "Bytes per second: ",
      "Warning: Permanently added ",
      // of OpenSSH 10.1 and later
      "\\*\\* WARNING: connection is not using a post-quantum ",
      "\\*\\* This session may be vulnerable to \"store now",
      "\\*\\* The server may need to be upgraded"
    ].join("|")
  })`
)

/**
 * The lines of a log that may explain a failure. `banner line N: ` begins what a server sent in place of its identification.
 *
 * @internal
 */
export const readable = (log: string): ReadonlyArray<string> =>
  lines(log)
    .map((line) => line.replace(unidentified, "$1"))
    .filter((line) => line.trim().length > 0 && !chatter.test(line))
