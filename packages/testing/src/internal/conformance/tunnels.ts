import { LocalAddress, type LocalConnection } from "@effect-remote/core/LocalNetwork"
import * as RemoteContext from "@effect-remote/core/RemoteContext"
import { RemoteAddress, Transport } from "@effect-remote/core/Transport"
import type * as Tunnel from "@effect-remote/core/Tunnel"
import { assert } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ConformanceHost } from "../../ConformanceHost.js"
import * as HostService from "../../HostService.js"
import { cases, type Need } from "./cases.js"
import {
  anyPort,
  ask,
  client,
  closedPort,
  connectHere,
  connectThere,
  drain,
  eventsOf,
  flood,
  heard,
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
} from "./connections.js"
import { portOf } from "./loopback.js"
import {
  bytes,
  directory,
  dropConnections,
  eventually,
  localDirectory,
  localNetwork,
  type Services,
  unlessLost,
  untilNothingIsOpen
} from "./support.js"

const { echo } = HostService

/** A kind of tunnel as a way to a service. */
interface Way {
  readonly name: string
  readonly needs: ReadonlyArray<Need>
  /** Why a target that is not there is not reached. */
  readonly refused: string
  /** To a port where its target is. */
  readonly to: (port: number) => Effect.Effect<
    { readonly tunnel: Tunnel.Tunnel; readonly connect: Opening },
    unknown,
    Services | Scope.Scope
  >
  readonly serve: (handler: HostService.Handler) => Effect.Effect<number, unknown, Services | Scope.Scope>
  readonly closed: Effect.Effect<number, unknown, Services>
}

const local: Way = {
  name: "a local tunnel",
  needs: [],
  refused: "ChannelRefused",
  to: (remotePort) =>
    Effect.map(RemoteContext.tunnel({ remotePort }), (tunnel) => ({ tunnel, connect: through(tunnel) })),
  serve: (handler) => Effect.map(serveThere(handler), portOf),
  closed: closedPort
}

const socks: Way = {
  ...local,
  name: "a SOCKS proxy",
  to: (port) =>
    Effect.map(RemoteContext.socksProxy(), (tunnel) => ({
      tunnel,
      connect: socksConnect(proxyOf(tunnel), "localhost", port)
    }))
}

