/**
 * Commands and tunnels on one host.
 *
 * @since 0.1.0
 */
import type * as Command from "@effect/platform/Command"
import * as CommandExecutor from "@effect/platform/CommandExecutor"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as client from "./internal/guardian/client.js"
import * as shellPool from "./internal/launch/shellPool.js"
import * as executor from "./internal/process/executor.js"
import * as verbs from "./internal/process/verbs.js"
import * as absentNetwork from "./internal/tunnel/absentNetwork.js"
import * as localTunnels from "./internal/tunnel/localTunnel.js"
import * as remoteTunnels from "./internal/tunnel/remoteTunnel.js"
import * as socks from "./internal/tunnel/socks.js"
import { LocalMachine } from "./LocalMachine.js"
import type { RemoteConnectionError, TunnelError } from "./RemoteError.js"
import type { RemoteHost } from "./RemoteHost.js"
import type { RemoteProcess, RunError, RunOptions, RunResult, StartOptions, TextOptions } from "./RemoteProcess.js"
import { type ConnectionState, Transport } from "./Transport.js"
import type {
  LocalTunnel,
  LocalTunnelOptions,
  RemoteTunnel,
  RemoteTunnelOptions,
  SocksProxy,
  SocksProxyOptions
} from "./Tunnel.js"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  RunError,
  /**
   * @since 0.1.0
   * @category models
   */
  RunOptions,
  /**
   * @since 0.1.0
   * @category models
   */
  RunResult,
  /**
   * @since 0.1.0
   * @category models
   */
  StartOptions,
  /**
   * @since 0.1.0
   * @category models
   */
  TextOptions
} from "./RemoteProcess.js"

/**
 * @since 0.1.0
 * @category type ids
 */
export const TypeId: unique symbol = Symbol.for("@effect-remote/core/RemoteContext")

/**
 * @since 0.1.0
 * @category type ids
 */
export type TypeId = typeof TypeId

/**
 * The state of the connection, and of the guardian: the process on the host that terminates commands when the connection is
 * lost.
 *
 * States of the guardian:
 *
 * - `"attached"`: it receives messages of this program. It terminates the commands if none arrives for somewhat longer than
 *   `keepAlive` (45 seconds by default; never with `"off"`). On Linux hosts with OpenSSH's server, every packet from this
 *   program's `ssh` counts as a message, so commands survive a busy program and a slow link. On other hosts, only this
 *   program's own messages count.
 * - `"detached"`: commands needed its session, because of `MaxSessions`. It watches the server's process for the connection,
 *   and does not notice a link that dies silently.
 * - `"none"`: no command was run yet, or the host does not allow a guardian (no FIFO in its `/tmp`, `shell: "none"`).
 *
 * @since 0.1.0
 * @category models
 */
export interface State {
  readonly connection: ConnectionState
  readonly guardian: "none" | "attached" | "detached"
}

/**
 * Commands and tunnels on one host. A platform `Command` behaves as it does locally: no shell parses its arguments, and
 * `env`, `workingDirectory`, `stdin` and `pipeTo` work. `start` leaves stdin open. Every other verb closes it at once,
 * unless the command has its own input.
 *
 * Every command is a span `ssh.exec`, every tunnel and proxy a span `ssh.tunnel`, and every SFTP request a span `sftp.*`,
 * with OpenTelemetry's attributes `server.address`, `server.port`, `process.pid` and `process.exit.code`.
 *
 * @since 0.1.0
 * @category models
 */
