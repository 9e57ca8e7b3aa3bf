/**
 * The transport to the host: one connection, made when it is needed, and again after it was lost.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { RemoteHost } from "@effect-remote/core/RemoteHost"
import {
  type Channel,
  type ConnectionState,
  type ExitStatus,
  type RemoteAddress,
  type SessionOptions,
  type Transport,
  TypeId
} from "@effect-remote/core/Transport"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { HostEvent } from "../../HostEvent.js"
import * as addresses from "./address.js"
import type { Commands } from "./commands.js"
import * as connections from "./connection.js"
import type { Faults } from "./faults.js"
import type { Journal } from "./journal.js"
import type { Link } from "./link.js"
import { type Network, serviceSide } from "./network.js"
import * as sessions from "./sessions.js"

/** @internal */
export interface Options {
  readonly host: RemoteHost
  readonly maxSessions: number
  readonly link: Link
  readonly journal: Journal
  readonly faults: Faults
  readonly commands: Commands
  readonly network: Network
  readonly subsystems: Readonly<
    Record<string, (channel: connections.HostChannel, connection: connections.Connection) => Effect.Effect<void>>
  >
}

/** @internal */
export interface Opened {
  readonly transport: Transport
  readonly drop: (detail: string) => Effect.Effect<void>
  readonly isConnected: () => boolean
  readonly sessions: () => number
  /** To addresses. */
  readonly tunnels: () => number
}

interface Current {
  readonly connection: connections.Connection
  readonly sessions: sessions.Sessions
}

/** @internal */
export const make = (
  { commands, faults, host, journal, link, maxSessions, network, subsystems }: Options
): Effect.Effect<Opened, never, Scope.Scope> =>
  Effect.gen(function*() {
    const name = String(host)
    const whole = yield* Effect.scope
    const state = yield* SubscriptionRef.make<ConnectionState>("connecting")
    const oneAtATime = yield* Effect.makeSemaphore(1)
    let current: Current | undefined
    let tunnels = 0

    const isCurrent = (one: Current | undefined): one is Current => one !== undefined && !one.connection.isLost()

    const connect = Effect.gen(function*() {
      yield* SubscriptionRef.set(state, "connecting")
      yield* Effect.tapError(faults.connecting, ({ detail }) => {
        journal.add(HostEvent.ConnectionFailed({ detail }))
        return SubscriptionRef.set(state, "lost")
      })
      const own = sessions.make(name, maxSessions, whole)
      const connection = connections.make(name, link, (error) => {
        journal.add(HostEvent.ConnectionLost({ detail: error.detail }))
        return Effect.zipRight(own.fail(error), SubscriptionRef.set(state, "lost"))
      })
      const made: Current = { connection, sessions: own }
      current = made
      journal.add(HostEvent.Connected())
      yield* SubscriptionRef.set(state, "ready")
      return made
    })

    const connected: Effect.Effect<Current, RemoteConnectionError> = Effect.suspend(() =>
      isCurrent(current)
        ? Effect.succeed(current)
        : oneAtATime.withPermits(1)(Effect.suspend(() => isCurrent(current) ? Effect.succeed(current) : connect))
    )

    // Nothing was sent on a channel that was not opened: it may be opened on another connection.
    const opening = <A, R>(
      open: (current: Current) => Effect.Effect<A, RemoteConnectionError, R>
    ): Effect.Effect<A, RemoteConnectionError, R> =>
      Effect.flatMap(connected, (one) =>
        Effect.catchIf(
          Effect.zipRight(faults.opening, open(one)),
          ({ reason }) => reason === "ConnectionLost" && one.connection.isLost(),
          () => Effect.flatMap(connected, open)
        ))

    const start = (
      channel: connections.HostChannel,
      serve: Effect.Effect<unknown>
    ): Effect.Effect<Channel> => Effect.as(Effect.forkIn(Effect.interruptible(serve), whole), channel.channel)

    const session = (
      { kind, line, options }: {
        readonly kind: "exec" | "subsystem"
        readonly line: string
        readonly options: SessionOptions
      },
      serve: (channel: connections.HostChannel, connection: connections.Connection) => Effect.Effect<void>
    ) =>
      opening(({ connection, sessions }) =>
        Effect.gen(function*() {
          const leave = yield* sessions.take(options)
          const channel = yield* connection.open
          journal.add(HostEvent.Session({ kind, line }))
          // A channel is closed once what ran on it has ended, whether its client lets it go or not.
          const closing = { ...channel, exit: (status: ExitStatus) => Effect.zipRight(channel.exit(status), leave) }
          return yield* start(channel, serve(closing, connection))
        })
      )

    const exec: Transport["exec"] = (line, { pty, ...options } = {}) =>
      session(
        { kind: "exec", line, options },
        (channel, connection) => commands.serve(line, pty !== undefined, channel, connection)
      )

    const subsystem: Transport["subsystem"] = (name, options = {}) => {
      const serve = subsystems[name]
      return serve === undefined
        ? Effect.zipRight(
          connected,
          new RemoteConnectionError({
            reason: "ChannelRefused",
            host: String(host),
            detail: `the server has no subsystem ${JSON.stringify(name)}`
          })
        )
        : session({ kind: "subsystem", line: name, options }, serve)
    }

    const connectTo = (address: RemoteAddress) =>
      opening(({ connection }) =>
        Effect.gen(function*() {
          const where = addresses.show(address)
          const serve = network.find(address)
          if (serve === undefined) {
            journal.add(HostEvent.TunnelRefused({ address: where }))
            return yield* new RemoteConnectionError({
              reason: "ChannelRefused",
              host: name,
              detail: `the host could not connect to ${where}: Connection refused`,
              hint: "Add a service for this address to the option `services`."
            })
          }
          const channel = yield* connection.open
          journal.add(HostEvent.TunnelOpened({ address: where }))
          tunnels++
          yield* Effect.addFinalizer(() => Effect.sync(() => void tunnels--))
          const served = Effect.zipRight(Effect.exit(serve(serviceSide(channel))), channel.endOutput)
          return yield* start(channel, Effect.zipRight(served, channel.stdin.close))
        })
      )

    if (!faults.hasOfConnection()) yield* Effect.ignore(connected)
    else yield* SubscriptionRef.set(state, "lost")
    yield* Effect.addFinalizer(() => current?.connection.drop("the host has gone") ?? Effect.void)

    return {
      transport: {
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
        listen: (address) => opening(({ connection }) => network.listen(connection, address))
      },
      drop: (detail) => Effect.suspend(() => current?.connection.drop(detail) ?? Effect.void),
      isConnected: () => isCurrent(current),
      sessions: () => isCurrent(current) ? current.sessions.open() : 0,
      tunnels: () => tunnels
    }
  })