const remote: Way = {
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

/** @internal */
export const tunnels = cases("tunnels", (test) => {
  for (const way of [local, socks, remote]) {
    /** To a service of one's own. */
    const open = (handler: HostService.Handler) => Effect.flatMap(way.serve(handler), way.to)

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

    test(`${way.name} brings what the target says after the end of what it was told`, () =>
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

    test(
      `a target that refuses closes that connection of ${way.name}, is told, and harms no other`,
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

    test(`${way.name} tells what happens as events`, () =>
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

  test("a local tunnel listens on loopback and a free port", () =>
    Effect.gen(function*() {
      const tunnel = yield* RemoteContext.tunnel({ remotePort: 1 })
      assert.strictEqual(tunnel.localHost, "127.0.0.1")
      assert.isAbove(tunnel.localPort, 0)
    }))

  test("a busy local port is a TunnelError that says who asked for what", () =>
    Effect.gen(function*() {
      const port = yield* serveHere(drain)
      const error = yield* Effect.flip(
        RemoteContext.tunnel({ remoteHost: "search.internal", remotePort: 9200, localPort: port })
      )
      assert(error._tag === "TunnelError")
      assert.strictEqual(error.reason, "AddressInUse")
      assert.include(error.message, `from 127.0.0.1:${port} to search.internal:9200 through`)
      const proxy = yield* Effect.flip(RemoteContext.socksProxy({ localPort: port }))
      assert.strictEqual(proxy.reason, "AddressInUse")
      assert.include(proxy.message, `from 127.0.0.1:${port} to whatever is asked for through`)
    }))

  test("addresses that are none are refused before anything is opened", () =>
    Effect.gen(function*() {
      for (
        const options of [
          { remotePort: 0 },
          { remotePort: 65536 },
          { remotePort: 1.5 },
          { remoteHost: "", remotePort: 1 },
          { remoteHost: "a b", remotePort: 1 },
          { remotePort: 1, localPort: -1 },
          { remotePort: 1, localPath: `/tmp/${"x".repeat(120)}` },
          { remotePath: "" }
        ] as const
      ) {
        const error = yield* Effect.flip(RemoteContext.tunnel(options))
        assert.strictEqual(error.reason, "InvalidAddress", JSON.stringify(options))
      }
    }))

  test("a connection that is lost is reset, and does not end as if all had come", () =>
    Effect.gen(function*() {
      const { tunnel } = yield* Effect.flatMap(
        local.serve((connection) => Effect.zipRight(connection.write(bytes("some of it")), drain(connection))),
        local.to
      )
      const connection = yield* through(tunnel as Tunnel.LocalTunnel)
      yield* receiveOnce(connection)
      const how = yield* Effect.fork(Effect.exit(connection.read))
      yield* Effect.yieldNow()
      yield* dropConnections
      assert.isTrue(Exit.isFailure(yield* Fiber.join(how)))
      // The tunnel listens on, and the next connection has the transport connect again.
      const again = Effect.gen(function*() {
        return (yield* receiveOnce(yield* through(tunnel as Tunnel.LocalTunnel))).toString()
      })
      assert.strictEqual(yield* Effect.retry(Effect.scoped(again), { times: 5 }), "some of it")
    }))

  test("a failing body closes it", () =>
    Effect.gen(function*() {
      const port = yield* local.serve(echo)
      let opened: Tunnel.LocalTunnel | undefined
      const body = Effect.scoped(Effect.gen(function*() {
        opened = yield* RemoteContext.tunnel({ remotePort: port })
        yield* through(opened)
        return yield* Effect.fail("body")
      }))
      assert.strictEqual(yield* Effect.flip(body), "body")
      assert(opened !== undefined)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(through(opened))))
    }))

  test("a local tunnel listens on a unix socket", () =>
    Effect.gen(function*() {
      const port = yield* local.serve(echo)
      const localPath = `${yield* localDirectory}/socket`
      const tunnel = yield* RemoteContext.tunnel({ remotePort: port, localPath })
      assert.strictEqual(tunnel.localPort, 0)
      const connection = yield* connectHere(LocalAddress.Unix({ path: localPath }))
      assert.strictEqual(yield* ask(connection, "over unix"), "over unix")
    }))

  test("a local tunnel leads to a unix socket", () =>
    Effect.gen(function*() {
      const address = yield* serveThere(echo, "Unix")
      assert(address._tag === "Unix")
      const tunnel = yield* RemoteContext.tunnel({ remotePath: address.path })
      assert.strictEqual(yield* ask(yield* through(tunnel), "to unix"), "to unix")
    }), "unixSockets")

  test("a SOCKS proxy listens on a unix socket", () =>
    Effect.gen(function*() {
      const port = yield* local.serve(echo)
      const localPath = `${yield* localDirectory}/socket`
      const proxy = yield* RemoteContext.socksProxy({ localPath })
      assert.strictEqual(proxy.localPort, 0)
      const connection = yield* socksConnect(LocalAddress.Unix({ path: localPath }), "127.0.0.1", port)
      assert.strictEqual(yield* ask(connection, "over unix"), "over unix")
    }))

  test("a SOCKS proxy tells its client why the target is not reached", () =>
    Effect.gen(function*() {
      const proxy = proxyOf(yield* RemoteContext.socksProxy())
      const reply = (host: string, port: number) => Effect.flip(socksConnect(proxy, host, port))
      assert.strictEqual(yield* reply("127.0.0.1", yield* closedPort), 5)
      // Unreachable, or refused where the host does not say why.
      assert.include([4, 5], yield* reply("no-such-name.invalid", 80))
      assert.strictEqual(yield* reply("a b", 80), 4)
    }))

  test("a SOCKS proxy takes what its client sends with the request, in however many pieces", () =>
    Effect.gen(function*() {
      const port = yield* local.serve(echo)
      const proxy = proxyOf(yield* RemoteContext.socksProxy())
      const request = Buffer.from([5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 0xff])
      const all = Buffer.concat([request, Buffer.from("at once")])
      for (const pieces of [[all], Array.map([...all], (byte) => Buffer.from([byte]))]) {
        const connection = yield* connectHere(proxy)
        const answer = yield* Effect.fork(receive(connection))
        for (const piece of pieces) {
          yield* connection.write(piece)
          yield* Effect.sleep(1)
        }
        yield* connection.end
        assert.strictEqual((yield* Fiber.join(answer)).subarray(12).toString(), "at once")
      }
    }))

  test("a client of a SOCKS proxy that is none is closed, and harms no other", () =>
    Effect.gen(function*() {
      const port = yield* local.serve(echo)
      const tunnel = yield* RemoteContext.socksProxy()
      const next = yield* eventsOf(tunnel)
      const silent = yield* connectHere(proxyOf(tunnel))
      const cases = [["GET / HTTP/1.1\r\n\r\n", []], ["\x04\x01", []], ["\x05\x01\x02", [5, 255]]] as const
      for (const [said, answer] of cases) {
        const connection = yield* connectHere(proxyOf(tunnel))
        yield* connection.write(bytes(said))
        assert.deepStrictEqual([...yield* heard(connection)], [...answer])
        const event = yield* next
        assert(event._tag === "Refused")
        assert.strictEqual(event.error._tag, "SocksError")
      }
      assert.strictEqual(yield* ask(yield* socksConnect(proxyOf(tunnel), "localhost", port), "x"), "x")
      yield* silent.write(Uint8Array.from([5, 1, 0]))
      assert.deepStrictEqual([...yield* silent.take(2)], [5, 0])
    }))

  test("what a transport cannot do is Unsupported", () =>
    Effect.gen(function*() {
      const reasonOf = <A, E extends { readonly reason: string }, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.match(effect, { onFailure: ({ reason }) => reason, onSuccess: () => undefined })
      const { capabilities } = yield* Transport
      const localPort = yield* serveHere(echo)
      const address = yield* capabilities.unixSockets
        ? serveThere(echo, "Unix")
        : Effect.succeed(RemoteAddress.Unix({ path: "/tmp/socket" }))
      assert(address._tag === "Unix")
      assert.deepStrictEqual(
        [
          yield* reasonOf(RemoteContext.remoteTunnel({ localPort })),
          yield* reasonOf(RemoteContext.tunnel({ remotePath: address.path }))
        ],
        [capabilities.remoteForward, capabilities.unixSockets].map((can) => can ? undefined : "Unsupported")
      )
    }))

  test("addresses that are none for a remote tunnel are refused before the host is asked", () =>
    Effect.gen(function*() {
      for (
        const options of [
          { localPort: 0 },
          { localPort: 65536 },
          { localHost: "", localPort: 1 },
          { localPort: 1, remoteHost: "" },
          { localPort: 1, remotePort: -1 },
          { localPort: 1, remotePath: `/tmp/${"x".repeat(120)}` },
          { localPath: "/a\0b" }
        ] as const
      ) {
        const error = yield* Effect.flip(RemoteContext.remoteTunnel(options))
        assert.strictEqual(error.reason, "InvalidAddress", JSON.stringify(options))
      }
    }))

  test("a remote tunnel listens on the port that is asked for, which then is busy", () =>
    Effect.gen(function*() {
      const localPort = yield* serveHere(echo)
      const remotePort = yield* closedPort
      const open = RemoteContext.remoteTunnel({ localPort, remotePort })
      yield* Effect.scoped(Effect.gen(function*() {
        const tunnel = yield* open
        assert.strictEqual(tunnel.remotePort, remotePort)
        assert.strictEqual(yield* ask(yield* connectThere(remotePort), "x"), "x")
        const error = yield* Effect.flip(RemoteContext.remoteTunnel({ localPort, remotePort }))
        assert(error._tag === "RemoteConnectionError")
        assert.strictEqual(error.reason, "ChannelRefused")
        assert.include(error.message, String(remotePort))
        assert.strictEqual(yield* ask(yield* connectThere(remotePort), "still"), "still")
      }))
      // Free again: a server that listened on would refuse.
      yield* Effect.retry(open, Schedule.intersect(Schedule.spaced("50 millis"), Schedule.recurs(20)))
      assert.strictEqual(yield* ask(yield* connectThere(remotePort), "y"), "y")
    }), "remoteForward")

  test("a remote tunnel does not get a port that is somebody else's on one address", () =>
    Effect.gen(function*() {
      const localPort = yield* serveHere(echo)
      const remotePort = portOf(yield* serveThere(drain))
      const error = yield* Effect.flip(RemoteContext.remoteTunnel({ localPort, remotePort }))
      assert(error._tag === "RemoteConnectionError")
      assert.strictEqual(error.reason, "ChannelRefused")
    }), "remoteForward")

  test("a remote tunnel leads to a unix socket", () =>
    Effect.gen(function*() {
      const localPath = `${yield* localDirectory}/socket`
      yield* serveHere(echo, LocalAddress.Unix({ path: localPath }))
      const tunnel = yield* RemoteContext.remoteTunnel({ localPath })
      assert.strictEqual(yield* ask(yield* connectThere(tunnel.remotePort), "to unix"), "to unix")
    }), "remoteForward")

  test(
    "a remote tunnel listens on a unix socket",
    () =>
      Effect.gen(function*() {
        const host = yield* ConformanceHost
        const localPort = yield* serveHere(echo)
        const remotePath = `${yield* directory}/socket`
        const tunnel = yield* RemoteContext.remoteTunnel({ localPort, remotePath })
        assert.strictEqual(tunnel.remotePort, 0)
        const connection = yield* host.connect(RemoteAddress.Unix({ path: remotePath }))
        assert.strictEqual(yield* ask(connection, "over unix"), "over unix")
      }),
    "remoteForward",
    "unixSockets"
  )

  test("a remote tunnel is lost with the connection", () =>
    Effect.gen(function*() {
      const network = yield* localNetwork
      const { accept, address } = yield* network.listen(anyPort)
      const { connect, tunnel } = yield* remote.to(portOf(address))
      const next = yield* eventsOf(tunnel)
      const connection = yield* connect
      const served: LocalConnection = yield* accept
      yield* served.write(bytes("some of it"))
      assert.strictEqual((yield* receiveOnce(connection)).toString(), "some of it")
      assert.strictEqual((yield* next)._tag, "Opened")
      const how = yield* Effect.fork(Effect.exit(served.read))
      yield* dropConnections
      const error = yield* Effect.flip(tunnel.ended)
      assert.strictEqual(error.reason, "ConnectionLost")
      // What was carried breaks too, in either order.
      const tags = [(yield* next)._tag, (yield* next)._tag]
      assert.sameMembers(tags, ["Closed", "Lost"])
      assert.isTrue(Exit.isFailure(yield* Fiber.join(how)))
      // The transport connects again for whoever asks it to.
      const again = yield* unlessLost(remote.to(yield* serveHere(echo)))
      assert.strictEqual(yield* ask(yield* again.connect, "again"), "again")
    }), "remoteForward")
})
