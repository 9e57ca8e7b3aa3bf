/**
 * Hosts reached by OpenSSH's own client: what `ssh NAME` reaches, this reaches. OpenSSH authenticates, encrypts and checks
 * host keys. The client must be version 8.7 or later; on Windows nothing of this works yet (`Unsupported`).
 *
 * @since 0.1.0
 */
import type { LocalNetwork } from "@effect-remote/core/LocalNetwork"
import * as RemoteContext from "@effect-remote/core/RemoteContext"
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import * as RemoteHost from "@effect-remote/core/RemoteHost"
import { Transport } from "@effect-remote/core/Transport"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs/promises"
import * as process from "node:process"
import * as connectionTransport from "./internal/multiplexed/transport.js"
import * as processTransport from "./internal/perChannel/transport.js"
import { expandHome } from "./internal/ssh/home.js"
import * as NodeLocal from "./NodeLocal.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends RemoteHost.Options {
  /** The `ssh` to run. Default: the one in `PATH`. */
  readonly ssh?: string | undefined
  /**
   * Connects when first used, instead of when the transport is made. A host that cannot be reached then fails that use, with
   * the same `RemoteConnectionError`, and the next use tries again. Options that are wrong fail at once either way.
   * Default: false.
   */
  readonly lazy?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ConnectionOptions extends Options {
  /**
   * How often, and with what pauses, a lost connection is tried again by whoever needs it next. Default: four more times
   * within some three seconds, where the host does not answer; a host that refuses is not asked again. A command is never
   * sent twice.
   */
  readonly reconnect?: Schedule.Schedule<unknown, RemoteConnectionError> | undefined
}

const fileExists = (path: string): Effect.Effect<boolean> => Effect.isSuccess(Effect.tryPromise(() => Fs.stat(path)))

// A key that OpenSSH accepts may lack its private half: an agent or a token holds it, and `.pub` names it.
const keyExists = (keyFile: string): Effect.Effect<boolean> => {
  const path = expandHome(keyFile)
  return Effect.exists([path, `${path}.pub`, `${path}-cert.pub`], fileExists)
}

const validate = Effect.fnUntraced(function*(options: Options) {
  const { lazy = false, ssh = "ssh", ...rest } = options
  const host = yield* RemoteHost.make(options instanceof RemoteHost.RemoteHost ? options : rest)
  if (process.platform === "win32") {
    return yield* new RemoteConnectionError({
      reason: "Unsupported",
      host: String(host),
      detail: "clients on Windows are not supported yet",
      hint: "WSL works."
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

const reconnects: Schedule.Schedule<unknown, RemoteConnectionError> = Schedule.exponential("200 millis").pipe(
  Schedule.jittered,
  Schedule.intersect(Schedule.recurs(4)),
  Schedule.whileInput(({ reason }: RemoteConnectionError) =>
    reason === "Unreachable" || reason === "TimedOut" || reason === "ConnectionLost"
  )
)

/**
 * A transport of one connection, which one `ssh` holds; commands, files and tunnels are channels within it, so that each
 * costs no handshake and no process here. A connection that is lost fails what is in flight with `ConnectionLost`, which
 * is never sent again; the next use connects again, once for all who wait for it.
 *
 * A server allows so many sessions at once on one connection (`MaxSessions`, 10 by default): commands beyond that wait for
 * their turn. Tunnels do not count, and all files together take one.
 *
 * Each connecting is a span `ssh.connect`. The metrics `effect_remote_channels_open`, `effect_remote_sessions_waiting`,
 * `effect_remote_sent_bytes`, `effect_remote_received_bytes` and `effect_remote_reconnects` have the tag `server.address`.
 *
 * What `ssh` reads lies in a private directory in `TMPDIR`. If another user could replace it (a directory on the way that is
 * writable by everybody without the sticky bit, or another user's), this fails with `Unsupported`.
 *
 * The `ssh` ends with the scope, and with this program, even when it is killed. Where it cannot share its connection this
 * fails with `Unsupported`; `makeProcess` needs no such thing.
 *
 * Connects when it is made, so that a bad host fails here; with `lazy`, when first used.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: (options: ConnectionOptions) => Effect.Effect<Transport, RemoteConnectionError, Scope.Scope> = (
  { reconnect = reconnects, ...options }
) => Effect.flatMap(validate(options), (valid) => connectionTransport.make({ ...valid, reconnect }))

/**
 * A transport that starts one `ssh` for each channel. Each command costs a connection, some hundred milliseconds, and
 * nothing is shared, so that nothing is limited by `MaxSessions` either. The name of a signal that ended a command is not
 * known, unix sockets on the host's side cannot be reached, a target of a tunnel that ends its own side gets no more from
 * ours (`ssh -W` ends both), and a command that closes its output reads as ended only when it has ended.
 *
 * Connects once when it is made, so that a bad host fails here; with `lazy`, not before it is used.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeProcess: (options: Options) => Effect.Effect<Transport, RemoteConnectionError, Scope.Scope> = (
  options
) => Effect.flatMap(validate(options), processTransport.make)

// The local side of transfers is this machine's, whatever FileSystem the program provides later. Files know of the
// commands: a host computes digests by one. Effect builds one layer value once in a graph, whatever it is provided with:
// only `fresh` gives each host services of its own.
const services = Layer.fresh(RemoteFileSystem.layer.pipe(
  Layer.provide(NodeLocal.layerFiles),
  Layer.provideMerge(RemoteContext.layer.pipe(
    Layer.provide(NodeLocal.layerStdio),
    Layer.provideMerge(NodeLocal.layerNetwork)
  ))
))

/**
 * What the layers of this module provide.
 *
 * @since 0.1.0
 * @category models
 */
export type Services =
  | LocalNetwork
  | RemoteContext.RemoteContext
  | RemoteFileSystem.RemoteFileSystem
  | Transport

/**
 * `make`, and what stands on it.
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
export const layer = (options: ConnectionOptions): Layer.Layer<Services, RemoteConnectionError> =>
  Layer.provideMerge(services, Layer.scoped(Transport, make(options)))

/**
 * `layer` with options from the environment, or another `ConfigProvider`.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { OpenSsh } from "@effect-remote/node"
 * import { Config } from "effect"
 *
 * const Worker = OpenSsh.layerConfig({
 *   host: Config.string("WORKER_HOST"),
 *   password: Config.redacted("WORKER_PASSWORD")
 * })
 * ```
 */
export const layerConfig = (
  config: Config.Config.Wrap<Options>
): Layer.Layer<Services, RemoteConnectionError | ConfigError.ConfigError> =>
  Layer.unwrapEffect(Effect.map(Config.unwrap(config), layer))

/**
 * `makeProcess`, and what stands on it.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerProcess = (
  options: Options
): Layer.Layer<Services, RemoteConnectionError> =>
  Layer.provideMerge(services, Layer.scoped(Transport, makeProcess(options)))

/**
 * `layerProcess` with options from the environment, or another `ConfigProvider`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerProcessConfig = (
  config: Config.Config.Wrap<Options>
): Layer.Layer<Services, RemoteConnectionError | ConfigError.ConfigError> =>
  Layer.unwrapEffect(Effect.map(Config.unwrap(config), layerProcess))
