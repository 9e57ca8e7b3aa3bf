/**
 * The client's connection to the host. It is made when it is needed, and again after a loss.
 */
import type { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { ConnectionState } from "@effect-remote/core/Transport"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { HostEvent } from "../../HostEvent.js"
import * as connections from "./connection.js"
import type { Faults } from "./faults.js"
import type { Journal } from "./journal.js"
import type { Link } from "./link.js"
import * as sessions from "./sessions.js"

/** @internal */
export interface Options {
  readonly maxSessions: number
  readonly link: Link
  readonly journal: Journal
  readonly faults: Faults
}

/** @internal */
export interface Connected {
  readonly connection: connections.Connection
  readonly sessions: sessions.Sessions
}

/** @internal */
export interface CurrentConnection {
  readonly state: Stream.Stream<ConnectionState>
  readonly ready: Effect.Effect<void, RemoteConnectionError>
  /** Opens a channel. If the connection is lost meanwhile, opens it on the next one, because nothing was sent on it. */
  readonly open: <A, R>(
    open: (connected: Connected) => Effect.Effect<A, RemoteConnectionError, R>
  ) => Effect.Effect<A, RemoteConnectionError, R>
  readonly drop: (detail: string) => Effect.Effect<void>
  /** The number of open sessions. */
  readonly sessions: () => number
}

/**
 * Connects at once, unless a fault of the connection is active.
 *
 * @internal
 */
export const make = (
  host: string,
  { faults, journal, link, maxSessions }: Options
): Effect.Effect<CurrentConnection, never, Scope.Scope> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    const state = yield* SubscriptionRef.make<ConnectionState>("connecting")
    const oneAtATime = yield* Effect.makeSemaphore(1)
    let last: Connected | undefined
    const usable = () => last?.connection.isLost() === false ? last : undefined

    const connect = Effect.gen(function*() {
      yield* SubscriptionRef.set(state, "connecting")
      yield* Effect.tapError(faults.connecting, ({ detail }) => {
        journal.add(HostEvent.ConnectionFailed({ detail }))
        return SubscriptionRef.set(state, "lost")
      })
      const own = sessions.make(host, maxSessions, scope)
      const connection = connections.make(host, link, (error) => {
        journal.add(HostEvent.ConnectionLost({ detail: error.detail }))
        return Effect.zipRight(own.fail(error), SubscriptionRef.set(state, "lost"))
      })
      const connected: Connected = { connection, sessions: own }
      last = connected
      journal.add(HostEvent.Connected())
      yield* SubscriptionRef.set(state, "ready")
      return connected
    })
    const orElse = (connect: Effect.Effect<Connected, RemoteConnectionError>) =>
      Effect.suspend(() => {
        const now = usable()
        return now === undefined ? connect : Effect.succeed(now)
      })
    // Checked again inside, because another caller may have connected in between.
    const connected = orElse(oneAtATime.withPermits(1)(orElse(connect)))
    const drop = (detail: string) => Effect.suspend(() => last?.connection.drop(detail) ?? Effect.void)

    if (!faults.hasOfConnection()) yield* Effect.ignore(connected)
    else yield* SubscriptionRef.set(state, "lost")
    yield* Effect.addFinalizer(() => drop("the host has gone"))

    const current: CurrentConnection = {
      state: Stream.changes(state.changes),
      ready: Effect.asVoid(connected),
      open: (open) =>
        Effect.flatMap(connected, (one) =>
          Effect.catchIf(
            Effect.zipRight(faults.opening, open(one)),
            ({ reason }) => reason === "ConnectionLost" && one.connection.isLost(),
            () => Effect.flatMap(connected, open)
          )),
      drop,
      sessions: () => usable()?.sessions.open() ?? 0
    }
    return current
  })
