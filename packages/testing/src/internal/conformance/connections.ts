/**
 * Connections of the cases, from this machine and on the host.
 */
import { LocalAddress } from "@effect-remote/core/LocalNetwork"
import { type Duplex, RemoteAddress } from "@effect-remote/core/Transport"
import type * as Tunnel from "@effect-remote/core/Tunnel"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Crypto from "node:crypto"
import { ConformanceHost } from "../../ConformanceHost.js"
import type * as HostService from "../../HostService.js"
import { portOf } from "./loopback.js"
import * as services from "./services.js"
import { bytes, localNetwork } from "./support.js"

/** A connection with a `take` of a number of bytes. */
interface Client extends Duplex<unknown> {
  readonly take: (count: number) => Effect.Effect<Buffer, unknown>
}

/** @internal */
export const client = ({ end, read, write }: Duplex<unknown>): Client => {
  let rest: Uint8Array = new Uint8Array()
  const next = Effect.suspend(() => {
    if (rest.length === 0) return read
    const first = rest
    rest = new Uint8Array()
    return Effect.succeedSome(first)
  })
  return {
    end,
    read: next,
    write,
    // Fewer where the other side ends before.
    take: (count) =>
      Effect.gen(function*() {
        const parts: Array<Uint8Array> = []
        let size = 0
        while (size < count) {
          const part = yield* next
          if (Option.isNone(part)) break
          parts.push(part.value)
          size += part.value.length
        }
        const all = Buffer.concat(parts)
        rest = all.subarray(count)
        return all.subarray(0, count)
      })
  }
}

/** @internal */
export type Opening = Effect.Effect<Client, unknown, Scope.Scope>

/** @internal */
export const connectHere = (address: LocalAddress): Effect.Effect<Client, unknown, Scope.Scope> =>
  Effect.map(Effect.flatMap(localNetwork, ({ connect }) => connect(address)), client)

/** @internal */
export const loopback = (port: number) => connectHere(LocalAddress.Tcp({ host: "127.0.0.1", port }))

/** @internal */
export const through = (tunnel: Tunnel.LocalTunnel) => loopback(tunnel.localPort)

/** @internal */
export const connectThere = (port: number) =>
  Effect.flatMap(
    ConformanceHost,
    ({ connect }) => Effect.map(connect(RemoteAddress.Tcp({ host: "localhost", port })), client)
  )

/** @internal */
export const serveThere = (handler: HostService.Handler, kind?: RemoteAddress["_tag"]) =>
  Effect.flatMap(ConformanceHost, ({ serve }) => serve(handler, kind))

/** @internal */
export const closedPort = Effect.flatMap(ConformanceHost, ({ closedPort }) => closedPort)

/** @internal */
export const anyPort: LocalAddress = LocalAddress.Tcp({ host: "127.0.0.1", port: 0 })

/**
 * Serves on this machine.
 *
 * @internal
 */
export const serveHere = (handler: HostService.Handler, address: LocalAddress = anyPort) =>
  Effect.map(
    Effect.flatMap(localNetwork, (network) => services.serve(network, address, handler)),
    portOf
  )

/**
 * All that comes until the other side ends.
 *
 * @internal
 */
export const receive = <E>({ read }: Pick<Duplex<E>, "read">): Effect.Effect<Buffer, E> =>
  Effect.gen(function*() {
    const parts: Array<Uint8Array> = []
    for (let part = yield* read; Option.isSome(part); part = yield* read) parts.push(part.value)
    return Buffer.concat(parts)
  })

/**
 * All that comes until the other side ends, or breaks.
 *
 * @internal
 */
export const heard = ({ read }: Duplex<unknown>): Effect.Effect<Buffer> =>
  receive({ read: Effect.orElseSucceed(read, Option.none<Uint8Array>) })

/**
 * The first bytes that come.
 *
 * @internal
 */
export const receiveOnce = ({ read }: Duplex<unknown>) =>
  Effect.map(read, (part) => Buffer.from(Option.getOrThrow(part)))

/**
 * Reads to the end, or until it breaks.
 *
 * @internal
 */
export const drain = ({ read }: Duplex<unknown>): Effect.Effect<void> =>
  Effect.ignore(Effect.repeat(read, { until: Option.isNone }))

/**
 * Sends a text, and gives what comes back.
 *
 * @internal
 */
export const ask = (connection: Duplex<unknown>, text: string) =>
  Effect.gen(function*() {
    yield* connection.write(bytes(text))
    yield* connection.end
    return (yield* receive(connection)).toString()
  })

/**
 * Sends without end, no faster than it is read, and counts.
 *
 * @internal
 */
export const flood = (connection: Duplex<never>, count: (size: number) => void) => {
  const piece = new Uint8Array(65536)
  return Effect.repeat(
    Effect.tap(connection.write(piece), () => Effect.sync(() => count(piece.length))),
    { until: (more) => !more }
  )
}

/**
 * Connects through a SOCKS proxy, and fails with the code of its reply.
 *
 * @internal
 */
export const socksConnect = (proxy: LocalAddress, host: string, port: number) =>
  Effect.gen(function*() {
    const connection = yield* connectHere(proxy)
    yield* connection.write(Uint8Array.from([5, 1, 0]))
    assert.deepStrictEqual([...yield* connection.take(2)], [5, 0])
    yield* connection.write(Uint8Array.from([5, 1, 0, 3, host.length, ...bytes(host), port >> 8, port & 0xff]))
    const reply = yield* connection.take(10)
    if (reply[1] !== 0) return yield* Effect.fail(reply[1])
    return connection
  })

/** @internal */
export const proxyOf = ({ localPort }: Tunnel.SocksProxy) => LocalAddress.Tcp({ host: "127.0.0.1", port: localPort })

/** @internal */
export const eventsOf = (tunnel: Tunnel.Tunnel) =>
  Effect.gen(function*() {
    const events = yield* Queue.unbounded<Tunnel.TunnelEvent>()
    yield* Effect.forkScoped(Stream.runForEach(tunnel.events, (event) => Queue.offer(events, event)))
    yield* Effect.yieldNow()
    return Queue.take(events)
  })

/** @internal */
export const parts = ({ read }: Duplex<unknown>): Stream.Stream<Uint8Array, unknown> =>
  Stream.repeatEffectOption(Effect.flatMap(
    Effect.mapError(read, Option.some),
    Option.match({ onNone: () => Effect.fail(Option.none()), onSome: Effect.succeed })
  ))

/**
 * Bytes that no other such connection has.
 *
 * @internal
 */
export function* unlike(seed: number, size: number) {
  const cipher = Crypto.createCipheriv("aes-128-ctr", Buffer.alloc(16, seed), Buffer.alloc(16))
  for (let at = 0; at < size; at += 65536) yield cipher.update(Buffer.alloc(Math.min(65536, size - at)))
}

/** @internal */
export const sha256 = (parts: Stream.Stream<Uint8Array, unknown>) =>
  Effect.suspend(() => {
    const hash = Crypto.createHash("sha256")
    return Effect.map(
      Stream.runForEach(parts, (part) => Effect.sync(() => void hash.update(part))),
      () => hash.digest("hex")
    )
  })
