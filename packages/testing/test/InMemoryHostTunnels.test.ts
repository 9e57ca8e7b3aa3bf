import { RemoteContext } from "@effect-remote/core"
import type { Duplex } from "@effect-remote/core/Transport"
import { RemoteAddress, Transport } from "@effect-remote/core/Transport"
import { HostService, InMemoryHost } from "@effect-remote/testing"
import { Socket } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Option, Stream } from "effect"
import * as tcp from "./fixtures/tcp.js"

const host = InMemoryHost.InMemoryHost

const bytes = (text: string) => new TextEncoder().encode(text)

const readAll = <E>(duplex: Duplex<E>): Effect.Effect<string, E> =>
  Effect.flatMap(
    duplex.read,
    Option.match({
      onNone: () => Effect.succeed(""),
      onSome: (piece) => Effect.map(readAll(duplex), (rest) => new TextDecoder().decode(piece) + rest)
    })
  )

const ask = <E>(duplex: Duplex<E>, text: string) =>
  Effect.zipRight(Effect.zipRight(duplex.write(bytes(text)), duplex.end), readAll(duplex))

const askSocket = (socket: Socket.Socket, text: string) =>
  Stream.make(text).pipe(
    Stream.pipeThroughChannel(Socket.toChannelString(socket)),
    Stream.mkString
  )

class Version extends Context.Tag("Version")<Version, string>() {}

const services = {
  "db.internal:5432": HostService.echo,
  "localhost:80": HostService.constant("HTTP/1.0 200 OK\r\n\r\n"),
  "/run/app.sock": (connection: Duplex<never>) =>
    Effect.flatMap(Version, (version) => connection.write(bytes(version))),
  "broken:1": () => Effect.fail("broken")
} as const

const layer = InMemoryHost.layer({ services })

describe("tunnels", () => {
  it.effect("services answer", () =>
    Effect.gen(function*() {
      const transport = yield* Transport
      const { counts, expectIdle } = yield* host
      const tcp = (host: string, port: number) => transport.connect(RemoteAddress.Tcp({ host, port }))
      yield* Effect.scoped(Effect.gen(function*() {
        assert.strictEqual(yield* ask(yield* tcp("db.internal", 5432), "hello"), "hello")
        assert.strictEqual(yield* readAll(yield* tcp("127.0.0.1", 80)), "HTTP/1.0 200 OK\r\n\r\n")
        assert.strictEqual(
          yield* readAll(yield* transport.connect(RemoteAddress.Unix({ path: "/run/app.sock" }))),
          "v1"
        )
        assert.strictEqual(yield* readAll(yield* tcp("broken", 1)), "")
        const refused = yield* Effect.flip(tcp("db.internal", 5433))
        assert.strictEqual(refused.reason, "ChannelRefused")
        assert.include(refused.message, "db.internal:5433")
        assert.strictEqual((yield* counts).tunnels, 4)
      }))
      yield* expectIdle
    }).pipe(Effect.provide(layer), Effect.provideService(Version, "v1")))

  it.effect("a program has real listeners only for a tunnel that it opens", () =>
    Effect.gen(function*() {
      const tunnel = yield* RemoteContext.tunnel({ remoteHost: "db.internal", remotePort: 5432 })
      const text = "x".repeat(300_000)
      assert.strictEqual(yield* tcp.talk({ host: "127.0.0.1", port: tunnel.localPort }, text), text)
    }).pipe(Effect.scoped, Effect.provide(layer), Effect.provideService(Version, "v1")))

  it.effect("a host listens for its client, and the test connects", () =>
    Effect.gen(function*() {
      const transport = yield* Transport
      const { connect, counts, dropConnection, expectIdle } = yield* host
      yield* Effect.scoped(Effect.gen(function*() {
        const listener = yield* transport.listen(RemoteAddress.Tcp({ host: "localhost", port: 0 }))
        assert.strictEqual((yield* counts).listeners, 1)
        const port = listener.address._tag === "Tcp" ? listener.address.port : 0
        const server = yield* Effect.fork(
          Effect.scoped(Effect.flatMap(listener.accept, (one) => ask(one, "from here")))
        )
        assert.strictEqual(yield* askSocket(yield* connect(`localhost:${port}`), "from there"), "from here")
        assert.strictEqual(yield* Fiber.join(server), "from there")
        const taken = yield* Effect.flip(transport.listen(RemoteAddress.Tcp({ host: "localhost", port: 80 })))
        assert.strictEqual(taken.reason, "ChannelRefused")
        const waiting = yield* Effect.fork(Effect.flip(Effect.scoped(listener.accept)))
        yield* Effect.yieldNow()
        yield* dropConnection
        assert.strictEqual((yield* Fiber.join(waiting)).reason, "ConnectionLost")
      }))
      yield* expectIdle
    }).pipe(Effect.provide(layer), Effect.provideService(Version, "v1")))

  it.effect("a lost connection breaks the connections of a tunnel", () =>
    Effect.gen(function*() {
      const transport = yield* Transport
      const { dropConnection } = yield* host
      const channel = yield* transport.connect(RemoteAddress.Tcp({ host: "db.internal", port: 5432 }))
      yield* dropConnection
      assert.strictEqual((yield* Effect.flip(channel.read)).reason, "ConnectionLost")
      assert.strictEqual((yield* Effect.flip(channel.write(bytes("x")))).reason, "ConnectionLost")
    }).pipe(Effect.scoped, Effect.provide(layer), Effect.provideService(Version, "v1")))
})
