/**
 * Cases that hold for tunnels of all kinds.
 */
import * as RemoteContext from "@effect-remote/core/RemoteContext"
import { RemoteAddress } from "@effect-remote/core/Transport"
import type * as Tunnel from "@effect-remote/core/Tunnel"
import { assert } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ConformanceHost } from "../../../ConformanceHost.js"
import * as HostService from "../../../HostService.js"
import { eventually } from "../../../unstable/Eventually.js"
import type { Group, Need } from "../cases.js"
import {
  ask,
  client,
  closedPort,
  drain,
  eventsOf,
  flood,
  type Opening,
  parts,
  proxyOf,
  receive,
  receiveOnce,
  serveHere,
  serveThere,
  sha256,
  socksConnect,
  through,
  unlike
} from "../connections.js"
import { portOf } from "../loopback.js"
import { bytes, type Services, untilNothingIsOpen } from "../support.js"

const { echo } = HostService

/**
 * A kind of tunnel as a way to a service.
 *
 * @internal
 */
export interface Way {
  readonly name: string
  readonly needs: ReadonlyArray<Need>
  /** Reason if the target does not exist. */
  readonly refused: string
  /** Opens a tunnel to a port on the side of the target. */
  readonly to: (port: number) => Effect.Effect<
    { readonly tunnel: Tunnel.Tunnel; readonly connect: Opening },
    unknown,
    Services | Scope.Scope
  >
  readonly serve: (handler: HostService.Handler) => Effect.Effect<number, unknown, Services | Scope.Scope>
  readonly closed: Effect.Effect<number, unknown, Services>
}

/** @internal */
export const local: Way = {
  name: "a local tunnel",
  needs: [],
  refused: "ChannelRefused",
  to: (remotePort) =>
    Effect.map(RemoteContext.tunnel({ remotePort }), (tunnel) => ({ tunnel, connect: through(tunnel) })),
  serve: (handler) => Effect.map(serveThere(handler), portOf),
  closed: closedPort
}

/** @internal */
export const socks: Way = {
  ...local,
  name: "a SOCKS proxy",
  to: (port) =>
    Effect.map(RemoteContext.socksProxy(), (tunnel) => ({
      tunnel,
      connect: socksConnect(proxyOf(tunnel), "localhost", port)
    }))
}

/** @internal */
export const remote: Way = {
  name: "a remote tunnel",
  needs: ["remoteForward"],
  refused: "ConnectionRefused",
  to: (localPort) =>
    Effect.gen(function*() {
      const host = yield* ConformanceHost
      const tunnel = yield* RemoteContext.remoteTunnel({ localPort })
      const address = RemoteAddress.Tcp({ host: "localhost", port: tunnel.remotePort })
      return { tunnel, connect: Effect.map(host.connect(address), client) }
    }),
  serve: serveHere,
  closed: Effect.scoped(serveHere(drain))
}

/** Opens a tunnel to a service of its own. */
const openOf = (way: Way) => (handler: HostService.Handler) => Effect.flatMap(way.serve(handler), way.to)

/** @internal */
export const directions = (way: Way): Group => (test) => {
  const open = openOf(way)

  test(`${way.name} carries bytes both ways, and half-closes`, () =>
    Effect.gen(function*() {
      const { connect } = yield* open(echo)
      const connection = yield* connect
      const payload = Buffer.from(Array.makeBy(3_000_000, (index) => index % 251))
      const answer = yield* Effect.fork(receive(connection))
      yield* connection.write(payload)
      yield* connection.end
      assert.isTrue(payload.equals(yield* Fiber.join(answer)))
    }), ...way.needs)

  test(`${way.name} brings the target's answer after the end of its input`, () =>
    Effect.gen(function*() {
      const { connect } = yield* open((connection) =>
        Effect.all([drain(connection), connection.write(bytes("after the end")), connection.end])
      )
      assert.strictEqual(yield* ask(yield* connect, "that is all"), "after the end")
    }), ...way.needs)

  test(
    `${way.name} goes on in one direction when the target has ended the other`,
    () =>
      Effect.gen(function*() {
        const got = yield* Deferred.make<string>()
        const { connect } = yield* open((connection) =>
          Effect.gen(function*() {
            yield* connection.write(bytes("bye"))
            yield* connection.end
            yield* Deferred.succeed(got, (yield* receive(connection)).toString())
          })
        )
        const connection = yield* connect
        assert.strictEqual((yield* receive(connection)).toString(), "bye")
        yield* connection.write(bytes("still here"))
        yield* connection.end
        assert.strictEqual(yield* Deferred.await(got), "still here")
      }),
    ...way.needs,
    "halfClose"
  )
}

