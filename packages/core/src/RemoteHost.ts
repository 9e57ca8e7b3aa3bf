/**
 * A remote machine: its address, how to connect to it and how to check its host key. Options without a default come from
 * `ssh_config`, as for `ssh HOST`. Its aliases, users, ports, keys, agents and jump hosts therefore keep working.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { ArrayFormatter, isParseError, type ParseError } from "effect/ParseResult"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as durations from "./internal/lib/duration.js"
import { RemoteConnectionError } from "./RemoteError.js"

const controls = /\p{Cc}/u

// Private keys of OpenSSH, PEM and PuTTY, also in base64 and without the first line.
const keyText = /-----BEGIN|PuTTY-User-Key-File|LS0tLS1CRUdJTi|b3BlbnNzaC1rZXkt/

const longestShown = 255

// A value given in the wrong field may be a secret: a key, or a password before an "@".
const visible = (text: string): string => {
  if (keyText.test(text)) return "(the text of a key)"
  if (text.length > longestShown) return `(${text.length} characters)`
  const at = text.lastIndexOf("@")
  return JSON.stringify(at < 0 ? text : `...${text.slice(at)}`)
}

// OpenSSH refuses these characters in names since 9.6, because ProxyCommand and `Match exec` pass names to a shell.
const checkHost = (host: string): string | undefined => {
  const shown = visible(host)
  if (host.length === 0) return "the host is empty"
  if (host.startsWith("-")) return `the host ${shown} starts with "-": ssh would read it as an option`
  if (controls.test(host) || /\s/.test(host)) return `the host ${shown} contains a space or a control character`
  if (/^ssh:\/\//i.test(host)) return `the host ${shown} is an ssh:// address: use RemoteHost.parse`
  if (host.includes("@")) {
    return `the host ${shown} contains an "@": pass the user as \`username\`, or use RemoteHost.parse`
  }
  if (host.includes(":") && !/^[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*(%.+)?$/i.test(host)) {
    return `the host ${shown} contains a ":" but is not an IPv6 address: pass a port as \`port\``
  }
  if (/['`"$\\;&<>|(){},[\]]/.test(host)) {
    return `the host ${shown} contains a character that is not allowed in a host name`
  }
  return undefined
}

const checkUsername = (username: string): string | undefined => {
  const shown = visible(username)
  if (username.length === 0) return "the username is empty"
  if (username.startsWith("-")) return `the username ${shown} starts with "-": ssh would read it as an option`
  if (controls.test(username)) return `the username ${shown} contains a control character`
  if (/['`";&<>|(){}]|\s-|\\$/.test(username)) return `the username ${shown} contains characters that ssh refuses`
  return undefined
}

const longestPath = 4095

const checkPath = (name: string, what = "a path") => (path: string): string | undefined => {
  if (path.length === 0) return `the ${name} is empty`
  if (keyText.test(path)) return `the ${name} must be ${what}, got the text of a key: pass it as \`key\``
  if (path.length > longestPath) return `the ${name} must be ${what}, got a text of ${path.length} characters`
  return controls.test(path) ? `the ${name} must be ${what}, got a text with a control character` : undefined
}

const checkServer = checkPath("SFTP server")

const checkServerWord = checkPath("SFTP server", "a program with arguments")

const checkPin = (pin: string): string | undefined =>
  /^SHA256:[A-Za-z0-9+/]{43}=?$/.test(pin) || /^[a-z0-9@.-]+ [A-Za-z0-9+/]{32,}={0,2}( [^\p{Cc}]*)?$/u.test(pin)
    ? undefined
    : `${visible(pin)} is neither a public key ("ssh-ed25519 AAAA...") nor a fingerprint ("SHA256:...")`

// `ssh` reads one line of this length from the program that answers its prompts.
const longestSecret = 1023

const checkSecret = (name: string) => (secret: string): string | undefined => {
  if (secret.length === 0) return `the ${name} is empty`
  if (/[\0\r\n]/.test(secret)) return `the ${name} contains a line break or a NUL, which ssh does not accept`
  const { length } = new TextEncoder().encode(secret)
  return length > longestSecret ? `the ${name} has ${length} bytes, and ssh takes at most ${longestSecret}` : undefined
}

const checkKey = (text: string): string | undefined => {
  const key = text.trim()
  if (key.length === 0) return "the key is empty"
  if (/^(ssh|ecdsa|sk)-\S+ AAAA/.test(key)) return "the key is a public one: `key` takes the private key"
  if (/PuTTY-User-Key-File/.test(key)) {
    return "the key has PuTTY's format: convert it with `puttygen KEY -O private-openssh`"
  }
  if (/^LS0tLS1CRUdJTi/.test(key)) return "the key is encoded in base64: decode it first"
  if (!/^-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/.test(key)) {
    return "the key is not the text of a private key, which begins with \"-----BEGIN\""
  }
  if (!/^-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----\r?\n/.test(key)) return "the key has lost its line breaks"
  return /\n-----END [A-Z0-9 ]*PRIVATE KEY-----$/.test(key)
    ? undefined
    : "the key is not complete: its last line, \"-----END ...\", is missing"
}

const checked = (check: (text: string) => string | undefined) => Schema.String.pipe(Schema.filter(check))

const Port = Schema.Number.pipe(
  Schema.filter((port) =>
    Number.isInteger(port) && port >= 1 && port <= 65535 ? undefined : `the port ${port} is not within 1..65535`
  )
)

const Timeout = Schema.Union(Schema.Duration, Schema.DurationFromSelf).pipe(
  Schema.filter((timeout) => {
    const millis = Duration.toMillis(timeout)
    return millis > 0 && millis <= 2 ** 31 - 1 ? undefined : "a time limit must be positive and below 24 days"
  })
)

const Password = Schema.Redacted(checked(checkSecret("password")))

const Passphrase = Schema.Redacted(checked(checkSecret("passphrase")))

const Key = Schema.Redacted(checked(checkKey))

/**
 * A prompt of a login. Whether the server wants the answer to be visible is not known, because `ssh` does not report it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Prompt {
  /** The host or jump host that the login is for, as `user@host:port`. */
  readonly host: string
  /**
   * The text of the prompt, at most 4,096 characters. The server chooses the text: it may contain several lines, and control
   * characters, which a terminal would obey.
   */
  readonly text: string
  /** 1 for the first time that this text is asked in a login. A higher number: the last answer was refused. */
  readonly attempt: number
}

