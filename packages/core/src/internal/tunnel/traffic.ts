/**
 * The common part of all tunnels: forwards each accepted connection to its target, and emits events.
 */
import type { SocketError } from "@effect/platform/Socket"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { RemoteConnectionError, TunnelError } from "../../RemoteError.js"
import type { Duplex } from "../../Transport.js"
import { type Tunnel, TunnelEvent } from "../../Tunnel.js"

const eventsKept = 256

// Maximum number of logged refusals, because a SOCKS proxy may have any number of targets.
const refusalsKept = 256

// Logs each refusal of a target once, because the client only sees a closed connection.
const refusalLog = (name: string) => {
  const logged = new Set<string>()
  return (error: Refusal): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (error._tag === "SocksError" || logged.has(error.message)) return Effect.void
      if (logged.size >= refusalsKept) logged.clear()
      logged.add(error.message)
      return Effect.logWarning(`The ${name} closed a connection: ${error.message}`)
    })
}

/** @internal */
export type Side = Duplex<RemoteConnectionError | SocketError>

/** @internal */
export interface Incoming extends Side {
  readonly peer: string
}

/**
 * A connection that is open to both sides.
 *
 * @internal
 */
export interface Opened {
  readonly near: Side
  readonly far: Side
  readonly target: string
}

/** @internal */
export type Refusal = Extract<TunnelEvent, { readonly _tag: "Refused" }>["error"]

type Broken = Refusal | SocketError

/** @internal */
export interface TunnelSpec {
  /** For the log. */
  readonly name: string
  readonly accept: Effect.Effect<Incoming, RemoteConnectionError | TunnelError, Scope.Scope>
  readonly open: (connection: Incoming) => Effect.Effect<Opened, Refusal, Scope.Scope>
  /** Handles a refused connection. Default: resets it. */
  readonly refuse?: (connection: Incoming, error: Refusal) => Effect.Effect<void, Broken>
  /** Whether a failure of the listener also breaks its connections. */
  readonly shared?: boolean
}

// Forwards one direction. If `to` stops reading, only this direction ends.
const carry = (from: Side, to: Side): Effect.Effect<void, RemoteConnectionError | SocketError> =>
  Effect.flatMap(
    from.read,
    Option.match({
      onNone: (): Effect.Effect<void, RemoteConnectionError | SocketError> => to.end,
      onSome: (bytes) => Effect.flatMap(to.write(bytes), (more) => more ? carry(from, to) : Effect.void)
    })
  )

/** @internal */
export const make = Effect.fnUntraced(function*(
  { accept, name, open, refuse = (_, error) => Effect.fail(error), shared = false }: TunnelSpec
) {
  const events = yield* Effect.acquireRelease(PubSub.sliding<TunnelEvent>(eventsKept), PubSub.shutdown)
  const ended = yield* Effect.acquireRelease(
    Deferred.make<void, RemoteConnectionError | TunnelError>(),
    (ended) => Deferred.succeed(ended, undefined)
  )
  const connections = yield* FiberSet.make<void, Broken>()
  const logRefusal = refusalLog(name)
  const tell = (event: TunnelEvent) => PubSub.publish(events, event)

  // Fails if the connection failed, so that its peer gets a reset. After a clean end, the peer would believe that it has
  // received everything.
  const serve = (connection: Incoming): Effect.Effect<void, Broken, Scope.Scope> => {
    const { peer } = connection
    return Effect.matchEffect(open(connection), {
      onFailure: (error): Effect.Effect<void, Broken> =>
        tell(TunnelEvent.Refused({ peer, error })).pipe(
          Effect.zipRight(logRefusal(error)),
          Effect.zipRight(refuse(connection, error))
        ),
      onSuccess: ({ far, near, target }) =>
        Effect.gen(function*() {
          yield* tell(TunnelEvent.Opened({ peer, target }))
          const carried = Effect.all([carry(near, far), carry(far, near)], { concurrency: "unbounded", discard: true })
          yield* (shared ? Effect.raceFirst(carried, Deferred.await(ended)) : carried).pipe(
            Effect.tapError((error) => tell(TunnelEvent.Closed({ peer, error: error.message })))
          )
          yield* tell(TunnelEvent.Closed({ peer, error: undefined }))
        })
    })
  }

  // Each connection has its own scope, which closes however the fiber that serves it ends.
  const acceptOne = Effect.uninterruptible(
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const connection = yield* Effect.interruptible(accept).pipe(
        Scope.extend(scope),
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
      )
      yield* FiberSet.run(
        connections,
        Effect.onExit(
          Effect.interruptible(Scope.extend(serve(connection), scope)),
          (exit) => Scope.close(scope, exit)
        )
      )
    })
  )
  yield* Effect.forever(acceptOne).pipe(
    Effect.tapError((error) => tell(TunnelEvent.Lost({ error }))),
    Effect.tapErrorCause((cause) =>
      Effect.zipRight(
        Effect.logWarning(`The ${name} accepts no more connections`, cause),
        Deferred.failCause(ended, cause)
      )
    ),
    Effect.interruptible,
    Effect.forkScoped
  )

  const tunnel: Tunnel = {
    events: Stream.fromPubSub(events),
    connections: FiberSet.size(connections),
    ended: Deferred.await(ended)
  }
  return tunnel
})
