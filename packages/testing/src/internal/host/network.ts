/**
 * The network of the host: services, and addresses on which the host listens for its client.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import { type Duplex, RemoteAddress, type RemoteListener } from "@effect-remote/core/Transport"
import * as Scopes from "@effect-remote/core/unstable/Scopes"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as pipes from "../program/pipe.js"
import * as addresses from "./address.js"
import type { Connection, HostChannel } from "./connection.js"
import * as listeners from "./listener.js"

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

interface State {
  readonly host: string
  readonly services: ReadonlyMap<string, Serve>
  /** The addresses on which the host listens for its client. */
  readonly listening: Map<string, Serve>
  /** The scope of connections from the host itself. */
  readonly scope: Scope.Scope
  readonly seen: (address: RemoteAddress) => void
  lastPort: number
}

const refused = ({ host }: State, detail: string, hint?: string) =>
  new RemoteConnectionError({ reason: "ChannelRefused", host, detail, hint })

const find = ({ listening, services }: State, address: RemoteAddress): Serve | undefined => {
  const key = addresses.keyOf(address)
  return services.get(key) ?? listening.get(key)
}

const freePort = (state: State, host: string): RemoteAddress => {
  for (;;) {
    const address = RemoteAddress.Tcp({ host, port: ++state.lastPort })
    if (find(state, address) === undefined) return address
  }
}

const listen = (
  state: State,
  client: Connection,
  asked: RemoteAddress
): Effect.Effect<RemoteListener, RemoteConnectionError, Scope.Scope> =>
  Effect.gen(function*() {
    const { host, listening, seen } = state
    const address = asked._tag === "Tcp" && asked.port === 0 ? freePort(state, asked.host) : asked
    if (find(state, address) !== undefined) {
      return yield* refused(state, `listening on the host at ${addresses.show(address)}: the address is in use`)
    }
    const queue = listeners.queue()
    const key = addresses.keyOf(address)
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        listening.set(key, queue.add)
        seen(address)
      }),
      () => Effect.zipRight(Effect.sync(() => listening.delete(key)), queue.end)
    )
    yield* Scopes.forkInterruptible(Effect.zipRight(client.lost, Effect.sync(() => void listening.delete(key))))
    return listeners.make(host, client, address, queue)
  })

const connect = (
  state: State,
  address: RemoteAddress
): Effect.Effect<Duplex<never>, RemoteConnectionError, Scope.Scope> =>
  Effect.gen(function*() {
    const serve = find(state, address)
    if (serve === undefined) {
      return yield* refused(state, `nobody listens on ${addresses.show(address)}`, "Name it among services.")
    }
    const [near, far] = pair()
    yield* Effect.addFinalizer(() => near.close)
    yield* Effect.forkIn(
      Effect.interruptible(Effect.zipRight(Effect.exit(serve(far)), far.close)),
      state.scope
    )
    return near
  })

/** @internal */
export const make = (
  host: string,
  services: ReadonlyMap<string, Serve>,
  scope: Scope.Scope,
  seen: (address: RemoteAddress) => void
): Network => {
  const state: State = { host, services, scope, seen, listening: new Map(), lastPort: firstPort - 1 }
  return {
    find: (address) => find(state, address),
    connect: (address) => connect(state, address),
    listen: (client, address) => listen(state, client, address),
    listeners: () => state.listening.size
  }
}