/**
 * Answers the prompts of a login: a second factor, a new password, the PIN of a security key. An empty answer is allowed.
 * If it fails, so does the login, with reason `AuthenticationFailed` and the failure as `cause`.
 *
 * @since 0.1.0
 * @category models
 */
export type Answer = (prompt: Prompt) => Effect.Effect<Redacted.Redacted<string>, unknown>

const Answer = Schema.declare(
  (answer: unknown): answer is Answer => typeof answer === "function",
  { identifier: "Answer", description: "a function from a prompt to an effect" }
)

/**
 * How the server's host key is checked.
 *
 * - `"strict"`: the key must be known already. Default.
 * - `"accept-new"`: remembers an unknown key, refuses a changed one.
 * - `"config"`: uses `StrictHostKeyChecking` of `ssh_config`. `ssh` cannot prompt: with `ask`, it refuses an unknown key.
 * - `"off"`: accepts any key. An attacker between the machines can read and change everything.
 * - `{ pinned }`: the key must be one of these public keys (`"ssh-ed25519 AAAA..."`) or fingerprints (`"SHA256:..."`). No
 *   known_hosts file is read. If the server has keys of several types, pin the fingerprint of the one that it presents.
 *
 * @since 0.1.0
 * @category models
 */
export const HostKeys = Schema.Union(
  Schema.Literal("strict", "accept-new", "config", "off"),
  Schema.Struct({ pinned: Schema.NonEmptyArray(checked(checkPin)) })
)

/**
 * @since 0.1.0
 * @category models
 */
export type HostKeys = typeof HostKeys.Type

/**
 * A pseudo-terminal for a command: its type (`TERM`) and its size in characters.
 *
 * @since 0.1.0
 * @category models
 */