export interface RemoteContext {
  readonly [TypeId]: TypeId
  readonly host: RemoteHost
  /** The current state, then every change. */
  readonly state: Stream.Stream<State>
  readonly start: (
    command: Command.Command,
    options?: StartOptions
  ) => Effect.Effect<RemoteProcess, RunError, Scope.Scope>
  readonly run: {
    (
      command: Command.Command,
      options: RunOptions & { readonly encoding: "bytes" }
    ): Effect.Effect<RunResult<Uint8Array>, RunError>
    (command: Command.Command, options?: TextOptions): Effect.Effect<RunResult, RunError>
  }
  readonly bytes: (command: Command.Command, options?: RunOptions) => Effect.Effect<Uint8Array, RunError>
  /** The same as `bytes`, under the name of Python's `check_output`. */
  readonly checkOutput: (command: Command.Command, options?: RunOptions) => Effect.Effect<Uint8Array, RunError>
  readonly string: (command: Command.Command, options?: TextOptions) => Effect.Effect<string, RunError>
  readonly lines: (command: Command.Command, options?: TextOptions) => Effect.Effect<Array<string>, RunError>
  readonly stream: (command: Command.Command, options?: RunOptions) => Stream.Stream<Uint8Array, RunError>
  readonly streamLines: (command: Command.Command, options?: TextOptions) => Stream.Stream<string, RunError>
  readonly exitCode: (
    command: Command.Command,
    options?: RunOptions
  ) => Effect.Effect<CommandExecutor.ExitCode, RunError>
  readonly tunnel: (
    options: LocalTunnelOptions
  ) => Effect.Effect<LocalTunnel, TunnelError | RemoteConnectionError, Scope.Scope>
  readonly remoteTunnel: (
    options: RemoteTunnelOptions
  ) => Effect.Effect<RemoteTunnel, TunnelError | RemoteConnectionError, Scope.Scope>
  readonly socksProxy: (options?: SocksProxyOptions) => Effect.Effect<SocksProxy, TunnelError, Scope.Scope>
  /** The platform's `CommandExecutor` for this host. */
  readonly commandExecutor: CommandExecutor.CommandExecutor
}

/**
 * @since 0.1.0
 * @category tags
 */
export const RemoteContext: Context.Tag<RemoteContext, RemoteContext> = Context.GenericTag<RemoteContext>(
  "@effect-remote/core/RemoteContext"
)

/**
 * Makes the service for a transport's host. `options` are the defaults for all commands.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.fnUntraced(function*(options: StartOptions = {}) {
  const transport = yield* Transport
  const { network = absentNetwork.network, stdio } = yield* LocalMachine
  const guardian = yield* client.make(transport)
  const shells = yield* shellPool.make(transport)
  const verb = verbs.make({ guardian, shells, transport }, Option.fromNullable(stdio), options)
  const { host, port } = transport.host
  // The command is not an attribute, because its arguments can be secret.
  const span = {
    attributes: { "server.address": host, ...(port !== undefined && { "server.port": port }) },
    captureStackTrace: false,
    kind: "client"
  } as const

  const context: RemoteContext = {
    [TypeId]: TypeId,
    host: transport.host,
    state: Stream.zipLatestWith(transport.state, guardian.state, (connection, guardian) => ({ connection, guardian })),
    start: (command, options = {}) =>
      Effect.withSpan(
        Effect.map(verb.start(command, options), ({ process }) => process),
        "RemoteContext.start",
        span
      ),
    run: ((command: Command.Command, options: TextOptions = {}) => {
      const result: Effect.Effect<RunResult<string | Uint8Array>, RunError> = options.encoding === "bytes"
        ? verb.run(command, options)
        : verb.runText(command, options)
      return Effect.withSpan(result, "RemoteContext.run", span)
    }) as RemoteContext["run"],
    bytes: (command, options = {}) =>
      Effect.withSpan(verb.bytes(command, options, verbs.failUnlessZero), "RemoteContext.bytes", span),
    checkOutput: (command, options = {}) =>
      Effect.withSpan(verb.bytes(command, options, verbs.failUnlessZero), "RemoteContext.checkOutput", span),
    string: (command, options = {}) =>
      Effect.withSpan(verb.string(command, options, verbs.failUnlessZero), "RemoteContext.string", span),
    lines: (command, options = {}) =>
      Effect.withSpan(
        verb.lines(command, options, verbs.failUnlessZero),
        "RemoteContext.lines",
        span
      ),
    stream: (command, options = {}) =>
      Stream.withSpan(verb.stream(command, options, verbs.failUnlessZero), "RemoteContext.stream", span),
    streamLines: (command, options = {}) =>
      Stream.withSpan(verb.streamLines(command, options, verbs.failUnlessZero), "RemoteContext.streamLines", span),
    exitCode: (command, options = {}) =>
      Effect.withSpan(verb.exitCode(command, options), "RemoteContext.exitCode", span),
    tunnel: (options) => Effect.withSpan(localTunnels.make(transport, network, options), "ssh.tunnel", span),
    remoteTunnel: (options) => Effect.withSpan(remoteTunnels.make(transport, network, options), "ssh.tunnel", span),
    socksProxy: (options = {}) => Effect.withSpan(socks.make(transport, network, options), "ssh.tunnel", span),
    commandExecutor: executor.make(verb)
  }
  return context
})

/**
 * Provides commands and tunnels on the transport's host. `options` are the defaults for all commands. The layer is fresh:
 * each transport gets its own service, so one program can use several hosts.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: StartOptions): Layer.Layer<RemoteContext, never, Transport | LocalMachine> =>
  Layer.fresh(Layer.scoped(RemoteContext, make(options)))

/**
 * Provides the platform's `CommandExecutor`, so that `Command.string` and similar functions run on the host. As in Node,
 * `Command.string`, `Command.lines` and the streams ignore the exit code. They fail if the command could not be run, if a
 * signal ended it, or if the connection is lost (see `RemoteError.findConnectionError`).
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { Command } from "@effect/platform"
 * import { RemoteContext } from "@effect-remote/core"
 * import { Effect } from "effect"
 *
 * const kernel = Command.string(Command.make("uname", "-r"))
 *
 * const there = kernel.pipe(Effect.provide(RemoteContext.layerCommandExecutor))
 * ```
 */
