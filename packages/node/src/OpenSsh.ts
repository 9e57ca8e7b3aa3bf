/**
 * Connects to hosts with OpenSSH's own client. A host that `ssh NAME` reaches works here, too. OpenSSH authenticates,
 * encrypts and checks host keys. The client must be version 8.7 or later. Clients on Windows fail with `Unsupported`.
 *
 * @since 0.1.0
 */
import type { LocalMachine } from "@effect-remote/core/LocalMachine"
import * as RemoteContext from "@effect-remote/core/RemoteContext"
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import * as RemoteHost from "@effect-remote/core/RemoteHost"
import { Transport } from "@effect-remote/core/Transport"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs/promises"
import * as process from "node:process"
import { reconnects } from "./internal/multiplexed/reconnects.js"
import * as multiplexedTransport from "./internal/multiplexed/transport.js"
import * as perChannelTransport from "./internal/perChannel/transport.js"
import { expandHome } from "./internal/ssh/home.js"
import { isLocked } from "./internal/ssh/privateKey.js"
import * as NodeMachine from "./NodeMachine.js"

/**
 * The options of a transport: the host and the `ssh` to run.
 *
 * @since 0.1.0
 * @category models
 */
export interface TransportOptions extends RemoteHost.Options {
  /** Path or name of the `ssh` to run. Default: `"ssh"`, found in `PATH`. */
  readonly ssh?: string | undefined
  /**
   * Connects at the first use instead of when the transport is made. If the host cannot be reached, that use fails with a
   * `RemoteConnectionError`, and the next use tries again. Invalid options fail at once in both cases. Default: false.
   */
  readonly lazy?: boolean | undefined
}

/**
 * The options of a transport that shares one connection.
 *
 * @since 0.1.0
 * @category models
 */
export interface MultiplexedOptions extends TransportOptions {
  /**
   * Schedule of further attempts to connect after a loss. Default: four within about three seconds, while the error is
   * transient (see `RemoteError.isTransient`). If the server is busy (`ServerBusy`), attempts go on for a minute. A failed
   * login is never tried again. A command is never sent twice.
   */
  readonly reconnect?: Schedule.Schedule<unknown, RemoteConnectionError> | undefined
}

/**
 * Defaults for every command on the host. The options of a single command override them.
 *
 * @since 0.1.0
 * @category models
 */
export type CommandDefaults = Pick<
  RemoteContext.StartOptions,
  "killAfter" | "onDisconnect" | "pipefail" | "traceCommand"
>

