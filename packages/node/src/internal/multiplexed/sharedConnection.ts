/**
 * The connection that all channels of a transport share. Concurrent callers share one attempt to connect. After a loss, the
 * next use connects again.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { ConnectionState } from "@effect-remote/core/Transport"
import * as Scopes from "@effect-remote/core/unstable/Scopes"
import * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import * as singleFlight from "../lib/singleFlight.js"
import * as connectionState from "./connectionState.js"

/** @internal */
export interface Losable {
  /** Set before the callers of `lost` are resumed. */
  readonly isLost: () => boolean
  /** The connection is lost because the server serves no more channels on one connection. */
  readonly isSpent: () => boolean
  readonly lost: Effect.Effect<RemoteConnectionError>
}

/** @internal */
export interface Options<Connection> {
  readonly host: string
  /** One attempt. The connection ends with its scope. */
  readonly connect: Effect.Effect<Connection, RemoteConnectionError, Scope.Scope>
  readonly lazy: boolean
  /** Schedule of the attempts after a loss. The first connection is attempted once. */
  readonly reconnect: Schedule.Schedule<unknown, RemoteConnectionError>
  readonly onReconnect: () => void
}

/** @internal */
export interface SharedConnection<Connection> {
  readonly state: Stream.Stream<ConnectionState>
  readonly ready: Effect.Effect<void, RemoteConnectionError>
  /**
   * Opens a channel. If the connection is lost meanwhile, opens it once more on the next connection, because nothing was
   * sent on it. This is repeated after a spent connection, because that served another caller.
   */
  readonly open: <A, R>(
    open: (connection: Connection) => Effect.Effect<A, RemoteConnectionError, R>
  ) => Effect.Effect<A, RemoteConnectionError, R>
}

/** @internal */
export const make = Effect.fnUntraced(function*<Connection extends Losable>(options: Options<Connection>) {
  const { host, lazy, onReconnect, reconnect } = options
  const scope = yield* Effect.scope
  const state = yield* SubscriptionRef.make<connectionState.State<Connection>>(
    lazy ? connectionState.idle : connectionState.connect(connectionState.idle)
  )
  const update = (step: (state: connectionState.State<Connection>) => connectionState.State<Connection>) =>
    SubscriptionRef.update(state, step)

  const attempt = Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const { close, value: connection } = yield* Scopes.own(restore(options.connect), scope)
      yield* update((state) => connectionState.succeed(state, connection))
      const onLoss = Effect.zipRight(update((state) => connectionState.lose(state, connection)), close)
      yield* Effect.forkIn(Effect.zipRight(Effect.interruptible(connection.lost), onLoss), scope)
      return connection
    })
  )

  const connect = Effect.gen(function*() {
    // A use may notice the loss before the fiber that waits for it.
    yield* update((state) => state._tag === "Ready" ? connectionState.lose(state, state.connection) : state)
    yield* update(connectionState.connect)
    if (connectionState.isFirst(yield* SubscriptionRef.get(state))) return yield* attempt
    return yield* Effect.tap(Effect.retry(attempt, reconnect), () => Effect.sync(onReconnect))
  }).pipe(Effect.tapError(() => update(connectionState.fail)))

  const orElse = (connect: Effect.Effect<Connection, RemoteConnectionError>) =>
    Effect.flatMap(SubscriptionRef.get(state), (now) => {
      if (now._tag === "Closed") return closed(host)
      return now._tag === "Ready" && !now.connection.isLost() ? Effect.succeed(now.connection) : connect
    })
  // Checked again inside, because another caller may have connected in between.
  const connected = orElse(singleFlight.make(orElse(connect), scope))

  if (!lazy) yield* attempt
  yield* Effect.addFinalizer(() => update(() => connectionState.closed))

  const shared: SharedConnection<Connection> = {
    state: Stream.changes(Stream.map(state.changes, connectionState.shown)),
    ready: Effect.asVoid(connected),
    open: (open) => openOn(connected, open)
  }
  return shared
})

const openOn = <Connection extends Losable, A, R>(
  connected: Effect.Effect<Connection, RemoteConnectionError>,
  open: (connection: Connection) => Effect.Effect<A, RemoteConnectionError, R>,
  isAgain = false
): Effect.Effect<A, RemoteConnectionError, R> =>
  Effect.flatMap(connected, (connection) =>
    Effect.catchIf(
      open(connection),
      ({ reason }) => reason === "ConnectionLost" && connection.isLost() && (!isAgain || connection.isSpent()),
      () => openOn(connected, open, isAgain || !connection.isSpent())
    ))

const closed = (host: string): RemoteConnectionError =>
  new RemoteConnectionError({
    reason: "ConnectionLost",
    host,
    detail: "the scope of this connection has closed",
    hint: "Use the host only within the scope of its layer or of `connect`."
  })
