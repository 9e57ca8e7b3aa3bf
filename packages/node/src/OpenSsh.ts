/**
 * Hosts reached by OpenSSH's own client: what `ssh NAME` reaches, this reaches. OpenSSH authenticates, encrypts and checks
 * host keys. The client must be version 8.7 or later; on Windows nothing of this works yet (`Unsupported`).
 *
 * @since 0.1.0
 */
import type { LocalListener } from "@effect-remote/core/LocalListener"
import * as RemoteContext from "@effect-remote/core/RemoteContext"
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import * as RemoteHost from "@effect-remote/core/RemoteHost"
import { Transport } from "@effect-remote/core/Transport"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs/promises"
import * as process from "node:process"
import { expandHome } from "./internal/home.js"
import * as listener from "./internal/listener.js"
import * as processTransport from "./internal/processTransport.js"
import * as stdio from "./internal/stdio.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends RemoteHost.Options {
  /** The `ssh` to run. Default: the one in `PATH`. */
  readonly ssh?: string | undefined
}

const fileExists = (path: string): Effect.Effect<boolean> => Effect.isSuccess(Effect.tryPromise(() => Fs.stat(path)))

// A key that OpenSSH accepts may lack its private half: an agent or a token holds it, and `.pub` names it.
const keyExists = (keyFile: string): Effect.Effect<boolean> => {
  const path = expandHome(keyFile)
  return Effect.exists([path, `${path}.pub`, `${path}-cert.pub`], fileExists)
}

const validate = Effect.fnUntraced(function*(options: Options) {
  const { ssh = "ssh", ...rest } = options
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
  return { host, ssh }
})

/**
 * A transport that starts one `ssh` for each channel. Each command costs a connection, some hundred milliseconds, and
 * nothing is shared, so that nothing is limited by `MaxSessions` either. The name of a signal that ended a command is not
 * known, unix sockets on the host's side cannot be reached, a target of a tunnel that ends its own side gets no more from
 * ours (`ssh -W` ends both), and a command that closes its output reads as ended only when it has ended.
 *
 * Connects once when it is made, so that a bad host fails here.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeProcess: (options: Options) => Effect.Effect<Transport, RemoteConnectionError, Scope.Scope> = (
  options
) => Effect.flatMap(validate(options), ({ host, ssh }) => processTransport.make(host, ssh))

// The local side of transfers is this machine's, whatever FileSystem the program provides later.
const services = Layer.merge(
  Layer.provideMerge(RemoteContext.layer, Layer.merge(listener.layer, stdio.layer)),
  Layer.provide(RemoteFileSystem.layer, NodeFileSystem.layer)
)

/**
 * What the layers of this module provide.
 *
 * @since 0.1.0
 * @category models
 */
export type Services =
  | LocalListener
  | RemoteContext.RemoteContext
  | RemoteFileSystem.RemoteFileSystem
  | Transport

/**
 * `makeProcess`, and what stands on it.
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
 * const main = program.pipe(Effect.provide(OpenSsh.layerProcess({ host: "worker-01", username: "luigi" })))
 *
 * export const run = () => NodeRuntime.runMain(main)
 * ```
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
 * @example
 * ```ts
 * import { OpenSsh } from "@effect-remote/node"
 * import { Config } from "effect"
 *
 * const Worker = OpenSsh.layerProcessConfig({
 *   host: Config.string("WORKER_HOST"),
 *   password: Config.redacted("WORKER_PASSWORD")
 * })
 * ```
 */
export const layerProcessConfig = (
  config: Config.Config.Wrap<Options>
): Layer.Layer<Services, RemoteConnectionError | ConfigError.ConfigError> =>
  Layer.unwrapEffect(Effect.map(Config.unwrap(config), layerProcess))
