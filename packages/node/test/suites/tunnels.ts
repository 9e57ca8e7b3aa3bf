import { RemoteContext, type Tunnel } from "@effect-remote/core"
import { Sshd } from "@effect-remote/testing"
import { assert, layer } from "@effect/vitest"
import { Array, Chunk, Deferred, Effect, Exit, Fiber, Scope, Stream } from "effect"
import * as Net from "node:net"
import type { Suite } from "./support.js"

/** A server on loopback that answers each connection by `handle`, and its port. */
const server = (handle: (socket: Net.Socket) => void) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<{ readonly server: Net.Server; readonly sockets: Set<Net.Socket> }>((resume) => {
        const sockets = new Set<Net.Socket>()
        const server = Net.createServer({ allowHalfOpen: true }, (socket) => {
          sockets.add(socket)
          socket.on("error", () => {})
          socket.on("close", () => sockets.delete(socket))
          handle(socket)
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed({ server, sockets })))
      }),
      ({ server, sockets }) =>
        Effect.async<void>((resume) => {
          for (const socket of sockets) socket.destroy()
          server.close(() => resume(Effect.void))
        })
    ),
    ({ server, sockets }) => ({ port: (server.address() as Net.AddressInfo).port, sockets })
  )

const echo = server((socket) => socket.pipe(socket))

/** A port on which nobody listens. */
const closedPort = Effect.map(Effect.scoped(server(() => {})), ({ port }) => port)