export class Pty extends Schema.Class<Pty>("@effect-remote/core/Pty")({
  term: Schema.optionalWith(checked((term) => /^[A-Za-z0-9._+-]{1,64}$/.test(term) ? undefined : "not a TERM"), {
    default: () => "xterm-256color"
  }),
  columns: Schema.optionalWith(Schema.Int.pipe(Schema.between(1, 65535)), { default: () => 80 }),
  rows: Schema.optionalWith(Schema.Int.pipe(Schema.between(1, 65535)), { default: () => 24 })
}) {}

/**
 * A host to connect through, or the base of a `RemoteHost`: address, user, port, credentials and trust.
 *
 * @since 0.1.0
 * @category models
 */
export class JumpHost extends Schema.Class<JumpHost>("@effect-remote/core/JumpHost")({
  /** A host name, an address or an alias of `ssh_config`. */
  host: checked(checkHost),
  username: Schema.optional(checked(checkUsername)),
  /** 1..65535 */
  port: Schema.optional(Port),
  /** Path of a private key, as for `ssh -i`. A leading `~/` is the home directory. */
  keyFile: Schema.optional(checked(checkPath("key file"))),
  /** The text of a private key. */
  key: Schema.optional(Key),
  /** Unlocks `key` or `keyFile`. */
  passphrase: Schema.optional(Passphrase),
  /** Offers the given key only, and none of the agent. Default: true with `key` or `keyFile`. */
  identitiesOnly: Schema.optional(Schema.Boolean),
  /** Password of the user. */
  password: Schema.optional(Password),
  /** Answers what else the login asks. */
  answer: Schema.optional(Answer),
  hostKeys: Schema.optionalWith(HostKeys, { default: () => "strict" as const }),
  /** The known_hosts file to read instead of the user's and the system's. */
  knownHostsFile: Schema.optional(checked(checkPath("known_hosts file")))
}) {
  /**
   * The host as people write it, for messages: `user@host:port`.
   *
   * @since 0.1.0
   */
  override toString(): string {
    return show(this)
  }
}

/**
 * A host to work on. Build one with `make` or `parse`; the constructor throws a `ParseError` on bad input.
 *
 * @since 0.1.0
 * @category models
 */
export class RemoteHost extends JumpHost.extend<RemoteHost>("@effect-remote/core/RemoteHost")({
  /**
   * Time limit for connecting and opening a channel. The start of a command has the same limit again. Default: 30 seconds.
   */
  connectTimeout: Schema.optionalWith(Timeout, { default: () => Duration.seconds(30) }),
  /**
   * Treats the connection as lost after `count` probes without an answer, sent `interval` apart. `"off"`: never. Default:
   * the setting of `ssh_config`, else 3 probes 15 seconds apart.
   */
  keepAlive: Schema.optional(Schema.Union(
    Schema.Literal("off"),
    Schema.Struct({
      interval: Timeout,
      count: Schema.Int.pipe(Schema.between(1, 1000))
    })
  )),
  /** Hosts to connect through, in order. Default: the setting of `ssh_config` (`ProxyJump`). */
  jumpHosts: Schema.optional(Schema.Array(JumpHost)),
  /** Lets programs on the host use the local ssh-agent. Default: the setting of `ssh_config`. */
  forwardAgent: Schema.optional(Schema.Boolean),
  /** Compresses the connection. Default: the setting of `ssh_config`. */
  compression: Schema.optional(Schema.Boolean),
  /** Gives every command a pseudo-terminal, which merges stderr into stdout and echoes stdin. Rarely useful. */
  pty: Schema.optional(Pty),
  /**
   * `"posix"`: the host's `/bin/sh` launches commands. `"none"`: sends the bare command line, for appliances without a
   * shell. Commands then have no pid, and fail with `Unsupported` if they set a working directory or an environment. An
   * interrupted command goes on. A missing program looks like a program that fails. Default: `"posix"`.
   */
  shell: Schema.optionalWith(Schema.Literal("posix", "none"), { default: () => "posix" as const }),
  /**
   * The SFTP server on the host, which is started as a command: a path, or a program with arguments. Often
   * `/usr/lib/openssh/sftp-server` or `/usr/libexec/sftp-server`. Default: the subsystem `sftp`.
   */
  sftpServer: Schema.optional(
    Schema.Union(checked(checkServer), Schema.Array(checked(checkServerWord)).pipe(Schema.minItems(1)))
  ),
  /** The `ssh_config` file to read instead of the user's and the system's. `"none"`: read none. Default: both. */
  sshConfig: Schema.optional(checked(checkPath("ssh_config file")))
}) {
  /**
   * The host as people write it, for messages: `user@host:port`.
   *
   * @since 0.1.0
   */
  override toString(): string {
    return show(this)
  }
}

