/**
 * A throwaway SSH server on 127.0.0.1 for tests: OpenSSH's `sshd` if it is installed, otherwise an embedded server. It accepts
 * the current user with a key generated for this server. Its files are in a private directory. Closing its scope removes the
 * server and its files, and so does killing the test process.
 *
 * @since 0.1.0
 */
import * as RemoteHost from "@effect-remote/core/RemoteHost"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as path from "node:path"
import * as account from "./internal/sshd/account.js"
import * as embeddedServer from "./internal/sshd/embedded/embeddedServer.js"
import * as embeddedSftp from "./internal/sshd/embedded/sftp.js"
import * as executables from "./internal/sshd/executables.js"
import * as installed from "./internal/sshd/installed.js"
import * as keeper from "./internal/sshd/keeper.js"
import * as keyPair from "./internal/sshd/keyPair.js"
import { replacesLogin } from "./internal/sshd/loginScript.js"
import * as openSshServer from "./internal/sshd/openSshServer.js"
import { internalSftp, type Settings } from "./internal/sshd/server.js"
import { SshdError } from "./SshdError.js"

export {
  /**
   * @since 0.1.0
   * @category errors
   */
  SshdError,
  /**
   * @since 0.1.0
   * @category models
   */
  SshdReason
} from "./SshdError.js"

/**
 * @since 0.1.0
 * @category type ids
 */
export const TypeId: unique symbol = Symbol.for("@effect-remote/testing/Sshd")

/**
 * @since 0.1.0
 * @category type ids
 */
export type TypeId = typeof TypeId

/**
 * - `"openssh"`: OpenSSH's `sshd`.
 * - `"embedded"`: the server of the npm package `ssh2`, within the test process. The package is an optional peer dependency:
 *   `npm install --save-dev ssh2`. Without it the reason of the `SshdError` is `Ssh2NotFound`.
 *
 * The embedded server runs commands as `sshd` does, with these differences:
 *
 * - It does not support a pty, a shell without a command, or compression.
 * - A command line has at most 34 kB.
 * - Stdin, stdout and stderr of commands are sockets, so `/dev/stderr` cannot be opened.
 * - When the client closes a channel, the server closes it at once, not when the command has exited.
 * - If a signal without a name in SSH ends a command, no exit status is sent.
 * - Signals also reach commands of root. `sshd` does not deliver them.
 * - SFTP opens a named pipe without waiting for its other end.
 *
 * @since 0.1.0
 * @category models
 */
export type Kind = "openssh" | "embedded"

/**
 * A process that a session has started, directly or through another process.
 *
 * @since 0.1.0
 * @category models
 */
export interface Process {
  readonly pid: number
  readonly parent: number
  /** The id of its process group. */
  readonly group: number
  /** The name of its program. Linux keeps 15 bytes of it. */
  readonly name: string
}

/**
 * A running server.
 *
 * @since 0.1.0
 * @category models
 */
export interface Sshd {
  readonly [TypeId]: TypeId
  readonly kind: Kind
  /** The server's name and version: `OpenSSH_9.2`, `ssh2`. */
  readonly version: string
  /** The host to connect to, with a generated key and a known_hosts file. `ssh_config` is not read. */
  readonly host: RemoteHost.RemoteHost
  /** The server's public key: `ssh-ed25519 AAAA...`. */
  readonly hostKey: string
  /** The fingerprint of `hostKey`: `SHA256:...`. */
  readonly fingerprint: string
  /** A private directory, removed with the server. */
  readonly directory: string
  /** The last 64 KiB of the server's log. */
  readonly log: Effect.Effect<string>
  /**
   * The running processes that sessions have started, including those of closed connections. On systems without `/proc` only
   * descendants of the server are found.
   */
  readonly processes: Effect.Effect<ReadonlyArray<Process>>
  /** Breaks every connection, like a cut link. Processes of the sessions keep running. */
  readonly dropConnections: Effect.Effect<void>
}

