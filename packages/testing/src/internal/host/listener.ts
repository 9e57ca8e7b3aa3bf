/**
 * An address on which the host listens for its client: connections wait until the client accepts them.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { Duplex, RemoteAddress, RemoteConnection, RemoteListener } from "@effect-remote/core/Transport"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as addresses from "./address.js"
import type { Connection } from "./connection.js"

interface Pending {
  readonly duplex: Duplex<never>
  /** Set when the client has closed the connection, or never will accept it. */
  readonly done: Deferred.Deferred<void>
}

/** @internal */
export interface Queue {
  /** Adds a connection. Waits until it is done. */
  readonly add: (duplex: Duplex<never>) => Effect.Effect<void>
  readonly next: Effect.Effect<Pending>
  /** Ends all connections that were not accepted. */
  readonly end: Effect.Effect<void>
}

/** @internal */
export const queue = (): Queue => {
  const pending: Array<Pending> = []
  const filled = Effect.unsafeMakeLatch(false)
  const next: Effect.Effect<Pending> = Effect.suspend(() => {
    const one = pending.shift()
    if (one !== undefined) return Effect.succeed(one)
    filled.unsafeClose()
    return Effect.zipRight(filled.await, next)
  })
  return {
    add: (duplex) =>
      Effect.suspend(() => {
        const one = { duplex, done: Deferred.unsafeMake<void>(FiberId.none) }
        pending.push(one)
        filled.unsafeOpen()
        return Deferred.await(one.done)
      }),
    next,
    end: Effect.suspend(() =>
      Effect.forEach(pending.splice(0), ({ done }) => Deferred.succeed(done, undefined), { discard: true })
    )
  }
}

/**
 * Accepts the connections of a queue, until the client's connection to the host is lost.
 *
 * @internal
 */
export const make = (host: string, client: Connection, address: RemoteAddress, { next }: Queue): RemoteListener => {
  const where = addresses.show(address)
  const lost = Effect.failSync(() =>
    new RemoteConnectionError({
      reason: "ConnectionLost",
      host,
      detail: `listening on the host at ${where}: the connection was lost`
    })
  )
  const unlessLost = <A>(effect: Effect.Effect<A>): Effect.Effect<A, RemoteConnectionError> =>
    Effect.suspend(() => client.isLost() ? lost : effect).pipe(
      Effect.raceFirst(Effect.zipRight(client.lost, lost))
    )
  const accepted = Effect.uninterruptibleMask((restore) =>
    Effect.tap(
      restore(unlessLost(next)),
      ({ done }) => Effect.addFinalizer(() => Deferred.succeed(done, undefined))
    )
  )
  return {
    address,
    accept: Effect.map(accepted, ({ duplex }): RemoteConnection => ({
      peer: `a client of ${where}`,
      read: unlessLost(duplex.read),
      write: (bytes) => unlessLost(duplex.write(bytes)),
      end: unlessLost(duplex.end)
    }))
  }
}