/**
 * The options of `make`: the fields of `RemoteHost`, with durations and terminals in any form.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends JumpOptions {
  /**
   * Time limit for connecting and opening a channel. The start of a command has the same limit again. A number is in
   * milliseconds. Default: 30 seconds.
   */
  readonly connectTimeout?: Duration.DurationInput | undefined
  /**
   * Treats the connection as lost after `count` probes without an answer, sent `interval` apart, at least one second. A
   * number is in milliseconds. `"off"`: never. Default: the setting of `ssh_config`, else 3 probes 15 seconds apart.
   */
  readonly keepAlive?: "off" | { readonly interval: Duration.DurationInput; readonly count: number } | undefined
  /** Hosts to connect through, in order. Default: the setting of `ssh_config` (`ProxyJump`). */
  readonly jumpHosts?: ReadonlyArray<JumpOptions> | undefined
  /** Lets programs on the host use the local ssh-agent. Default: the setting of `ssh_config`. */
  readonly forwardAgent?: boolean | undefined
  /** Compresses the connection. Default: the setting of `ssh_config`. */
  readonly compression?: boolean | undefined
  /**
   * Gives every command a pseudo-terminal, which merges stderr into stdout and echoes stdin. `true`: `xterm-256color`, 80
   * columns, 24 rows. Default: none.
   */
  readonly pty?: boolean | Partial<typeof Pty.Type> | undefined
  /**
   * `"posix"`: the host's `/bin/sh` launches commands. `"none"`: sends the bare command line, for appliances without a
   * shell. Commands then have no pid, and fail with `Unsupported` if they set a working directory or an environment. An
   * interrupted command goes on. A missing program looks like a program that fails. Default: `"posix"`.
   */
  readonly shell?: "posix" | "none" | undefined
  /**
   * The SFTP server on the host, for a host without the subsystem `sftp` or for another user's files. A string is a path, often
   * `/usr/lib/openssh/sftp-server` or `/usr/libexec/sftp-server`. An array is a program with arguments, which are quoted for the
   * login shell: `["sudo", "-n", "/usr/lib/openssh/sftp-server"]` works on files as root, if `sudo` asks for no password. Do not
   * put secrets into arguments: other users of the host can see them. Default: the subsystem.
   */
  readonly sftpServer?: string | ReadonlyArray<string> | undefined
  /** The `ssh_config` file to read instead of the user's and the system's. `"none"`: read none. Default: both. */
  readonly sshConfig?: string | undefined
}

/**
 * The options of one jump host.
 *
 * @since 0.1.0
 * @category models
 */