/**
 * The options of `connect` and `layer`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends MultiplexedOptions, CommandDefaults {}

/**
 * The options of `connectProcess` and `layerProcess`.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProcessOptions extends TransportOptions, CommandDefaults {}

const fileExists = (path: string): Effect.Effect<boolean> => Effect.isSuccess(Effect.tryPromise(() => Fs.stat(path)))

// The private key may be in an agent or a token. `ssh` then needs only the `.pub` or the certificate.
const keyExists = (keyFile: string): Effect.Effect<boolean> => {
  const path = expandHome(keyFile)
  return Effect.exists([path, `${path}.pub`, `${path}-cert.pub`], fileExists)
}

const optionsOf = <O extends RemoteHost.Options>(
  options: O | string
): Effect.Effect<O | RemoteHost.RemoteHost, RemoteConnectionError> =>
  typeof options === "string" ? RemoteHost.parse(options) : Effect.succeed(options)

const validate = Effect.fnUntraced(function*({ lazy = false, ssh = "ssh", ...options }: TransportOptions) {
  const host = yield* RemoteHost.make(options)
  if (process.platform === "win32") {
    return yield* new RemoteConnectionError({
      reason: "Unsupported",
      host: String(host),
      detail: "clients on Windows are not supported yet",
      hint: "Run the program in WSL."
    })
  }
  for (const { keyFile } of [host, ...(host.jumpHosts ?? [])]) {
    if (keyFile !== undefined && !(yield* keyExists(keyFile))) {
      return yield* new RemoteConnectionError({
        reason: "InvalidHost",
        host: String(host),
        detail: `the key file ${keyFile} does not exist`
      })
    }
  }
  for (const { answer, key, passphrase } of [host, ...(host.jumpHosts ?? [])]) {
    if (key !== undefined && passphrase === undefined && answer === undefined && isLocked(Redacted.value(key))) {
      return yield* new RemoteConnectionError({
        reason: "InvalidHost",
        host: String(host),
        detail: "the key given as `key` is locked by a passphrase",
        hint: "Pass `passphrase`."
      })
    }
  }
  const { sshConfig = "none" } = host
  if (sshConfig !== "none" && !(yield* fileExists(expandHome(sshConfig)))) {
    return yield* new RemoteConnectionError({
      reason: "InvalidHost",
      host: String(host),
      detail: `the ssh_config file ${sshConfig} does not exist`
    })
  }
  return { host, lazy, ssh }
})

/**
 * Makes a transport that shares one connection, held by one `ssh` process. Commands, files and tunnels are channels on it,
 * so none of them needs a handshake or a local process. When the connection is lost, everything in flight fails with
 * `ConnectionLost` and is never sent again. The next use reconnects. Concurrent callers share that attempt.
 *
 * A server limits the sessions on one connection (`MaxSessions`, 10 by default). Further commands wait for a free session.
 * All file operations share one session. Tunnels do not count as sessions.
 *
 * Every attempt to connect is a span `ssh.connect`. The metrics `effect_remote_channels_open`,
 * `effect_remote_sessions_waiting`, `effect_remote_sent_bytes`, `effect_remote_received_bytes` and
 * `effect_remote_reconnects` have the tag `server.address`.
 *
 * The files that `ssh` reads are in a private directory below `TMPDIR`. Fails with `Unsupported` if another user could
 * replace it: a parent directory belongs to another user than root, or everybody may write to it and it lacks the sticky
 * bit.
 *
 * The `ssh` process ends with the scope, and with this program even if it is killed. Fails with `Unsupported` if the `ssh`
 * does not support multiplexing. `makeProcess` works without it.
 *
 * Connects at once, so an unreachable host fails here. With `lazy`, the first use connects.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: MultiplexedOptions | string
): Effect.Effect<Transport, RemoteConnectionError, Scope.Scope> =>
  Effect.flatMap(
    optionsOf<MultiplexedOptions>(options),
    ({ reconnect = reconnects, ...rest }: MultiplexedOptions) =>
      Effect.flatMap(validate(rest), (valid) => multiplexedTransport.make({ ...valid, reconnect }))
  )

/**
 * Makes a transport that starts one `ssh` process for each channel. Each command opens its own connection, which takes some
 * hundred milliseconds. `MaxSessions` therefore does not limit it.
 *
 * Limits of `ssh` in this use:
 *
 * - The name of a signal that ended a command is not known.
 * - Unix sockets on the host cannot be reached, and the host cannot listen.
 * - When the target of a tunnel ends its output, `ssh -W` ends the other direction, too.
 * - If a command closes its output early, its `stdout` ends only when the command has ended.
 *
 * Connects once at the beginning, so an unreachable host fails here. With `lazy`, the first use connects.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeProcess = (
  options: TransportOptions | string
): Effect.Effect<Transport, RemoteConnectionError, Scope.Scope> =>
  Effect.flatMap(
    optionsOf<TransportOptions>(options),
    (options) => Effect.flatMap(validate(options), perChannelTransport.make)
  )

// Transfers use this machine's files, whichever FileSystem the program provides later. `digest` runs a command on the host,
// so the files depend on the RemoteContext. Effect builds a layer value once in a graph: `fresh` gives each host its own.
const services = (defaults: RemoteContext.StartOptions) =>
  Layer.fresh(RemoteFileSystem.layer.pipe(
    Layer.provideMerge(Layer.scoped(RemoteContext.RemoteContext, RemoteContext.make(defaults))),
    Layer.provideMerge(NodeMachine.layer)
  ))

/**
 * The services that the layers of this module provide.
 *
 * @since 0.1.0
 * @category models
 */
export type Services =
  | LocalMachine
  | RemoteContext.RemoteContext
  | RemoteFileSystem.RemoteFileSystem
  | Transport

/**
 * A connected host as a value.
 *
 * @since 0.1.0
 * @category models
 */
export interface Host {
  readonly host: RemoteHost.RemoteHost
  readonly transport: Transport
  /** Commands and tunnels. */
  readonly context: RemoteContext.RemoteContext
  /** Files. */
  readonly fileSystem: RemoteFileSystem.RemoteFileSystem
  /**
   * All services, for `Effect.provide`: an effect that requires `RemoteContext` or `RemoteFileSystem` then runs on this
   * host.
   */
  readonly services: Context.Context<Services>
}

const hostOf = (services: Context.Context<Services>): Host => {
  const transport = Context.get(services, Transport)
  return {
    host: transport.host,
    transport,
    context: Context.get(services, RemoteContext.RemoteContext),
    fileSystem: Context.get(services, RemoteFileSystem.RemoteFileSystem),
    services
  }
}

