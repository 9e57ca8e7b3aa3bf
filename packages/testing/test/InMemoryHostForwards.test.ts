import type { Tunnel } from "@effect-remote/core"
import { RemoteContext, RemoteError } from "@effect-remote/core"
import { HostService, InMemoryHost } from "@effect-remote/testing"
import { Socket } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, Queue, Stream } from "effect"
import * as tcp from "./fixtures/tcp.js"

const host = InMemoryHost.InMemoryHost

const layer = InMemoryHost.layer({
  services: {
    "db.internal:5432": HostService.echo,
    "localhost:80": HostService.constant("hello"),
    "[fd00::1]:80": HostService.constant("hello, six")
  }
})

/** The events from now on, one by one. */
const eventsOf = (tunnel: Tunnel.Tunnel) =>
  Effect.gen(function*() {
    const events = yield* Queue.unbounded<Tunnel.TunnelEvent>()
    yield* Effect.forkScoped(Stream.runForEach(tunnel.events, (event) => events.offer(event)))
    yield* Effect.yieldNow()
    return events.take
  })

describe("a SOCKS proxy through a host in memory", () => {
  const named = (name: string, port: number) => [3, name.length, ...Buffer.from(name), port >> 8, port & 0xff]

  /** Requests a connection and sends a text, all at once. Succeeds with the output: first the answers of the proxy. */
  const through = (proxy: Tunnel.SocksProxy, target: ReadonlyArray<number>, text = "") =>
    tcp.talk(
      { host: "127.0.0.1", port: proxy.localPort },
      Buffer.from([5, 1, 0, 5, 1, 0, ...target, ...Buffer.from(text)])
    )

  const answer = (code: number) => `\x05\0\x05${String.fromCharCode(code)}\0\x01\0\0\0\0\0\0`

  it.scoped("reaches services by name and by address, with bytes sent ahead", () =>
    Effect.gen(function*() {
      const proxy = yield* RemoteContext.socksProxy()
      const text = "x".repeat(200_000)
      assert.strictEqual(yield* through(proxy, named("db.internal", 5432), text), answer(0) + text)
      assert.strictEqual(yield* through(proxy, [1, 127, 0, 0, 1, 0, 80]), answer(0) + "hello")
      const six = [4, 0xfd, ...Array.from({ length: 14 }, () => 0), 1, 0, 80]
      assert.strictEqual(yield* through(proxy, six), answer(0) + "hello, six")
    }).pipe(Effect.provide(layer)))

  it.scoped("reports a refused connection to its client and as an event", () =>
    Effect.gen(function*() {
      const proxy = yield* RemoteContext.socksProxy()
      const next = yield* eventsOf(proxy)
      assert.strictEqual(yield* through(proxy, named("db.internal", 5433)), answer(5))
      const event = yield* next
      assert(event._tag === "Refused" && event.error._tag === "RemoteConnectionError")
      assert.strictEqual(event.error.reason, "ChannelRefused")
      assert.include(event.error.message, "db.internal:5433")
    }).pipe(Effect.provide(layer)))

  it.scoped("goes on when the connection was lost, and leaves nothing open", () =>
    Effect.gen(function*() {
      const { dropConnection, expectIdle } = yield* host
      yield* Effect.scoped(Effect.gen(function*() {
        const proxy = yield* RemoteContext.socksProxy()
        yield* dropConnection
        assert.strictEqual(yield* through(proxy, named("db.internal", 5432), "on"), answer(0) + "on")
      }))
      yield* expectIdle
    }).pipe(Effect.provide(layer)))
})

