/**
 * A transport over one connection, which OpenSSH's master holds. Commands, SFTP and tunnels are its channels. After a loss
 * the next use reconnects.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import {
  type Channel,
  type ConnectionState,
  type ExecOptions,
  type SessionOptions,
  type Transport,
  TypeId
} from "@effect-remote/core/Transport"
import * as Deadline from "@effect-remote/core/unstable/Deadline"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { show } from "../lib/address.js"
import * as processTransport from "../perChannel/transport.js"
import type * as channels from "../protocol/channel.js"
import { fields } from "../protocol/message.js"
import * as diagnosis from "../ssh/diagnosis.js"
import * as installations from "../ssh/installation.js"
import * as connections from "./connection.js"
import * as masters from "./master.js"
import * as measures from "./metrics.js"
import * as listeners from "./remoteListener.js"
import * as sessionSettings from "./sessionSettings.js"

/** @internal */
export interface Options extends processTransport.Options {
  readonly reconnect: Schedule.Schedule<unknown, RemoteConnectionError>
}

const endOfModes = "\0"

/** @internal */
export const make = Effect.fnUntraced(function*({ host, lazy, reconnect, ssh }: Options) {
  const name = String(host)
  const error = (
    reason: RemoteConnectionError["reason"],
    detail: string,
    fields: { hint?: string; cause?: unknown } = {}
  ) => new RemoteConnectionError({ reason, host: name, detail, ...fields })
  const inTime = (what: string) => Deadline.within(host, what, diagnosis.slowHost)

  const installation = yield* installations.make(host, ssh)
  const metrics = measures.make(host.host)
  const apart = processTransport.channels(host, ssh, installation)
  yield* masters.checkPath(name, installation)
  const whole = yield* Effect.scope
  const state = yield* SubscriptionRef.make<ConnectionState>(lazy ? "idle" : "connecting")
  const settings = yield* Deferred.make<sessionSettings.SessionSettings>()
  yield* Effect.forkScoped(
    Effect.interruptible(Effect.intoDeferred(sessionSettings.make(host, ssh, installation), settings))
  )

  let hasConnected = false
  let isClosed = false
  let current: connections.Connection | undefined
  let connecting: Deferred.Deferred<connections.Connection, RemoteConnectionError> | undefined

  // In a scope of its own, which closes with the connection.
  const connect = Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const scope = yield* Scope.fork(whole, ExecutionStrategy.sequential)
      const made = yield* restore(
        inTime("connecting")(Scope.extend(connections.make(host, ssh, installation, metrics), scope))
      ).pipe(Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))))
      current = made
      hasConnected = true
      yield* SubscriptionRef.set(state, "ready")
      yield* Effect.forkIn(
        Effect.interruptible(Effect.zipRight(
          made.lost,
          Effect.uninterruptible(Effect.suspend(() => {
            if (current === made) current = undefined
            return Effect.zipRight(SubscriptionRef.set(state, "lost"), Scope.close(scope, Exit.void))
          }))
        )),
        whole
      )
      return made
    })
  ).pipe(Effect.withSpan("ssh.connect", {
    attributes: { "server.address": host.host, ...(host.port !== undefined && { "server.port": host.port }) },
    captureStackTrace: false,
    kind: "client"
  }))

  const connectAgain = Effect.gen(function*() {
    yield* SubscriptionRef.set(state, "connecting")
    // The first connection is tried once, as when the transport is made.
    if (!hasConnected) return yield* connect
    const made = yield* Effect.retry(connect, reconnect)
    metrics.reconnected()
    return made
  }).pipe(Effect.tapError(() => SubscriptionRef.set(state, "lost")))

  // Once for all who wait for it.
  const connected: Effect.Effect<connections.Connection, RemoteConnectionError> = Effect.uninterruptibleMask((
    restore
  ) =>
    Effect.suspend(() => {
      if (isClosed) {
        return error("ConnectionLost", "the scope of this connection has closed", {
          hint: "Use the host only within the scope that made it."
        })
      }
      if (current !== undefined && !current.isLost()) return Effect.succeed(current)
      if (connecting !== undefined) return restore(Deferred.await(connecting))
      const attempt = Deferred.unsafeMake<connections.Connection, RemoteConnectionError>(FiberId.none)
      connecting = attempt
      return connectAgain.pipe(
        Effect.interruptible,
        Effect.onExit((exit) => {
          connecting = undefined
          return Deferred.done(attempt, exit)
        }),
        Effect.forkIn(whole),
        Effect.zipRight(restore(Deferred.await(attempt)))
      )
    })
  )

  // Nothing was sent on a channel that was not opened: it may be opened on another connection.
  const opening = <A, R>(
    open: (connection: connections.Connection) => Effect.Effect<A, RemoteConnectionError, R>
  ): Effect.Effect<A, RemoteConnectionError, R> =>
    Effect.flatMap(connected, (connection) =>
      Effect.catchIf(
        open(connection),
        ({ reason }) => reason === "ConnectionLost" && connection.isLost(),
        () => Effect.flatMap(connected, open)
      ))

  const session = (options: SessionOptions) =>
    opening(({ multiplexer, sessions }) =>
      sessions.open(
        (watcher) => inTime("opening a session")(multiplexer.open("session", new Uint8Array(), watcher)),
        options
      )
    )

  const begin = Effect.fnUntraced(function*(options: SessionOptions) {
    const channel = yield* session(options)
    const { environment, forwardAgent } = yield* Deferred.await(settings)
    if (forwardAgent) channel.notify("auth-agent-req@openssh.com", new Uint8Array())
    for (const [name, value] of environment) channel.notify("env", fields(name, value))
    return channel
  })

  const adopt = (channel: channels.Channel): Channel => ({
    read: channel.read,
    readStderr: channel.readStderr,
    consume: channel.consume,
    write: channel.write,
    end: channel.end,
    exit: channel.exit
  })

  const execHere = Effect.fnUntraced(function*(line: string, { pty, ...options }: ExecOptions) {
    const channel = yield* begin(options)
    const asked: Array<Effect.Effect<string | undefined, RemoteConnectionError>> = []
    const ask = (name: string, data: Uint8Array, refusal: string) => {
      asked.push(Effect.map(channel.request(name, data), (granted) => granted ? undefined : refusal))
    }
    if (pty !== undefined) {
      ask(
        "pty-req",
        fields(pty.term, pty.columns, pty.rows, 0, 0, endOfModes),
        "the server does not allow a pseudo-terminal"
      )
    }
    ask("exec", fields(line), "the server does not run commands for this account")
    // Does not wait for the replies, so that input follows the request without a round trip.
    yield* Effect.forkScoped(
      Effect.interruptible(Effect.ignore(Effect.forEach(asked, (answer) =>
        Effect.map(answer, (refusal) => {
          if (refusal !== undefined) channel.fail(error("ChannelRefused", refusal))
        }), { discard: true })))
    )
    return adopt(channel)
  })

  // All sessions may be in use by commands that an urgent one is to end. It gets its own connection then.
  const exec: Transport["exec"] = (line, options = {}) =>
    options.priority === "urgent"
      ? Effect.catchIf(
        execHere(line, options),
        ({ reason }) => reason === "ChannelRefused",
        () => apart.exec(line, options)
      )
      : execHere(line, options)

  const subsystem: Transport["subsystem"] = Effect.fnUntraced(function*(name, options = {}) {
    const channel = yield* begin(options)
    if (yield* inTime("starting a subsystem")(channel.request("subsystem", fields(name)))) return adopt(channel)
    return yield* error("ChannelRefused", `the server has no subsystem ${JSON.stringify(name)}`, {
      ...(name === "sftp" && { hint: diagnosis.withoutSftp })
    })
  })

  const connectTo: Transport["connect"] = (address) =>
    opening(({ multiplexer }) =>
      (address._tag === "Tcp"
        ? multiplexer.open("direct-tcpip", fields(address.host, address.port, "127.0.0.1", 0))
        : multiplexer.open("direct-streamlocal@openssh.com", fields(address.path, "", 0))).pipe(
          Effect.mapBoth({
            onSuccess: adopt,
            onFailure: (refused) =>
              refused._tag === "RemoteConnectionError"
                ? refused
                : error("ChannelRefused", `no connection to ${show(address)} from there: ${refused.description}`, {
                  cause: refused,
                  hint: refused.reason === 1
                    ? "The server forbids it: AllowTcpForwarding, AllowStreamLocalForwarding and PermitOpen in sshd_config."
                    : "Does a server listen there?"
                })
          }),
          inTime(`connecting to ${show(address)} from there`)
        )
    )

  if (!lazy) yield* connect
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      isClosed = true
    })
  )

  const transport: Transport = {
    [TypeId]: TypeId,
    host,
    capabilities: {
      oneConnection: true,
      exitSignal: true,
      ptySize: true,
      halfClose: true,
      unixSockets: true,
      remoteForward: true
    },
    state: Stream.changes(state.changes),
    ready: Effect.asVoid(connected),
    exec,
    subsystem,
    connect: connectTo,
    listen: (address) =>
      opening((connection) => inTime(`listening on ${show(address)} there`)(listeners.make(connection, name, address)))
  }
  return transport
})