export const layerCommandExecutor: Layer.Layer<CommandExecutor.CommandExecutor, never, RemoteContext> = Layer.fresh(
  Layer.effect(CommandExecutor.CommandExecutor, Effect.map(RemoteContext, ({ commandExecutor }) => commandExecutor))
)

/**
 * Starts a command and returns the running process. The process is terminated when the scope closes.
 *
 * @since 0.1.0
 * @category accessors
 * @example
 * ```ts
 * import { Command } from "@effect/platform"
 * import { RemoteContext } from "@effect-remote/core"
 * import { Effect, Stream } from "effect"
 *
 * const sorted = Effect.scoped(Effect.gen(function*() {
 *   const process = yield* RemoteContext.start(Command.make("sort"))
 *   yield* Stream.make("b\n", "a\n").pipe(Stream.encodeText, Stream.run(process.stdin))
 *   return yield* process.stdout.pipe(Stream.decodeText(), Stream.mkString)
 * }))
 * ```
 */
export const start = (
  command: Command.Command,
  options?: StartOptions
): Effect.Effect<RemoteProcess, RunError, RemoteContext | Scope.Scope> =>
  Effect.flatMap(RemoteContext, (context) => context.start(command, options))

/**
 * Runs a command to its end and returns stdout, stderr, and the exit code or the signal. An exit code other than 0 or a
 * signal is part of the result, not a failure. Outputs are text, or bytes with `encoding: "bytes"`.
 *
 * Fails if the command could not be run (`ProgramNotFound` and similar reasons), if it exceeds `timeout` or `maxOutput`, or
 * if the connection is lost.
 *
 * @since 0.1.0
 * @category accessors
 * @example
 * ```ts
 * import { Command } from "@effect/platform"
 * import { RemoteContext } from "@effect-remote/core"
 * import { Effect } from "effect"
 *
 * const isActive = Effect.gen(function*() {
 *   const { exitCode, stderr, stdout } = yield* RemoteContext.run(Command.make("systemctl", "is-active", "nginx"))
 *   if (exitCode !== 0) yield* Effect.logWarning(`nginx is ${stdout.trim()}`, stderr)
 *   return exitCode === 0
 * })
 * ```
 */