describe("a remote tunnel from a host in memory", () => {
  const ask = (address: string, text: string) =>
    Effect.flatMap(
      Effect.flatMap(host, ({ connect }) => connect(address)),
      (socket) => Stream.make(text).pipe(Stream.pipeThroughChannel(Socket.toChannelString(socket)), Stream.mkString)
    )

  const lostBy = (effect: Effect.Effect<unknown, unknown>) =>
    Effect.map(
      Effect.flip(effect),
      (error) => Option.getOrUndefined(Option.map(RemoteError.findConnectionError(error), ({ reason }) => reason))
    )

  it.scoped("carries connections on the host, both ways, to the end of each direction", () =>
    Effect.gen(function*() {
      const localPort = yield* tcp.echoPort
      const tunnel = yield* RemoteContext.remoteTunnel({ localPort })
      assert.strictEqual(tunnel.remoteHost, "127.0.0.1")
      const text = "x".repeat(200_000)
      const answers = yield* Effect.forEach(
        ["localhost", "127.0.0.1", "[::1]"],
        (name) => ask(`${name}:${tunnel.remotePort}`, text),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(answers, [`${text}bye`, `${text}bye`, `${text}bye`])
      const path = yield* RemoteContext.remoteTunnel({ localPort, remotePath: "/run/debug.sock" })
      assert.strictEqual(path.remotePort, 0)
      assert.strictEqual(yield* ask("/run/debug.sock", "hello "), "hello bye")
    }).pipe(Effect.provide(layer)))

  it.scoped("has a port of its own, or none", () =>
    Effect.gen(function*() {
      const localPort = yield* tcp.echoPort
      const [one, two] = yield* Effect.all([
        RemoteContext.remoteTunnel({ localPort }),
        RemoteContext.remoteTunnel({ localPort })
      ])
      assert.notStrictEqual(one.remotePort, two.remotePort)
      const error = yield* Effect.flip(RemoteContext.remoteTunnel({ localPort, remotePort: 80 }))
      assert.strictEqual(error.reason, "ChannelRefused")
    }).pipe(Effect.provide(layer)))

  it.scoped("closes a connection whose local port is closed, and reports it as an event", () =>
    Effect.gen(function*() {
      const tunnel = yield* RemoteContext.remoteTunnel({ localPort: yield* tcp.closedPort })
      const next = yield* eventsOf(tunnel)
      assert.strictEqual(yield* ask(`localhost:${tunnel.remotePort}`, "hello"), "")
      const event = yield* next
      assert(event._tag === "Refused" && event.error._tag === "TunnelError")
      assert.strictEqual(event.error.reason, "ConnectionRefused")
    }).pipe(Effect.provide(layer)))

  it.scoped("closes with its scope, connections included", () =>
    Effect.gen(function*() {
      const { connect, expectIdle } = yield* host
      const localPort = yield* tcp.echoPort
      const [port, running] = yield* Effect.scoped(Effect.gen(function*() {
        const { remotePort } = yield* RemoteContext.remoteTunnel({ localPort })
        const socket = yield* connect(`localhost:${remotePort}`)
        const heard = yield* Queue.unbounded<Uint8Array>()
        const running = yield* Effect.forkDaemon(socket.run((bytes) => heard.offer(bytes)))
        const write = yield* socket.writer
        yield* write("there")
        yield* heard.take
        return [remotePort, running] as const
      }))
      yield* Fiber.await(running)
      yield* expectIdle
      const error = yield* Effect.flip((yield* connect(`localhost:${port}`)).run(() => {}))
      assert.strictEqual(error.reason, "Open")
    }).pipe(Effect.provide(layer)))

  it.scoped("is lost with the connection, and can be made again", () =>
    Effect.gen(function*() {
      const { connect, dropConnection } = yield* host
      const localPort = yield* tcp.echoPort
      const tunnel = yield* RemoteContext.remoteTunnel({ localPort, remotePort: 8080 })
      const next = yield* eventsOf(tunnel)
      const socket = yield* connect("localhost:8080")
      const heard = yield* Queue.unbounded<Uint8Array>()
      const running = yield* Effect.fork(socket.run((bytes) => heard.offer(bytes)))
      const write = yield* socket.writer
      yield* write("there")
      yield* heard.take
      yield* dropConnection
      assert.strictEqual(yield* lostBy(tunnel.ended), "ConnectionLost")
      yield* Fiber.await(running)
      const tags = [(yield* next)._tag, (yield* next)._tag, (yield* next)._tag]
      assert.deepStrictEqual([tags[0], ...tags.slice(1).sort()], ["Opened", "Closed", "Lost"])
      yield* RemoteContext.remoteTunnel({ localPort, remotePort: 8080 })
      assert.strictEqual(yield* ask("localhost:8080", "again "), "again bye")
    }).pipe(Effect.provide(layer)))
})