export interface JumpOptions {
  /** Host name, address, or alias in `ssh_config`. For `user@host:port` use `parse`. */
  readonly host: string
  /** User to log in as. Default: the setting of `ssh_config`, else the local user. */
  readonly username?: string | undefined
  /** Port of the server, 1 to 65535. Default: the setting of `ssh_config`, else 22. */
  readonly port?: number | undefined
  /**
   * Path of a private key, as for `ssh -i`. A leading `~/` is the home directory. The file may be the public half if an
   * agent holds the private one. Default: the keys of `ssh_config` and of the agent.
   */
  readonly keyFile?: string | undefined
  /**
   * The text of a private key, as in its file (`-----BEGIN OPENSSH PRIVATE KEY-----`), for keys that come from a secret
   * store. `ssh` reads it from a file with mode 0600 in the private directory, which is removed with the connection. Not
   * together with `keyFile`.
   */
  readonly key?: Redacted.Redacted<string> | undefined
  /** The passphrase of `key` or `keyFile`. Without it a locked key works only if an agent holds it. */
  readonly passphrase?: Redacted.Redacted<string> | undefined
  /**
   * Offers only `key` or `keyFile`, and the keys that `ssh_config` names for the host. Other keys of the agent are not
   * offered, because a server counts each one as an attempt (`MaxAuthTries`). Default: true with `key` or `keyFile`,
   * otherwise the setting of `ssh_config`.
   */
  readonly identitiesOnly?: boolean | undefined
  /**
   * Password of the user. It answers the password prompt of this host's login, in any language, once. It reaches `ssh`
   * through a private pipe, never through an argument, an environment variable or a file.
   */
  readonly password?: Redacted.Redacted<string> | undefined
  /**
   * Answers what the login asks besides `password` and `passphrase`, such as a one-time code. With `answer`, `password` goes
   * only to prompts that ask for a password in words that are known. A server may ask three times. The time that an answer
   * takes counts for `connectTimeout`: allow more if a person types it. Each login asks again, and `layerProcess` logs in for
   * each channel. Default: prompts are not answered.
   */
  readonly answer?: Answer | undefined
  /** How to check the server's host key. Default: `"strict"`, which accepts known keys only. */
  readonly hostKeys?: HostKeys | undefined
  /** Path of the known_hosts file to read instead of the user's and the system's. */
  readonly knownHostsFile?: string | undefined
}

const show = ({ host, port, username }: JumpHost): string =>
  (username === undefined ? "" : `${username}@`) +
  (port === undefined ? host : `${host.includes(":") ? `[${host}]` : host}:${port}`)

const invalid = (host: unknown, detail: string): RemoteConnectionError =>
  new RemoteConnectionError({
    reason: "InvalidHost",
    host: typeof host === "string" && host.length > 0 ? visible(host).replace(/^"|"$/g, "") : "(no host)",
    detail
  })

const given = <A>(value: A | undefined, check: (value: A) => string | undefined): string | undefined =>
  value === undefined ? undefined : check(value)

const isText = (name: string, check: (text: string) => string | undefined) => (value: unknown): string | undefined =>
  typeof value === "string" ? check(value) : `the ${name} is not a string`

const isRedacted =
  (name: string, check: (text: string) => string | undefined) => (value: unknown): string | undefined =>
    Redacted.isRedacted(value)
      ? isText(name, check)(Redacted.value(value))
      : `the ${name} is not Redacted: wrap it with Redacted.make`

const checkKeepAlive = (keepAlive: unknown): string | undefined => {
  if (keepAlive === "off") return undefined
  if (typeof keepAlive !== "object" || keepAlive === null || !("interval" in keepAlive)) {
    return "`keepAlive` must be \"off\" or have an `interval` and a `count`"
  }
  // `ssh` counts whole seconds.
  return durations.limitProblem("keepAlive.interval", keepAlive.interval, "1 second") ??
    ("count" in keepAlive ? undefined : "`keepAlive` has no `count`: how many probes without an answer")
}

const checkSftpServer = (server: unknown): string | undefined => {
  if (!Array.isArray(server)) return isText("SFTP server", checkServer)(server)
  return server.length === 0
    ? "the SFTP server has no program"
    : server.map(isText("SFTP server", checkServerWord)).find((found) => found !== undefined)
}

const checkCredentials = ({ answer, key, keyFile, passphrase, password }: JumpOptions): string | undefined =>
  given(keyFile, isText("key file", checkPath("key file"))) ??
    given(key, isRedacted("key", checkKey)) ??
    given(passphrase, isRedacted("passphrase", checkSecret("passphrase"))) ??
    given(password, isRedacted("password", checkSecret("password"))) ??
    given(answer, () => typeof answer === "function" ? undefined : "`answer` is not a function") ??
    (key !== undefined && keyFile !== undefined ? "both `key` and `keyFile` are given: leave one out" : undefined) ??
    (passphrase !== undefined && key === undefined && keyFile === undefined
      ? "a `passphrase` is given, but neither `key` nor `keyFile`"
      : undefined)

const checkPort = (port: unknown): string | undefined => {
  if (typeof port !== "number") return `the port is not a number: ${visible(String(port))}`
  return Number.isInteger(port) && port >= 1 && port <= 65535 ? undefined : `the port ${port} is not within 1..65535`
}