export const run: {
  (
    command: Command.Command,
    options: RunOptions & { readonly encoding: "bytes" }
  ): Effect.Effect<RunResult<Uint8Array>, RunError, RemoteContext>
  (command: Command.Command, options?: TextOptions): Effect.Effect<RunResult, RunError, RemoteContext>
} = (command: Command.Command, options?: TextOptions): Effect.Effect<never, RunError, RemoteContext> =>
  Effect.flatMap(RemoteContext, (context) => context.run(command, options) as Effect.Effect<never, RunError>)

/**
 * Runs a command and returns its stdout as bytes. Fails with reason `Exit` if the exit code is not 0.
 *
 * @since 0.1.0
 * @category accessors
 */
export const bytes = (
  command: Command.Command,
  options?: RunOptions
): Effect.Effect<Uint8Array, RunError, RemoteContext> =>
  Effect.flatMap(RemoteContext, (context) => context.bytes(command, options))

/**
 * The same as `bytes`, under the name of Python's `check_output`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const checkOutput = (
  command: Command.Command,
  options?: RunOptions
): Effect.Effect<Uint8Array, RunError, RemoteContext> =>
  Effect.flatMap(RemoteContext, (context) => context.checkOutput(command, options))

/**
 * Runs a command and returns its stdout as text. Fails with reason `Exit` if the exit code is not 0.
 *
 * @since 0.1.0
 * @category accessors
 */
export const string = (
  command: Command.Command,
  options?: TextOptions
): Effect.Effect<string, RunError, RemoteContext> =>
  Effect.flatMap(RemoteContext, (context) => context.string(command, options))

/**
 * Runs a command and returns its stdout as lines. Fails with reason `Exit` if the exit code is not 0.
 *
 * @since 0.1.0
 * @category accessors
 */
export const lines = (
  command: Command.Command,
  options?: TextOptions
): Effect.Effect<Array<string>, RunError, RemoteContext> =>
  Effect.flatMap(RemoteContext, (context) => context.lines(command, options))

/**
 * Runs a command and emits its stdout while it runs. At the end, the stream fails with reason `Exit` if the exit code is not
 * 0. A stream that is not read to its end terminates the command.
 *
 * @since 0.1.0
 * @category accessors
 */
export const stream = (
  command: Command.Command,
  options?: RunOptions
): Stream.Stream<Uint8Array, RunError, RemoteContext> =>
  Stream.flatMap(RemoteContext, (context) => context.stream(command, options))

/**
 * Like `stream`, as lines of text. If the stream fails, the unfinished last line is not emitted. If a line is longer than
 * `maxOutput` characters (default: 67,108,864), the command is terminated and the stream fails with `OutputTooLarge`.
 *
 * @since 0.1.0
 * @category accessors
 * @example
 * ```ts
 * import { Command } from "@effect/platform"
 * import { RemoteContext } from "@effect-remote/core"
 * import { Console, Stream } from "effect"
 *
 * const firstTen = RemoteContext.streamLines(Command.make("tail", "-f", "/var/log/app.log")).pipe(
 *   Stream.take(10),
 *   Stream.runForEach(Console.log)
 * )
 * ```
 */
export const streamLines = (
  command: Command.Command,
  options?: TextOptions
): Stream.Stream<string, RunError, RemoteContext> =>
  Stream.flatMap(RemoteContext, (context) => context.streamLines(command, options))

/**
 * Runs a command, discards its output and returns the exit code. A code other than 0 is not a failure here. A signal is.
 *
 * Like `ssh`, this waits until stdout and stderr are closed, also by background processes of the command. `timeout`
 * terminates these processes. Background processes with redirected outputs are not waited for, and go on. Node's executor
 * waits only for the command, and kills its background processes if the code is not 0.
 *
 * @since 0.1.0
 * @category accessors
 */
export const exitCode = (
  command: Command.Command,
  options?: RunOptions
): Effect.Effect<CommandExecutor.ExitCode, RunError, RemoteContext> =>
  Effect.flatMap(RemoteContext, (context) => context.exitCode(command, options))