/**
 * Connects to a host and returns it as a value, for programs with more than one host. The connection ends with the scope.
 * Takes the options of `layer`, or a destination for `RemoteHost.parse`.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { Command } from "@effect/platform"
 * import { RemoteContext } from "@effect-remote/core"
 * import { OpenSsh } from "@effect-remote/node"
 * import { Effect } from "effect"
 *
 * const uptime = RemoteContext.string(Command.make("uptime"))
 *
 * const program = Effect.scoped(Effect.gen(function*() {
 *   const source = yield* OpenSsh.connect("luigi@old:2222")
 *   const target = yield* OpenSsh.connect({ host: "new", username: "luigi" })
 *   yield* target.fileSystem.put("/data/a.csv", "/data/a.csv", { local: source.fileSystem }) // from host to host
 *   return yield* Effect.provide(uptime, target.services)
 * }))
 * ```
 */
export const connect = (
  options: Options | string
): Effect.Effect<Host, RemoteConnectionError, Scope.Scope> => Effect.map(Layer.build(layer(options)), hostOf)

/**
 * As `connect`, with one `ssh` for each channel (see `makeProcess`).
 *
 * @since 0.1.0
 * @category constructors
 */
export const connectProcess = (
  options: ProcessOptions | string
): Effect.Effect<Host, RemoteConnectionError, Scope.Scope> => Effect.map(Layer.build(layerProcess(options)), hostOf)

/**
 * Provides commands, files and tunnels on a host, over one connection (see `make`). Takes options, or a destination for
 * `RemoteHost.parse`: `OpenSsh.layer("user@host:22")`.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { Command } from "@effect/platform"
 * import { NodeRuntime } from "@effect/platform-node"
 * import { RemoteContext } from "@effect-remote/core"
 * import { OpenSsh } from "@effect-remote/node"
 * import { Console, Effect } from "effect"
 *
 * const program = RemoteContext.string(Command.make("uname", "-a")).pipe(Effect.flatMap(Console.log))
 *
 * const main = program.pipe(Effect.provide(OpenSsh.layer({ host: "worker-01", username: "luigi" })))
 *
 * export const run = () => NodeRuntime.runMain(main)
 * ```
 */
export const layer = (options: Options | string): Layer.Layer<Services, RemoteConnectionError> =>
  withServices(options, make)

/**
 * `layer` with options from the environment or another `ConfigProvider`. `RemoteHost.config` reads the common ones: `HOST`,
 * `USERNAME`, `PORT` and others.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { RemoteHost } from "@effect-remote/core"
 * import { OpenSsh } from "@effect-remote/node"
 * import { Config } from "effect"
 *
 * const Worker = OpenSsh.layerConfig({
 *   host: Config.string("WORKER_HOST"),
 *   password: Config.redacted("WORKER_PASSWORD"),
 *   killAfter: Config.duration("WORKER_KILL_AFTER").pipe(Config.withDefault("5 seconds"))
 * })
 *
 * const Backup = OpenSsh.layerConfig(RemoteHost.config.pipe(Config.nested("BACKUP"))) // BACKUP_HOST, BACKUP_USERNAME, ...
 * ```
 */
export const layerConfig = (
  config: Config.Config.Wrap<Options>
): Layer.Layer<Services, RemoteConnectionError | ConfigError.ConfigError> =>
  Layer.unwrapEffect(Effect.map(Config.unwrap(config), layer))

/**
 * As `layer`, with one `ssh` for each channel (see `makeProcess`).
 *
 * @since 0.1.0
 * @category layers
 */
export const layerProcess = (options: ProcessOptions | string): Layer.Layer<Services, RemoteConnectionError> =>
  withServices(options, makeProcess)

/**
 * `layerProcess` with options from the environment or another `ConfigProvider`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerProcessConfig = (
  config: Config.Config.Wrap<ProcessOptions>
): Layer.Layer<Services, RemoteConnectionError | ConfigError.ConfigError> =>
  Layer.unwrapEffect(Effect.map(Config.unwrap(config), layerProcess))

const withServices = <O extends TransportOptions>(
  options: O & CommandDefaults | string,
  make: (
    options: Omit<O, keyof CommandDefaults> | string
  ) => Effect.Effect<Transport, RemoteConnectionError, Scope.Scope>
): Layer.Layer<Services, RemoteConnectionError> => {
  if (typeof options === "string") return Layer.provideMerge(services({}), Layer.scoped(Transport, make(options)))
  const { killAfter, onDisconnect, pipefail, traceCommand, ...rest } = options
  return Layer.provideMerge(
    services({ killAfter, onDisconnect, pipefail, traceCommand }),
    Layer.scoped(Transport, make(rest))
  )
}