const checkHostKeys = (hostKeys: HostKeys): string | undefined => {
  if (typeof hostKeys !== "object") {
    return ["strict", "accept-new", "config", "off"].includes(hostKeys)
      ? undefined
      : `\`hostKeys\` must be "strict", "accept-new", "config", "off" or { pinned }, got ${visible(String(hostKeys))}`
  }
  return Array.isArray(hostKeys.pinned)
    ? hostKeys.pinned.map(isText("pin", checkPin)).find((found) => found !== undefined)
    : "`hostKeys.pinned` is not an array"
}

const checkJumpHosts = (jumpHosts: ReadonlyArray<JumpOptions>): string | undefined =>
  Array.isArray(jumpHosts)
    ? jumpHosts.map((jump: JumpOptions) => given(problem(jump), (text) => `jump host: ${text}`)).find((text) =>
      text !== undefined
    )
    : "`jumpHosts` is not an array"

const checkPty = (pty: unknown): string | undefined =>
  typeof pty === "boolean" || typeof pty === "object"
    ? undefined
    : "`pty` is neither a boolean nor the size of a terminal"

const longestActual = 60

// The schema's own message contains all of the schema.
const schemaProblem = (error: ParseError): string => {
  const issues = ArrayFormatter.formatErrorSync(error).filter(({ message }) =>
    !message.startsWith("Expected undefined")
  )
  const name = issues[0]?.path.join(".") ?? ""
  const messages = issues.filter(({ path }) => path.join(".") === name).map(({ message }) => message)
  const parsed = messages.map((message) => /^Expected ([^]*), actual ([^]*)$/.exec(message))
  const actual = parsed[0]?.[2]
  if (actual === undefined) return `\`${name}\` is invalid: ${messages[0] ?? error.message}`
  const expected = [...new Set(parsed.flatMap((match) => match?.[1] ?? []))].join(" or ")
  const shown = keyText.test(actual)
    ? "the text of a key"
    : actual.length > longestActual
    ? `${actual.slice(0, longestActual)}...`
    : actual
  return `\`${name}\` is invalid: expected ${expected}, got ${shown}`
}

// Readable messages. The schema repeats these checks, and also checks types and ranges.
const problem = (options: JumpOptions): string | undefined =>
  isText("host", checkHost)(options.host) ??
    given(options.username, isText("username", checkUsername)) ??
    given(options.port, checkPort) ??
    given(options.knownHostsFile, isText("known_hosts file", checkPath("known_hosts file"))) ??
    checkCredentials(options) ??
    given(options.hostKeys, checkHostKeys)

const present = <A extends object>(options: A) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    readonly [K in keyof A]: Exclude<A[K], undefined>
  }

/**
 * Makes a host from options. Fails with `RemoteConnectionError` of reason `InvalidHost` if an option is invalid. An
 * `Either` is an `Effect`, so it can be yielded. Does not start a process or resolve a name.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { RemoteHost } from "@effect-remote/core"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const worker = yield* RemoteHost.make({
 *     host: "worker-01",
 *     username: "luigi",
 *     connectTimeout: "10 seconds",
 *     jumpHosts: [{ host: "bastion" }]
 *   })
 *   yield* Effect.log(`${worker}`)
 * })
 * ```
 */
export const make = (options: Options): Either.Either<RemoteHost, RemoteConnectionError> => {
  const found = problem(options) ??
    given(options.sshConfig, isText("ssh_config file", checkPath("ssh_config file"))) ??
    given(options.connectTimeout, (timeout) => durations.limitProblem("connectTimeout", timeout)) ??
    given(options.keepAlive, checkKeepAlive) ??
    given(options.sftpServer, checkSftpServer) ??
    given(options.jumpHosts, checkJumpHosts) ??
    given(options.pty, checkPty)
  if (found !== undefined) return Either.left(invalid(options.host, found))
  if (options instanceof RemoteHost) return Either.right(options)
  const { connectTimeout, jumpHosts, keepAlive, pty, ...rest } = options
  return Either.try({
    try: () =>
      new RemoteHost(present({
        ...rest,
        connectTimeout: connectTimeout === undefined ? undefined : Duration.decode(connectTimeout),
        keepAlive: typeof keepAlive === "object"
          ? { count: keepAlive.count, interval: Duration.decode(keepAlive.interval) }
          : keepAlive,
        jumpHosts: jumpHosts?.map((jump) => jump instanceof JumpHost ? jump : new JumpHost(present(jump))),
        pty: pty === undefined || pty === false ? undefined : new Pty(pty === true ? {} : pty)
      })),
    catch: (cause) => invalid(options.host, isParseError(cause) ? schemaProblem(cause) : String(cause))
  })
}

