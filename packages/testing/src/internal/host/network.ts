/**
 * The network of the host: services, and addresses on which the host listens for its client.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import { type Duplex, RemoteAddress, type RemoteConnection, type RemoteListener } from "@effect-remote/core/Transport"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import * as pipes from "../program/pipe.js"
import * as addresses from "./address.js"
import type { Connection, HostChannel } from "./connection.js"

/** @internal */
export type Serve = (connection: Duplex<never>) => Effect.Effect<unknown, unknown>

/** @internal */
export interface Network {
  /** The service at an address. Undefined if nobody listens there. */
  readonly find: (address: RemoteAddress) => Serve | undefined
  /** Connects from the host itself. The connection closes with its scope. */
  readonly connect: (address: RemoteAddress) => Effect.Effect<Duplex<never>, RemoteConnectionError, Scope.Scope>
  readonly listen: (
    connection: Connection,
    address: RemoteAddress
  ) => Effect.Effect<RemoteListener, RemoteConnectionError, Scope.Scope>
  readonly listeners: () => number
}

const firstPort = 32768

interface End extends Duplex<never> {
  /** Stops reading and writing. Bytes already written still arrive. */
  readonly close: Effect.Effect<void>
}

/** Makes the two ends of a connection. Bytes written to one are read from the other. */
const pair = (): readonly [End, End] => {
  const [to, from] = [pipes.make(), pipes.make()]
  const side = (read: pipes.Pipe, write: pipes.Pipe): End => ({
    read: read.read,
    write: write.write,
    end: write.end,
    close: Effect.zipRight(write.end, read.close)
  })
  return [side(from, to), side(to, from)]
}

/**
 * A channel as a service has it.
 *
 * @internal
 */
export const serviceSide = (channel: HostChannel): Duplex<never> => ({
  read: channel.stdin.read,
  write: channel.stdout,
  end: channel.endOutput
})

interface Pending {
  readonly duplex: Duplex<never>
  readonly done: Deferred.Deferred<void>
}

/** @internal */
export const make = (
  host: string,
  services: ReadonlyMap<string, Serve>,
  scope: Scope.Scope,
  seen: (address: RemoteAddress) => void
): Network => {
  const listening = new Map<string, Serve>()
  let lastPort = firstPort - 1

  const find = (address: RemoteAddress): Serve | undefined => {
    const key = addresses.keyOf(address)
    return services.get(key) ?? listening.get(key)
  }

  const refused = (detail: string, hint?: string) =>
    new RemoteConnectionError({ reason: "ChannelRefused", host, detail, hint })

  const listen: Network["listen"] = Effect.fnUntraced(function*(connection, asked) {
    const isFree = (address: RemoteAddress) => find(address) === undefined
    const freePort = (host: string): RemoteAddress => {
      for (;;) {
        const address = RemoteAddress.Tcp({ host, port: ++lastPort })
        if (isFree(address)) return address
      }
    }
    const address = asked._tag === "Tcp" && asked.port === 0 ? freePort(asked.host) : asked
    const where = addresses.show(address)
    if (!isFree(address)) return yield* refused(`listening on the host at ${where}: the address is in use`)

    const pending: Array<Pending> = []
    const filled = Effect.unsafeMakeLatch(false)
    const serve: Serve = (duplex) =>
      Effect.suspend(() => {
        const one = { duplex, done: Deferred.unsafeMake<void>(FiberId.none) }
        pending.push(one)
        filled.unsafeOpen()
        return Deferred.await(one.done)
      })
    const key = addresses.keyOf(address)
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        listening.set(key, serve)
        seen(address)
      }),
      () =>
        Effect.suspend(() => {
          listening.delete(key)
          return Effect.forEach(pending.splice(0), ({ done }) => Deferred.succeed(done, undefined), { discard: true })
        })
    )
    yield* Effect.forkIn(
      Effect.interruptible(Effect.zipRight(connection.lost, Effect.sync(() => void listening.delete(key)))),
      yield* Effect.scope
    )

    const lost = Effect.failSync(() =>
      new RemoteConnectionError({
        reason: "ConnectionLost",
        host,
        detail: `listening on the host at ${where}: the connection was lost`
      })
    )
    const unlessLost = <A>(effect: Effect.Effect<A>): Effect.Effect<A, RemoteConnectionError> =>
      Effect.suspend(() => connection.isLost() ? lost : effect).pipe(
        Effect.raceFirst(Effect.zipRight(connection.lost, lost))
      )
    const next: Effect.Effect<Pending> = Effect.suspend(() => {
      const one = pending.shift()
      if (one !== undefined) return Effect.succeed(one)
      filled.unsafeClose()
      return Effect.zipRight(filled.await, next)
    })
    const listener: RemoteListener = {
      address,
      accept: Effect.map(
        Effect.uninterruptibleMask((restore) =>
          Effect.tap(
            restore(unlessLost(next)),
            ({ done }) => Effect.addFinalizer(() => Deferred.succeed(done, undefined))
          )
        ),
        ({ duplex }): RemoteConnection => ({
          peer: `a client of ${where}`,
          read: unlessLost(duplex.read),
          write: (bytes) => unlessLost(duplex.write(bytes)),
          end: unlessLost(duplex.end)
        })
      )
    }
    return listener
  })

  return {
    find,
    connect: (address) =>
      Effect.gen(function*() {
        const serve = find(address)
        if (serve === undefined) {
          return yield* refused(`nobody listens on ${addresses.show(address)}`, "Name it among services.")
        }
        const [near, far] = pair()
        yield* Effect.addFinalizer(() => near.close)
        yield* Effect.forkIn(
          Effect.interruptible(Effect.zipRight(Effect.exit(serve(far)), far.close)),
          scope
        )
        return near
      }),
    listen,
    listeners: () => listening.size
  }
}