const connect = (address: Net.NetConnectOpts) =>
  Effect.acquireRelease(
    Effect.async<Net.Socket, Error>((resume) => {
      const socket = Net.connect({ ...address, allowHalfOpen: true })
      socket.on("error", (error) => resume(Effect.fail(error)))
      socket.on("connect", () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

const through = (tunnel: Tunnel.Tunnel) => connect({ host: "127.0.0.1", port: tunnel.localPort })

const send = (socket: Net.Socket, data: Uint8Array | string) => Effect.sync(() => void socket.write(data))

/** All that comes until the other side ends. */
const receive = (socket: Net.Socket) =>
  Effect.async<Buffer>((resume) => {
    const parts: Array<Buffer> = []
    socket.on("data", (part: Buffer) => parts.push(part))
    socket.on("end", () => resume(Effect.succeed(Buffer.concat(parts))))
    socket.on("close", () => resume(Effect.succeed(Buffer.concat(parts))))
  })

const receiveOnce = (socket: Net.Socket) =>
  Effect.async<Buffer>((resume) => {
    socket.once("data", (part: Buffer) => resume(Effect.succeed(part)))
  })

/** What tunnels do on every transport. */
export const tunnels = ({ capabilities, layer: live, name }: Suite) =>
  layer(live, { excludeTestServices: true, timeout: "60 seconds" })(`tunnels on ${name}`, (it) => {
    it.scoped("carries bytes both ways, and half-closes", () =>
      Effect.gen(function*() {
        const { port } = yield* echo
        const tunnel = yield* RemoteContext.tunnel({ remotePort: port })
        assert.strictEqual(tunnel.localHost, "127.0.0.1")
        assert.isAbove(tunnel.localPort, 0)
        const socket = yield* through(tunnel)
        const payload = Buffer.from(Array.makeBy(3_000_000, (index) => index % 251))
        const answer = yield* Effect.fork(receive(socket))
        socket.end(payload)
        assert.isTrue(payload.equals(yield* Fiber.join(answer)))
      }))

    // `ssh -W` ends its own side when the target has ended its: not every transport can do this.
    it.scoped.skipIf(!capabilities.halfClose)(
      "goes on in one direction when the target has ended the other",
      () =>
        Effect.gen(function*() {
          const got = yield* Deferred.make<string>()
          const { port } = yield* server((socket) => {
            socket.end("bye")
            socket.on("data", (data: Buffer) => Deferred.unsafeDone(got, Effect.succeed(data.toString())))
          })
          const socket = yield* through(yield* RemoteContext.tunnel({ remotePort: port }))
          assert.strictEqual((yield* receive(socket)).toString(), "bye")
          yield* send(socket, "still here")
          assert.strictEqual(yield* Deferred.await(got), "still here")
        })
    )

    it.scoped("twenty connections at once", () =>
      Effect.gen(function*() {
        const { port } = yield* echo
        const tunnel = yield* RemoteContext.tunnel({ remotePort: port })
        const answers = yield* Effect.forEach(
          Array.range(1, 20),
          (number) =>
            Effect.gen(function*() {
              const socket = yield* through(tunnel)
              const answer = yield* Effect.fork(receive(socket))
              socket.end(`number ${number}`)
              return (yield* Fiber.join(answer)).toString()
            }),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(answers, Array.range(1, 20).map((number) => `number ${number}`))
      }))

    it.scoped("a target that refuses closes that connection, is told as an event, and harms no other", () =>
      Effect.gen(function*() {
        const tunnel = yield* RemoteContext.tunnel({ remotePort: yield* closedPort })
        const events = yield* Effect.fork(Stream.runHead(tunnel.events))
        yield* Effect.yieldNow()
        const socket = yield* through(tunnel)
        assert.strictEqual((yield* receive(socket)).length, 0)
        const event = yield* Effect.flatten(Fiber.join(events))
        assert(event._tag === "Refused")
        assert.strictEqual(event.error.reason, "ChannelRefused")
        assert.strictEqual((yield* receive(yield* through(tunnel))).length, 0)
      }))

    it.scoped("a busy local port is a TunnelError that says who asked for what", () =>
      Effect.gen(function*() {
        const { port } = yield* echo
        const error = yield* Effect.flip(
          RemoteContext.tunnel({ remoteHost: "search.internal", remotePort: 9200, localPort: port })
        )
        assert(error._tag === "TunnelError")
        assert.strictEqual(error.reason, "AddressInUse")
        assert.include(error.message, `127.0.0.1:${port}`)
        assert.include(error.message, "search.internal:9200")
      }))

    it.scoped("addresses that are none are refused before anything is opened", () =>
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

    it.effect("closes listener and connections with its scope, also while one is busy", () =>
      Effect.scoped(Effect.gen(function*() {
        const { port, sockets } = yield* server((socket) => {
          const more = () => {
            while (!socket.destroyed && socket.write(Buffer.alloc(65536)));
          }
          socket.on("drain", more)
          more()
        })
        const scope = yield* Scope.make()
        const tunnel = yield* Scope.extend(RemoteContext.tunnel({ remotePort: port }), scope)
        const socket = yield* through(tunnel)
        yield* receiveOnce(socket)
        assert.strictEqual(yield* tunnel.connections, 1)
        const ended = yield* Effect.fork(receive(socket))
        yield* Scope.close(scope, Exit.void)
        yield* Fiber.join(ended)
        assert.isTrue(Exit.isFailure(yield* Effect.exit(through(tunnel))))
        for (const served of sockets) {
          yield* Effect.async<void>((resume) => {
            if (served.destroyed) return resume(Effect.void)
            served.on("close", () => resume(Effect.void))
          })
        }
      })))

    it.scoped("a connection that is lost is reset, and does not end as if all had come", () =>
      Effect.gen(function*() {
        const { dropConnections } = yield* Sshd.Sshd
        const { port } = yield* server((socket) => socket.write("some of it"))
        const tunnel = yield* RemoteContext.tunnel({ remotePort: port })
        const socket = yield* through(tunnel)
        yield* receiveOnce(socket)
        const how = yield* Effect.fork(Effect.async<string>((resume) => {
          socket.on("end", () => resume(Effect.succeed("end")))
          socket.on("error", () => resume(Effect.succeed("reset")))
        }))
        yield* Effect.yieldNow()
        yield* dropConnections
        assert.strictEqual(yield* Fiber.join(how), "reset")
      }))

    it.effect("a failing body closes it", () =>
      Effect.scoped(Effect.gen(function*() {
        const { port } = yield* echo
        let opened: Tunnel.Tunnel | undefined
        const body = Effect.scoped(Effect.gen(function*() {
          opened = yield* RemoteContext.tunnel({ remotePort: port })
          yield* through(opened)
          return yield* Effect.fail("body")
        }))
        assert.strictEqual(yield* Effect.flip(body), "body")
        assert.isTrue(Exit.isFailure(yield* Effect.exit(through(opened!))))
      })))

    it.scoped("listens on a unix socket", () =>
      Effect.gen(function*() {
        const { port } = yield* echo
        const localPath = `/tmp/effect-remote-${process.pid}-${Math.random().toString(36).slice(2)}.sock`
        const tunnel = yield* RemoteContext.tunnel({ remotePort: port, localPath })
        assert.strictEqual(tunnel.localPort, 0)
        const socket = yield* connect({ path: localPath })
        const answer = yield* Effect.fork(receive(socket))
        socket.end("over unix")
        assert.strictEqual((yield* Fiber.join(answer)).toString(), "over unix")
      }))

    it.scoped("tells what happens as events", () =>
      Effect.gen(function*() {
        const { port } = yield* echo
        const tunnel = yield* RemoteContext.tunnel({ remotePort: port })
        const events = yield* Effect.fork(Stream.runCollect(Stream.take(tunnel.events, 2)))
        yield* Effect.yieldNow()
        const socket = yield* through(tunnel)
        const answer = yield* Effect.fork(receive(socket))
        socket.end("x")
        yield* Fiber.join(answer)
        assert.deepStrictEqual(
          Chunk.toReadonlyArray(yield* Fiber.join(events)).map((event) => event._tag),
          ["Opened", "Closed"]
        )
      }))
  })