/**
 * Forwards connections from a local port to an address that the host reaches, like `ssh -L`. Listens on `127.0.0.1` and a
 * free port by default. The listener and its connections close with the scope.
 *
 * @since 0.1.0
 * @category accessors
 * @example
 * ```ts
 * import { HttpClient } from "@effect/platform"
 * import { RemoteContext } from "@effect-remote/core"
 * import { Effect } from "effect"
 *
 * const health = Effect.scoped(Effect.gen(function*() {
 *   const tunnel = yield* RemoteContext.tunnel({ remoteHost: "search.internal", remotePort: 9200 })
 *   const response = yield* HttpClient.get(`http://127.0.0.1:${tunnel.localPort}/_cluster/health`)
 *   return yield* response.json
 * }))
 * ```
 */
export const tunnel = (
  options: LocalTunnelOptions
): Effect.Effect<LocalTunnel, TunnelError | RemoteConnectionError, RemoteContext | Scope.Scope> =>
  Effect.flatMap(RemoteContext, (context) => context.tunnel(options))

/**
 * Forwards connections from a port of the host to an address that this machine reaches, like `ssh -R`. The host listens on
 * its `127.0.0.1` and a free port by default. If the local target refuses a connection, only that connection closes. The
 * listener and its connections close with the scope.
 *
 * The host listens while the connection to it is open. A lost tunnel is not restored: `Tunnel.ended` fails, and
 * `Tunnel.events` emits `Lost`. Fails with `ChannelRefused` if the host refuses to listen, and with `Unsupported` if the
 * transport does not support it.
 *
 * @since 0.1.0
 * @category accessors
 * @example
 * ```ts
 * import { RemoteContext } from "@effect-remote/core"
 * import { Console, Effect, Schedule } from "effect"
 *
 * const published = Effect.gen(function*() {
 *   const tunnel = yield* RemoteContext.remoteTunnel({ localPort: 3000 })
 *   yield* Console.log(`port ${tunnel.remotePort} of the host leads here`)
 *   yield* tunnel.ended
 * })
 *
 * const forEver = published.pipe(Effect.scoped, Effect.retry(Schedule.spaced("5 seconds")))
 * ```
 */
export const remoteTunnel = (
  options: RemoteTunnelOptions
): Effect.Effect<RemoteTunnel, TunnelError | RemoteConnectionError, RemoteContext | Scope.Scope> =>
  Effect.flatMap(RemoteContext, (context) => context.remoteTunnel(options))

/**
 * Starts a SOCKS 5 proxy on this machine, like `ssh -D`. Connections are made from the host, which also resolves names
 * (`curl` calls this `socks5h`). Listens on `127.0.0.1` and a free port by default. The listener and its connections close
 * with the scope.
 *
 * The proxy does not authenticate: every program that reaches the port can use it. Only CONNECT is supported. A client that
 * does not complete its request within 30 seconds is refused.
 *
 * @since 0.1.0
 * @category accessors
 * @example
 * ```ts
 * import { RemoteContext, Tunnel } from "@effect-remote/core"
 * import { Console, Effect, Stream } from "effect"
 *
 * const proxy = Effect.scoped(Effect.gen(function*() {
 *   const proxy = yield* RemoteContext.socksProxy({ localPort: 1080 })
 *   yield* Stream.runForEach(
 *     proxy.events,
 *     Tunnel.TunnelEvent.$match({
 *       Opened: ({ peer, target }) => Console.log(`${peer} to ${target}`),
 *       Closed: () => Effect.void,
 *       Refused: ({ error, peer }) => Console.log(`${peer} refused: ${error.message}`),
 *       Lost: ({ error }) => Effect.fail(error)
 *     })
 *   )
 * }))
 * ```
 */
export const socksProxy = (
  options?: SocksProxyOptions
): Effect.Effect<SocksProxy, TunnelError, RemoteContext | Scope.Scope> =>
  Effect.flatMap(RemoteContext, (context) => context.socksProxy(options))