/**
 * @since 0.1.0
 * @category tags
 */
export const Sshd: Context.Tag<Sshd, Sshd> = Context.GenericTag<Sshd>("@effect-remote/testing/Sshd")

/**
 * A question of a login by keyboard-interactive.
 *
 * @since 0.1.0
 * @category models
 */
export interface Question {
  readonly prompt: string
  /** The right answer. */
  readonly answer: Redacted.Redacted
  /** Whether a terminal may show the answer. Default: false. */
  readonly echo?: boolean | undefined
}

/**
 * A login by keyboard-interactive. Each round is one request with any number of questions. The server asks all rounds, and
 * then says whether the answers were right.
 *
 * @since 0.1.0
 * @category models
 */
export interface KeyboardInteractive {
  readonly username: string
  readonly rounds: ReadonlyArray<ReadonlyArray<Question>>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Default: the value of the environment variable `EFFECT_REMOTE_SSHD`, else `"openssh"` if `sshd` is installed, else
   * `"embedded"`. With `EFFECT_REMOTE_REQUIRE_SSHD=1` a missing `sshd` is an error instead. A path in `EFFECT_REMOTE_SSHD` means
   * `"openssh"`.
   */
  readonly kind?: Kind | undefined
  /** The `sshd` to run. Default: the one whose path `EFFECT_REMOTE_SSHD` is, else the installed one. */
  readonly executable?: string | undefined
  /** The shell that runs command lines, a path or a name. Default: the user's shell, or `/bin/sh` in the embedded server. */
  readonly loginShell?: string | undefined
  /** The home directory of the sessions. The login shell reads its startup files. Default: the user's home. */
  readonly home?: string | undefined
  /** Variables of the sessions' environment. */
  readonly environment?: Readonly<Record<string, string>> | undefined
  /** Replaces the command or subsystem that the client requests. `"internal-sftp"` allows SFTP alone. */
  readonly forceCommand?: string | undefined
  /**
   * The server of the SFTP subsystem.
   *
   * - `"internal"`: the server's own.
   * - `"external"`: OpenSSH's `sftp-server`, run by the login shell.
   * - `"none"`: the server lacks the subsystem.
   *
   * Default: `"external"` if `sshd` uses a `loginShell`, a `home` or an `environment`, otherwise `"internal"`.
   */
  readonly sftp?: "internal" | "external" | "none" | undefined
  /** The limit of simultaneous commands and subsystems on a connection. Default: 10. */
  readonly maxSessions?: number | undefined
  /** The limit of connections that log in at the same time. Default: 100. */
  readonly maxStartups?: number | undefined
  /** Default: true. */
  readonly allowTcpForwarding?: boolean | undefined
  /** Accepts this password in addition to the key. Embedded only. */
  readonly password?: { readonly username: string; readonly password: Redacted.Redacted } | undefined
  /**
   * Asks these questions by keyboard-interactive, in addition to the key, and accepts the login if all answers are right.
   * Embedded only.
   */
  readonly keyboardInteractive?: KeyboardInteractive | undefined
  /** Lines of `sshd_config`. They take precedence over the generated ones. OpenSSH only. */
  readonly config?: ReadonlyArray<string> | undefined
}

const invalid = (detail: string) => new SshdError({ reason: "InvalidOptions", detail })

const unsupported = (detail: string, hint?: string) => new SshdError({ reason: "Unsupported", detail, hint })

