/**
 * The transport to the host: its channels, on one connection.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { RemoteHost } from "@effect-remote/core/RemoteHost"
import {
  type Capabilities,
  type Channel,
  type ExitStatus,
  type RemoteAddress,
  type SessionOptions,
  type Transport,
  TypeId
} from "@effect-remote/core/Transport"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { HostEvent } from "../../HostEvent.js"
import * as addresses from "./address.js"
import type { Commands } from "./commands.js"
import type { Connection, HostChannel } from "./connection.js"
import * as currentConnection from "./currentConnection.js"
import { type Network, serviceSide } from "./network.js"

type ServeSession = (channel: HostChannel, connection: Connection) => Effect.Effect<void>

/** @internal */
export interface Options extends currentConnection.Options {
  readonly host: RemoteHost
  readonly commands: Commands
  readonly network: Network
  readonly subsystems: Readonly<Record<string, ServeSession>>
}

/** @internal */
export interface Opened {
  readonly transport: Transport
  readonly drop: (detail: string) => Effect.Effect<void>
  readonly sessions: () => number
  /** To addresses. */
  readonly tunnels: () => number
}

interface State extends Options {
  readonly current: currentConnection.CurrentConnection
  /** The scope of everything that runs on the host. */
  readonly scope: Scope.Scope
  tunnels: number
}

const capabilities: Capabilities = {
  oneConnection: true,
  exitSignal: true,
  ptySize: true,
  halfClose: true,
  unixSockets: true,
  remoteForward: true
}

const refused = ({ host }: State, why: { readonly detail: string; readonly hint?: string }) =>
  new RemoteConnectionError({ reason: "ChannelRefused", host: String(host), ...why })

const start = ({ scope }: State, { channel }: HostChannel, serve: Effect.Effect<unknown>): Effect.Effect<Channel> =>
  Effect.as(Effect.forkIn(Effect.interruptible(serve), scope), channel)

const session = (
  state: State,
  event: { readonly kind: "exec" | "subsystem"; readonly line: string },
  options: SessionOptions,
  serve: ServeSession
) =>
  state.current.open(({ connection, sessions }) =>
    Effect.gen(function*() {
      const leave = yield* sessions.take(options)
      const channel = yield* connection.open
      state.journal.add(HostEvent.Session(event))
      // A channel is closed once what ran on it has ended, whether its client lets it go or not.
      const closing = { ...channel, exit: (status: ExitStatus) => Effect.zipRight(channel.exit(status), leave) }
      return yield* start(state, channel, serve(closing, connection))
    })
  )

const exec = (state: State): Transport["exec"] => (line, { pty, ...options } = {}) =>
  session(
    state,
    { kind: "exec", line },
    options,
    (channel, connection) => state.commands.serve(line, pty !== undefined, channel, connection)
  )

const subsystem = (state: State): Transport["subsystem"] => (name, options = {}) => {
  const serve = state.subsystems[name]
  return serve === undefined
    ? Effect.zipRight(
      state.current.ready,
      refused(state, { detail: `the server has no subsystem ${JSON.stringify(name)}` })
    )
    : session(state, { kind: "subsystem", line: name }, options, serve)
}

const connect = (state: State) => (address: RemoteAddress) =>
  state.current.open(({ connection }) =>
    Effect.gen(function*() {
      const where = addresses.show(address)
      const serve = state.network.find(address)
      if (serve === undefined) {
        state.journal.add(HostEvent.TunnelRefused({ address: where }))
        return yield* refused(state, {
          detail: `the host could not connect to ${where}: Connection refused`,
          hint: "Add a service for this address to the option `services`."
        })
      }
      const channel = yield* connection.open
      state.journal.add(HostEvent.TunnelOpened({ address: where }))
      state.tunnels++
      yield* Effect.addFinalizer(() => Effect.sync(() => void state.tunnels--))
      const served = Effect.zipRight(Effect.exit(serve(serviceSide(channel))), channel.endOutput)
      return yield* start(state, channel, Effect.zipRight(served, channel.stdin.close))
    })
  )

/** @internal */
export const make = (options: Options): Effect.Effect<Opened, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { host, network } = options
    const current = yield* currentConnection.make(String(host), options)
    const state: State = { ...options, current, scope: yield* Effect.scope, tunnels: 0 }
    return {
      transport: {
        [TypeId]: TypeId,
        host,
        capabilities,
        state: current.state,
        ready: current.ready,
        exec: exec(state),
        subsystem: subsystem(state),
        connect: connect(state),
        listen: (address) => current.open(({ connection }) => network.listen(connection, address))
      },
      drop: current.drop,
      sessions: current.sessions,
      tunnels: () => state.tunnels
    }
  })