/**
 * Parses `host`, `user@host`, `user@host:port`, `[::1]:port` or `ssh://user@host:port`. As in OpenSSH, percent-encoding such
 * as `%40` is decoded in the username of an `ssh://` address. A password in it is refused, and not shown.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { RemoteHost } from "@effect-remote/core"
 * import { Either } from "effect"
 *
 * const host = Either.getOrThrow(RemoteHost.parse("luigi@worker-01:2222"))
 * // host.username is "luigi", host.port is 2222
 * ```
 */
export const parse = (
  destination: string,
  options: Omit<Options, "host" | "username" | "port"> = {}
): Either.Either<RemoteHost, RemoteConnectionError> => {
  const address = /^ssh:\/\/([^/]*)(\/[^]*)?$/i.exec(destination)
  if (address?.[2] !== undefined && address[2] !== "/") {
    return Either.left(invalid(destination, "an ssh:// address must not have a path"))
  }
  const text = address?.[1] ?? destination
  const at = text.lastIndexOf("@")
  const username = address === null ? text.slice(0, at) : unescaped(text.slice(0, at))
  if (at >= 0 && username.includes(":")) {
    return Either.left(
      invalid(
        destination,
        "the username contains a \":\": pass a password as `password`, or a username with a colon to `RemoteHost.make`"
      )
    )
  }
  const place = text.slice(at + 1)
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(place)
  const plain = /^([^:]*):(.*)$/.exec(place)
  const [host, port] = bracketed
    ? [bracketed[1]!, bracketed[2]]
    : plain && !plain[2]!.includes(":")
    ? [plain[1]!, plain[2]]
    : [place, undefined]
  if (port !== undefined && !/^\d{1,5}$/.test(port)) {
    return Either.left(invalid(destination, `the port ${JSON.stringify(port)} is not a number within 1..65535`))
  }
  return make({
    ...options,
    host,
    ...(at < 0 ? {} : { username }),
    ...(port === undefined ? {} : { port: Number(port) })
  })
}

const unescaped = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const optional = <A>(config: Config.Config<A>) => Config.map(Config.option(config), Option.getOrUndefined)

/**
 * Reads a host from the environment, or from another `ConfigProvider`. `HOST` is required. `USERNAME`, `PORT`, `KEY_FILE`,
 * `KEY`, `PASSPHRASE`, `IDENTITIES_ONLY`, `PASSWORD`, `KNOWN_HOSTS_FILE` and `CONNECT_TIMEOUT` are optional. Use `Config.nested` for a prefix.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { RemoteHost } from "@effect-remote/core"
 * import { Config } from "effect"
 *
 * const worker = RemoteHost.config.pipe(Config.nested("WORKER")) // WORKER_HOST, WORKER_USERNAME, ...
 * ```
 */
export const config: Config.Config<RemoteHost> = Config.all({
  host: Config.string("HOST"),
  username: optional(Config.string("USERNAME")),
  port: optional(Config.integer("PORT")),
  keyFile: optional(Config.string("KEY_FILE")),
  key: optional(Config.redacted("KEY")),
  passphrase: optional(Config.redacted("PASSPHRASE")),
  identitiesOnly: optional(Config.boolean("IDENTITIES_ONLY")),
  password: optional(Config.redacted("PASSWORD")),
  knownHostsFile: optional(Config.string("KNOWN_HOSTS_FILE")),
  connectTimeout: optional(Config.duration("CONNECT_TIMEOUT"))
}).pipe(
  Config.mapOrFail((options) => Either.mapLeft(make(options), (error) => ConfigError.InvalidData([], error.message)))
)