const check = (options: Options): SshdError | undefined => {
  const { config, environment, forceCommand, maxSessions, maxStartups } = options
  const name = Object.keys(environment ?? {}).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
  if (name !== undefined) return invalid(`${JSON.stringify(name)} is not a valid name of an environment variable`)
  if (Object.values(environment ?? {}).some((value) => value.includes("\0"))) {
    return invalid("a value of `environment` contains a NUL")
  }
  if (forceCommand !== undefined && /[\0\r\n]/.test(forceCommand)) {
    return invalid("`forceCommand` must be a single line")
  }
  if (maxSessions !== undefined && !(Number.isInteger(maxSessions) && maxSessions >= 0)) {
    return invalid(`\`maxSessions\` must be a non-negative integer, got ${maxSessions}`)
  }
  if (maxStartups !== undefined && !(Number.isInteger(maxStartups) && maxStartups >= 1)) {
    return invalid(`\`maxStartups\` must be a positive integer, got ${maxStartups}`)
  }
  if (config?.some((line) => /^\s*loglevel[\s=]+(quiet|fatal|error)/i.test(line))) {
    return invalid("`LogLevel` in `config` must be INFO or more verbose, because the start is read from sshd's log")
  }
  return undefined
}

const fromEnvironment = Config.all({
  server: Config.string("EFFECT_REMOTE_SSHD").pipe(
    Config.validate({
      message: "must be `openssh`, `embedded`, or the absolute path of an sshd",
      validation: (value) => value === "openssh" || value === "embedded" || path.isAbsolute(value)
    }),
    Config.option
  ),
  required: Config.withDefault(Config.boolean("EFFECT_REMOTE_REQUIRE_SSHD"), false)
}).pipe(
  Effect.map(({ required, server }) => {
    const value = Option.getOrUndefined(server)
    return {
      required,
      kind: value === "openssh" || value === "embedded" ? value : value === undefined ? undefined : "openssh",
      executable: value !== undefined && path.isAbsolute(value) ? value : "sshd"
    }
  }),
  Effect.mapError((error) => invalid(error.message))
)

// The path of sshd, or `None` for the embedded server.
const chooseServer = (options: Options): Effect.Effect<Option.Option<string>, SshdError> =>
  Effect.gen(function*() {
    const fallback = yield* fromEnvironment
    const kind = options.kind ?? fallback.kind
    if (kind === "embedded") return Option.none()
    const sshd = installed.sshd(options.executable ?? fallback.executable)
    return kind === undefined && !fallback.required ? yield* Effect.option(sshd) : yield* Effect.asSome(sshd)
  })

const chooseSftp = (
  options: Options,
  executable: Option.Option<string>
): Effect.Effect<string | undefined, SshdError> => {
  const byLoginShell = Option.isSome(executable) && replacesLogin(options)
  const sftp = options.sftp ?? (byLoginShell ? "external" : "internal")
  if (sftp === "none") return Effect.succeed(undefined)
  if (sftp === "external") return installed.sftpServer(Option.getOrUndefined(executable))
  return byLoginShell
    ? unsupported("sshd's internal SFTP ignores `loginShell`, `home` and `environment`", "use `sftp: \"external\"`")
    : Effect.succeed(internalSftp)
}

// An error if the chosen server does not support an option.
const checkKind = (kind: Kind, options: Options): SshdError | undefined => {
  if (kind === "openssh" && options.password !== undefined) {
    return unsupported(
      "OpenSSH's sshd checks passwords only when run by root, and only those of system accounts",
      "use the embedded server: { kind: \"embedded\" }"
    )
  }
  if (kind === "openssh" && options.keyboardInteractive !== undefined) {
    return unsupported(
      "OpenSSH's sshd asks what PAM asks: `keyboardInteractive` has no effect on it",
      "use the embedded server: { kind: \"embedded\" }"
    )
  }
  return kind === "embedded" && options.config !== undefined
    ? unsupported("the embedded server does not read `config`", installed.hint)
    : undefined
}

const hostOf = (options: RemoteHost.Options): Effect.Effect<RemoteHost.RemoteHost, SshdError> =>
  Effect.mapError(
    RemoteHost.make(options),
    (cause) => new SshdError({ reason: "Unsupported", detail: cause.message, cause })
  )

const parseProcess = (line: string): Process => {
  const [pid, parent, group, ...name] = line.split(" ")
  return { pid: Number(pid), parent: Number(parent), group: Number(group), name: name.join(" ") }
}