/** @internal */
export const capacity = (way: Way): Group => (test) => {
  const open = openOf(way)

  const takes = (count: number, ...needs: ReadonlyArray<Need>) =>
    test(`${way.name} takes ${count} connections at once`, () =>
      Effect.gen(function*() {
        const { connect, tunnel } = yield* open(echo)
        const connections = yield* Effect.all(Array.replicate(connect, count), { concurrency: "unbounded" })
        const answers = yield* Effect.forEach(
          connections,
          (connection, index) => ask(connection, `number ${index}`),
          {
            concurrency: "unbounded"
          }
        )
        assert.deepStrictEqual(answers, Array.makeBy(count, (index) => `number ${index}`))
        yield* eventually(tunnel.connections, (open) => open === 0)
      }), ...needs)

  takes(20, ...way.needs)

  takes(200, ...way.needs, "oneConnection")

  test(`${way.name} carries 32 MiB, and not a byte of it changes`, () =>
    Effect.gen(function*() {
      const { connect } = yield* open(echo)
      const size = 16 * 1024 * 1024
      const results = yield* Effect.forEach([1, 2], (seed) =>
        Effect.gen(function*() {
          const connection = yield* connect
          const answer = yield* Effect.fork(sha256(parts(connection)))
          yield* Stream.runForEach(Stream.fromIterable(unlike(seed, size)), connection.write)
          yield* connection.end
          return [yield* Fiber.join(answer), yield* sha256(Stream.fromIterable(unlike(seed, size)))] as const
        }), { concurrency: "unbounded" })
      for (const [got, expected] of results) assert.strictEqual(got, expected)
    }), ...way.needs)
}

/** @internal */
export const flow = (way: Way): Group => (test) => {
  const open = openOf(way)

  test(`a slow reader of ${way.name} stops no other`, () =>
    Effect.gen(function*() {
      let sent = 0
      const { connect } = yield* open((connection) =>
        Effect.gen(function*() {
          const first = yield* receiveOnce(connection)
          if (first.toString() === "flood") return yield* flood(connection, (size) => sent += size)
          yield* connection.write(first)
          yield* connection.end
        })
      )
      const slow = yield* connect
      yield* slow.write(bytes("flood"))
      yield* slow.take(1)
      // Until all buffers on the way are full.
      let before = -1
      yield* eventually(
        Effect.delay(Effect.sync(() => sent), "300 millis"),
        (now) => {
          const stands = now === before
          before = now
          return stands
        }
      )
      assert.isBelow(sent, 64 * 1024 * 1024)
      assert.strictEqual(yield* ask(yield* connect, "me first"), "me first")
      const rest = 2 * sent
      assert.strictEqual((yield* slow.take(rest)).length, rest)
    }), ...way.needs)
}

/** @internal */
export const refusal = (way: Way): Group => (test) => {
  test(
    `a target that refuses closes that connection of ${way.name}, is reported, and harms no other`,
    () =>
      Effect.gen(function*() {
        const { connect, tunnel } = yield* way.to(yield* way.closed)
        const next = yield* eventsOf(tunnel)
        const attempt = Effect.flatMap(connect, receive).pipe(
          Effect.map(({ length }) => length),
          Effect.orElseSucceed(() => 0)
        )
        assert.strictEqual(yield* attempt, 0)
        const event = yield* next
        assert(event._tag === "Refused")
        assert.strictEqual(event.error.reason, way.refused)
        assert.strictEqual(yield* attempt, 0)
      }),
    ...way.needs
  )
}

/** @internal */
export const end = (way: Way): Group => (test) => {
  test(
    `${way.name} closes with its scope, connections included, also while one is busy`,
    () =>
      Effect.gen(function*() {
        let served = 0
        let isFirst = true
        const port = yield* way.serve((connection) =>
          Effect.suspend(() => {
            served++
            const isBusy = isFirst
            isFirst = false
            return isBusy
              ? flood(connection, () => {})
              : Effect.zipRight(connection.write(bytes("held open")), drain(connection))
          }).pipe(Effect.ensuring(Effect.sync(() => served--)))
        )
        const scope = yield* Scope.make()
        const { connect, tunnel } = yield* Scope.extend(way.to(port), scope)
        const own = yield* Scope.make()
        const busy = yield* Scope.extend(connect, own)
        yield* receiveOnce(busy)
        const idle = yield* Scope.extend(connect, own)
        yield* receiveOnce(idle)
        assert.strictEqual(yield* tunnel.connections, 2)
        const ended = yield* Effect.fork(
          Effect.all([drain(busy), drain(idle), tunnel.ended], { concurrency: "unbounded" })
        )
        yield* Scope.close(scope, Exit.void)
        yield* Fiber.join(ended)
        const again = Effect.flatMap(connect, receive)
        assert.isTrue(Exit.isFailure(yield* Effect.exit(again)))
        yield* eventually(Effect.sync(() => served), (count) => count === 0)
        yield* Scope.close(own, Exit.void)
        yield* untilNothingIsOpen
      }),
    ...way.needs
  )

  test(`${way.name} reports its connections as events`, () =>
    Effect.gen(function*() {
      const port = yield* way.serve(echo)
      const { connect, tunnel } = yield* way.to(port)
      const events = yield* Effect.fork(Stream.runCollect(Stream.take(tunnel.events, 2)))
      yield* Effect.yieldNow()
      yield* ask(yield* connect, "x")
      const [opened, closed] = Chunk.toReadonlyArray(yield* Fiber.join(events))
      assert(opened?._tag === "Opened")
      assert.match(opened.target, new RegExp(`:${port}$`))
      assert(closed?._tag === "Closed")
      assert.isUndefined(closed.error)
      assert.strictEqual(closed.peer, opened.peer)
    }), ...way.needs)
}