/**
 * Starts a server and waits until it listens. Fails with an `SshdError`.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { Sshd } from "@effect-remote/testing"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const sshd = yield* Sshd.make({ loginShell: "fish", maxSessions: 2 })
 *   yield* Effect.log(`${sshd.version} listens as ${sshd.host}`)
 * }).pipe(Effect.scoped)
 * ```
 */
export const make: (options?: Options) => Effect.Effect<Sshd, SshdError, Scope.Scope> = Effect.fnUntraced(
  function*(options: Options = {}) {
    const wrong = check(options)
    if (wrong !== undefined) return yield* wrong
    const executable = yield* chooseServer(options)
    const kind = Option.isSome(executable) ? "openssh" : "embedded"
    const lacking = checkKind(kind, options)
    if (lacking !== undefined) return yield* lacking
    const user = yield* account.current
    if (kind === "openssh") yield* account.checkLogin(user)
    const loginShell = options.loginShell === undefined ? undefined : yield* installed.shell(options.loginShell)
    if (options.home !== undefined && !(yield* executables.isDirectory(options.home))) {
      return yield* invalid(`\`home\` is not a directory: ${options.home}`)
    }
    const sftp = yield* chooseSftp(options, executable)
    const sshKeygen = yield* installed.sshKeygen

    const kept = yield* keeper.make((directory) =>
      Option.match(executable, {
        onNone: () => [],
        onSome: (sshd) => [sshd, "-D", "-e", "-f", openSshServer.configFile(directory)]
      })
    )
    const file = (name: string) => path.join(kept.directory, name)
    const [hostKey, userKey] = yield* Effect.all([
      keyPair.generate(sshKeygen, file("host_key")),
      keyPair.generate(sshKeygen, file("user_key"))
    ], { concurrency: 2 })
    const settings: Settings = {
      directory: kept.directory,
      mark: [keeper.markName, kept.mark],
      account: user,
      hostKey,
      userKey,
      loginShell,
      home: options.home === undefined ? undefined : path.resolve(options.home),
      environment: options.environment ?? {},
      forceCommand: options.forceCommand,
      sftp,
      maxSessions: options.maxSessions ?? 10,
      maxStartups: options.maxStartups ?? 100,
      allowTcpForwarding: options.allowTcpForwarding ?? true,
      password: options.password,
      keyboardInteractive: options.keyboardInteractive,
      config: options.config ?? []
    }
    const server = yield* Option.match(executable, {
      onNone: () => embeddedServer.make(settings, { sftp: embeddedSftp.serve }),
      onSome: (sshd) => openSshServer.make(kept, settings, sshd)
    })
    const knownHostsFile = yield* keyPair.writeKnownHosts(file("known_hosts"), server.port, hostKey)
    const host = yield* hostOf({
      host: "127.0.0.1",
      port: server.port,
      username: user.username,
      keyFile: userKey.privateKeyFile,
      hostKeys: "strict",
      knownHostsFile,
      sshConfig: "none"
    })

    return Sshd.of({
      [TypeId]: TypeId,
      kind,
      version: server.version,
      host,
      hostKey: hostKey.publicKey,
      fingerprint: hostKey.fingerprint,
      directory: kept.directory,
      log: Effect.sync(() => server.log.text()),
      processes: Effect.orDie(Effect.map(kept.request("list"), (lines) => lines.map(parseProcess))),
      dropConnections: server.dropConnections
    })
  }
)

/**
 * Starts a server that runs until the layer's scope closes. Fails with an `SshdError`.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { Sshd } from "@effect-remote/testing"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const sshd = yield* Sshd.Sshd
 *   yield* sshd.dropConnections
 *   yield* Effect.log(yield* sshd.log)
 * }).pipe(Effect.provide(Sshd.layer()))
 * ```
 */
export const layer = (options?: Options): Layer.Layer<Sshd, SshdError> => Layer.scoped(Sshd, make(options))
