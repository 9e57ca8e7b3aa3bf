import { RemoteContext, type Tunnel } from "@effect-remote/core"
import { Sshd } from "@effect-remote/testing"
import { assert, layer } from "@effect/vitest"
import { Array, Chunk, Deferred, Effect, Exit, Fiber, Queue, Schedule, Scope, Stream } from "effect"
import * as Crypto from "node:crypto"
import * as Net from "node:net"
import { Readable } from "node:stream"
import type { Suite } from "./support.js"

/** A server on loopback, or on a unix socket, that answers each connection by `handle`, and its port. */
const server = (handle: (socket: Net.Socket) => void, path?: string) =>
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
        server.listen(path === undefined ? { port: 0, host: "127.0.0.1" } : { path }, () =>
          resume(Effect.succeed({ server, sockets })))
      }),
      ({ server, sockets }) =>
        Effect.async<void>((resume) => {
          for (const socket of sockets) {
            socket.destroy()
          }
          server.close(() =>
            resume(Effect.void)
          )
        })
    ),
    ({ server, sockets }) => ({ port: path === undefined ? (server.address() as Net.AddressInfo).port : 0, sockets })
  )

const echo = server((socket) => socket.pipe(socket))

const echoAt = (path: string) => server((socket) => socket.pipe(socket), path)

/** Sends without end, and no faster than it is read. */
const flood = (socket: Net.Socket) => {
  const more = () => {
    while (!socket.destroyed && socket.write(Buffer.alloc(65536)));
  }
  socket.on("drain", more)
  more()
}

/** A port on which nobody listens. */
const closedPort = Effect.map(Effect.scoped(server(() => {})), ({ port }) => port)

const socketPath = Effect.sync(() => `/tmp/effect-remote-${process.pid}-${Crypto.randomBytes(6).toString("hex")}.sock`)

const connect = (address: Net.NetConnectOpts) =>
  Effect.acquireRelease(
    Effect.async<Net.Socket, Error>((resume) => {
      const socket = Net.connect({ ...address, allowHalfOpen: true })
      socket.on("error", (error) => resume(Effect.fail(error)))
      socket.on("connect", () => resume(Effect.succeed(socket)))
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

const loopback = (port: number) => connect({ host: "127.0.0.1", port })

const through = (tunnel: Tunnel.LocalTunnel) => loopback(tunnel.localPort)

const send = (socket: Net.Socket, data: Uint8Array | string) => Effect.sync(() => void socket.write(data))

/** All that comes until the other side ends. */
const receive = (socket: Net.Socket) =>
  Effect.async<Buffer>((resume) => {
    const parts: Array<Buffer> = []
    const done = () => resume(Effect.succeed(Buffer.concat(parts)))
    if (socket.destroyed || socket.readableEnded) return done()
    socket.on("data", (part: Buffer) => parts.push(part))
    socket.on("end", done)
    socket.on("close", done)
    socket.resume()
  })

/** The first bytes that come; then nothing is read until `receive`. */
const receiveOnce = (socket: Net.Socket) =>
  Effect.async<Buffer>((resume) => {
    socket.once("data", (part: Buffer) => {
      socket.pause()
      resume(Effect.succeed(part))
    })
    socket.resume()
  })

/** So many bytes, fewer where the other side ends before. */
const receiveBytes = (socket: Net.Socket, count: number) =>
  Effect.async<Buffer>((resume) => {
    const parts: Array<Buffer> = []
    let size = 0
    const done = () => {
      socket.off("data", take).off("end", done).off("close", done).pause()
      const data = Buffer.concat(parts)
      if (size > count) socket.unshift(data.subarray(count))
      resume(Effect.succeed(data.subarray(0, count)))
    }
    const take = (part: Buffer) => {
      parts.push(part)
      size += part.length
      if (size >= count) done()
    }
    socket.on("data", take).on("end", done).on("close", done).resume()
  })

/** Sends a text, and gives what comes back. */
const ask = (socket: Net.Socket, text: string) =>
  Effect.gen(function*() {
    const answer = yield* Effect.fork(receive(socket))
    socket.end(text)
    return (yield* Fiber.join(answer)).toString()
  })

/** Connects through a SOCKS proxy, and fails with the code of its reply. */
const socksConnect = (proxy: Net.NetConnectOpts, host: string, port: number) =>
  Effect.gen(function*() {
    const socket = yield* connect(proxy)
    socket.write(Buffer.from([5, 1, 0]))
    assert.deepStrictEqual([...yield* receiveBytes(socket, 2)], [5, 0])
    socket.write(Buffer.from([5, 1, 0, 3, host.length, ...Buffer.from(host), port >> 8, port & 0xff]))
    const reply = yield* receiveBytes(socket, 10)
    if (reply[1] !== 0) return yield* Effect.fail(reply[1])
    return socket
  })

const eventsOf = (tunnel: Tunnel.Tunnel) =>
  Effect.gen(function*() {
    const events = yield* Queue.unbounded<Tunnel.TunnelEvent>()
    yield* Effect.forkScoped(Stream.runForEach(tunnel.events, (event) => Queue.offer(events, event)))
    yield* Effect.yieldNow()
    return Queue.take(events)
  })

/** Bytes that no other such connection has. */
const unlike = (seed: number, size: number) => {
  const cipher = Crypto.createCipheriv("aes-128-ctr", Buffer.alloc(16, seed), Buffer.alloc(16))
  return Readable.from((function*() {
    for (let at = 0; at < size; at += 65536) yield cipher.update(Buffer.alloc(Math.min(65536, size - at)))
  })())
}

const sha256 = (stream: Readable) =>
  Effect.async<{ readonly digest: string; readonly size: number }>((resume) => {
    const hash = Crypto.createHash("sha256")
    let size = 0
    stream.on("data", (part: Buffer) => {
      size += part.length
      hash.update(part)
    })
    stream.on("end", () => resume(Effect.succeed({ digest: hash.digest("hex"), size })))
    stream.resume()
  })

/** A kind of tunnel as a way to a port on loopback. */
interface Way {
  readonly name: string
  readonly open: (port: number) => Effect.Effect<
    { readonly tunnel: Tunnel.Tunnel; readonly connect: Effect.Effect<Net.Socket, unknown, Scope.Scope> },
    unknown,
    RemoteContext.RemoteContext | Scope.Scope
  >
}

const local: Way = {
  name: "a local tunnel",
  open: (remotePort) =>
    Effect.map(RemoteContext.tunnel({ remotePort }), (tunnel) => ({ tunnel, connect: loopback(tunnel.localPort) }))
}

const remote: Way = {
  name: "a remote tunnel",
  open: (localPort) =>
    Effect.map(RemoteContext.remoteTunnel({ localPort }), (tunnel) => ({
      tunnel,
      connect: loopback(tunnel.remotePort)
    }))
}

const socks: Way = {
  name: "a SOCKS proxy",
  open: (port) =>
    Effect.map(RemoteContext.socksProxy(), (tunnel) => ({
      tunnel,
      connect: socksConnect({ host: "127.0.0.1", port: tunnel.localPort }, "localhost", port)
    }))
}

/** What tunnels do on every transport. */
export const tunnels = ({ capabilities, layer: live, name }: Suite) =>
  layer(live, { excludeTestServices: true, timeout: "60 seconds" })(`tunnels on ${name}`, (it) => {
    for (const way of [local, socks, ...capabilities.remoteForward ? [remote] : []]) {
      it.scoped(`${way.name} carries bytes both ways, and half-closes`, () =>
        Effect.gen(function*() {
          const { port } = yield* echo
          const { connect } = yield* way.open(port)
          const socket = yield* connect
          const payload = Buffer.from(Array.makeBy(3_000_000, (index) => index % 251))
          const answer = yield* Effect.fork(receive(socket))
          socket.end(payload)
          const received = yield* Fiber.join(answer)
          assert.strictEqual(received.length, payload.length)
          assert.isTrue(payload.equals(received))
        }))

      it.scoped(`${way.name} brings what the target says after the end of what it was told`, () =>
        Effect.gen(function*() {
          const { port } = yield* server((socket) => {
            socket.resume()
            socket.on("end", () => socket.end("after the end"))
          })
          const { connect } = yield* way.open(port)
          assert.strictEqual(yield* ask(yield* connect, "that is all"), "after the end")
        }))

      // `ssh -W` ends its own side when the target has ended its: not every transport can do this.
      it.scoped.skipIf(!capabilities.halfClose)(
        `${way.name} goes on in one direction when the target has ended the other`,
        () =>
          Effect.gen(function*() {
            const got = yield* Deferred.make<string>()
            const { port } = yield* server((socket) => {
              socket.end("bye")
              socket.on("data", (data: Buffer) => Deferred.unsafeDone(got, Effect.succeed(data.toString())))
            })
            const { connect } = yield* way.open(port)
            const socket = yield* connect
            assert.strictEqual((yield* receive(socket)).toString(), "bye")
            yield* send(socket, "still here")
            assert.strictEqual(yield* Deferred.await(got), "still here")
          })
      )

      for (const count of [20, ...capabilities.manyChannels ? [200] : []]) {
        it.scoped(`${way.name} takes ${count} connections at once`, () =>
          Effect.gen(function*() {
            const { port } = yield* echo
            const { connect, tunnel } = yield* way.open(port)
            const sockets = yield* Effect.all(Array.makeBy(count, () => connect), { concurrency: "unbounded" })
            const answers = yield* Effect.forEach(sockets, (socket, index) => ask(socket, `number ${index}`), {
              concurrency: "unbounded"
            })
            assert.deepStrictEqual(answers, Array.makeBy(count, (index) => `number ${index}`))
            yield* Effect.repeat(tunnel.connections, { until: (open) => open === 0, schedule: Schedule.spaced(10) })
          }))
      }

      it.scoped(`${way.name} carries 32 MiB, and not a byte of it changes`, () =>
        Effect.gen(function*() {
          const { port } = yield* echo
          const { connect } = yield* way.open(port)
          const results = yield* Effect.forEach([1, 2], (seed) =>
            Effect.gen(function*() {
              const size = 16 * 1024 * 1024
              const socket = yield* connect
              const answer = yield* Effect.fork(sha256(socket))
              unlike(seed, size).pipe(socket)
              return [yield* Fiber.join(answer), yield* sha256(unlike(seed, size))] as const
            }), { concurrency: "unbounded" })
          for (const [got, expected] of results) assert.deepStrictEqual(got, expected)
        }))

      it.scoped(`a slow reader of ${way.name} stops no other`, () =>
        Effect.gen(function*() {
          const { port, sockets } = yield* server((socket) => {
            socket.once("data", (first: Buffer) => {
              if (first.toString() === "flood") flood(socket)
              else socket.end(first)
            })
          })
          const { connect } = yield* way.open(port)
          const slow = yield* connect
          yield* send(slow, "flood")
          yield* receiveOnce(slow)
          // Until all buffers on the way are full.
          let sent = -1
          yield* Effect.repeat(
            Effect.sync(() => {
              const before = sent
              sent = [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, 0)
              return sent === before
            }),
            { until: (stands) => stands, schedule: Schedule.spaced("300 millis") }
          )
          assert.isBelow(sent, 64 * 1024 * 1024)
          assert.strictEqual(yield* ask(yield* connect, "me first"), "me first")
          assert.strictEqual((yield* receiveBytes(slow, 2 * sent)).length, 2 * sent)
        }))

      it.scoped(`a target that refuses closes that connection of ${way.name}, is told, and harms no other`, () =>
        Effect.gen(function*() {
          const { connect, tunnel } = yield* way.open(yield* closedPort)
          const next = yield* eventsOf(tunnel)
          const attempt = Effect.flatMap(connect, receive).pipe(
            Effect.map(({ length }) => length),
            Effect.orElseSucceed(() => 0)
          )
          assert.strictEqual(yield* attempt, 0)
          const event = yield* next
          assert(event._tag === "Refused")
          assert.strictEqual(event.error.reason, way === remote ? "ConnectionRefused" : "ChannelRefused")
          assert.strictEqual(yield* attempt, 0)
        }))

      it.effect(`${way.name} closes with its scope, connections included, also while one is busy`, () =>
        Effect.scoped(Effect.gen(function*() {
          let first = true
          const { port, sockets } = yield* server((socket) => {
            if (first) {
              first = false
              return flood(socket)
            }
            socket.write("held open")
            socket.on("end", () => socket.end()).resume()
          })
          const scope = yield* Scope.make()
          const { connect, tunnel } = yield* Scope.extend(way.open(port), scope)
          const busy = yield* connect
          yield* receiveOnce(busy)
          const idle = yield* connect
          yield* receiveOnce(idle)
          assert.strictEqual(yield* tunnel.connections, 2)
          const ended = yield* Effect.fork(
            Effect.all([receive(busy), receive(idle), tunnel.ended], { concurrency: "unbounded" })
          )
          yield* Scope.close(scope, Exit.void)
          yield* Fiber.join(ended)
          assert.isTrue(Exit.isFailure(yield* Effect.exit(connect)))
          for (const served of sockets) {
            yield* Effect.async<void>((resume) => {
              if (served.destroyed) return resume(Effect.void)
              served.on("close", () => resume(Effect.void))
            })
          }
        })))

      it.scoped(`${way.name} tells what happens as events`, () =>
        Effect.gen(function*() {
          const { port } = yield* echo
          const { connect, tunnel } = yield* way.open(port)
          const events = yield* Effect.fork(Stream.runCollect(Stream.take(tunnel.events, 2)))
          yield* Effect.yieldNow()
          yield* ask(yield* connect, "x")
          const [opened, closed] = Chunk.toReadonlyArray(yield* Fiber.join(events))
          assert(opened?._tag === "Opened")
          assert.match(opened.target, new RegExp(`:${port}$`))
          assert(closed?._tag === "Closed")
          assert.isUndefined(closed.error)
          assert.strictEqual(closed.peer, opened.peer)
        }))
    }

    it.scoped("a local tunnel listens on loopback and a free port", () =>
      Effect.gen(function*() {
        const tunnel = yield* RemoteContext.tunnel({ remotePort: 1 })
        assert.strictEqual(tunnel.localHost, "127.0.0.1")
        assert.isAbove(tunnel.localPort, 0)
      }))

    it.scoped("a busy local port is a TunnelError that says who asked for what", () =>
      Effect.gen(function*() {
        const { port } = yield* echo
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
          socket.resume()
        }))
        yield* Effect.yieldNow()
        yield* dropConnections
        assert.strictEqual(yield* Fiber.join(how), "reset")
      }))

    it.effect("a failing body closes it", () =>
      Effect.scoped(Effect.gen(function*() {
        const { port } = yield* echo
        let opened: Tunnel.LocalTunnel | undefined
        const body = Effect.scoped(Effect.gen(function*() {
          opened = yield* RemoteContext.tunnel({ remotePort: port })
          yield* through(opened)
          return yield* Effect.fail("body")
        }))
        assert.strictEqual(yield* Effect.flip(body), "body")
        assert.isTrue(Exit.isFailure(yield* Effect.exit(through(opened!))))
      })))

    it.scoped("a local tunnel listens on a unix socket", () =>
      Effect.gen(function*() {
        const { port } = yield* echo
        const localPath = yield* socketPath
        const tunnel = yield* RemoteContext.tunnel({ remotePort: port, localPath })
        assert.strictEqual(tunnel.localPort, 0)
        assert.strictEqual(yield* ask(yield* connect({ path: localPath }), "over unix"), "over unix")
      }))

    it.scoped("a local tunnel leads to a unix socket, or the transport says that it cannot", () =>
      Effect.gen(function*() {
        const remotePath = yield* socketPath
        yield* echoAt(remotePath)
        const open = RemoteContext.tunnel({ remotePath })
        if (capabilities.unixSockets) {
          assert.strictEqual(yield* ask(yield* through(yield* open), "to unix"), "to unix")
        } else {
          assert.strictEqual((yield* Effect.flip(open)).reason, "Unsupported")
        }
      }))

    it.scoped("a SOCKS proxy listens on a unix socket", () =>
      Effect.gen(function*() {
        const { port } = yield* echo
        const localPath = yield* socketPath
        const proxy = yield* RemoteContext.socksProxy({ localPath })
        assert.strictEqual(proxy.localPort, 0)
        const socket = yield* socksConnect({ path: localPath }, "127.0.0.1", port)
        assert.strictEqual(yield* ask(socket, "over unix"), "over unix")
      }))

    it.scoped("a SOCKS proxy tells its client why the target is not reached", () =>
      Effect.gen(function*() {
        const { kind } = yield* Sshd.Sshd
        const { localPort } = yield* RemoteContext.socksProxy()
        const reply = (host: string, port: number) =>
          Effect.flip(socksConnect({ host: "127.0.0.1", port: localPort }, host, port))
        assert.strictEqual(yield* reply("127.0.0.1", yield* closedPort), 5)
        // The embedded server does not say why.
        assert.strictEqual(yield* reply("no-such-name.invalid", 80), kind === "openssh" ? 4 : 5)
        assert.strictEqual(yield* reply("a b", 80), 4)
      }))

    it.scoped("a SOCKS proxy takes what its client sends with the request, in however many pieces", () =>
      Effect.gen(function*() {
        const { port } = yield* echo
        const { localPort } = yield* RemoteContext.socksProxy()
        const request = Buffer.from([5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 0xff])
        const all = Buffer.concat([request, Buffer.from("at once")])
        for (const pieces of [[all], Array.map([...all], (byte) => Buffer.from([byte]))]) {
          const socket = yield* loopback(localPort)
          const answer = yield* Effect.fork(receive(socket))
          for (const piece of pieces) {
            yield* send(socket, piece)
            yield* Effect.sleep(1)
          }
          socket.end()
          assert.strictEqual((yield* Fiber.join(answer)).subarray(12).toString(), "at once")
        }
      }))

    it.scoped("a client of a SOCKS proxy that is none is closed, and harms no other", () =>
      Effect.gen(function*() {
        const { port } = yield* echo
        const { connect, tunnel } = yield* socks.open(port)
        const next = yield* eventsOf(tunnel)
        const silent = yield* loopback((tunnel as Tunnel.SocksProxy).localPort)
        for (
          const [said, answer] of [["GET / HTTP/1.1\r\n\r\n", []], ["\x04\x01", []], ["\x05\x01\x02", [
            5,
            255
          ]]] as const
        ) {
          const client = yield* loopback((tunnel as Tunnel.SocksProxy).localPort)
          yield* send(client, said)
          assert.deepStrictEqual([...yield* receive(client)], [...answer])
          const event = yield* next
          assert(event._tag === "Refused")
          assert.strictEqual(event.error._tag, "SocksError")
        }
        assert.strictEqual(yield* ask(yield* connect, "x"), "x")
        assert.isFalse(silent.destroyed)
      }))

    it.scoped.skipIf(capabilities.remoteForward)(
      "a remote tunnel is what this transport cannot do",
      () =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(RemoteContext.remoteTunnel({ localPort: 1 }))
          assert.strictEqual(error.reason, "Unsupported")
        })
    )

    it.scoped("addresses that are none for a remote tunnel are refused before the host is asked", () =>
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

    it.scoped.skipIf(!capabilities.remoteForward)(
      "a remote tunnel listens on the port that is asked for, which then is busy",
      () =>
        Effect.gen(function*() {
          const { port: localPort } = yield* echo
          const remotePort = yield* closedPort
          const open = RemoteContext.remoteTunnel({ localPort, remotePort })
          yield* Effect.scoped(Effect.gen(function*() {
            const tunnel = yield* open
            assert.strictEqual(tunnel.remotePort, remotePort)
            assert.strictEqual(yield* ask(yield* loopback(remotePort), "x"), "x")
            const error = yield* Effect.flip(RemoteContext.remoteTunnel({ localPort, remotePort }))
            assert(error._tag === "RemoteConnectionError")
            assert.strictEqual(error.reason, "ChannelRefused")
            assert.include(error.message, String(remotePort))
            assert.strictEqual(yield* ask(yield* loopback(remotePort), "still"), "still")
          }))
          // Free again: a server that listened on would refuse.
          yield* Effect.retry(open, Schedule.intersect(Schedule.spaced("50 millis"), Schedule.recurs(20)))
          assert.strictEqual(yield* ask(yield* loopback(remotePort), "y"), "y")
        })
    )

    it.scoped.skipIf(!capabilities.remoteForward)(
      "a remote tunnel does not get a port that is somebody else's on one address",
      () =>
        Effect.gen(function*() {
          const { port: localPort } = yield* echo
          const { port: remotePort } = yield* server(() => {})
          const error = yield* Effect.flip(RemoteContext.remoteTunnel({ localPort, remotePort }))
          assert(error._tag === "RemoteConnectionError")
          assert.strictEqual(error.reason, "ChannelRefused")
        })
    )

    it.scoped.skipIf(!capabilities.remoteForward)(
      "a remote tunnel leads to a unix socket",
      () =>
        Effect.gen(function*() {
          const localPath = yield* socketPath
          yield* echoAt(localPath)
          const tunnel = yield* RemoteContext.remoteTunnel({ localPath })
          assert.strictEqual(yield* ask(yield* loopback(tunnel.remotePort), "to unix"), "to unix")
        })
    )

    it.scoped.skipIf(!(capabilities.remoteForward && capabilities.unixSockets))(
      "a remote tunnel listens on a unix socket",
      () =>
        Effect.gen(function*() {
          const { port: localPort } = yield* echo
          const remotePath = yield* socketPath
          const tunnel = yield* RemoteContext.remoteTunnel({ localPort, remotePath })
          assert.strictEqual(tunnel.remotePort, 0)
          assert.strictEqual(yield* ask(yield* connect({ path: remotePath }), "over unix"), "over unix")
        })
    )

    it.scoped.skipIf(!capabilities.remoteForward)(
      "a remote tunnel is lost with the connection",
      () =>
        Effect.gen(function*() {
          const { dropConnections } = yield* Sshd.Sshd
          const how = yield* Deferred.make<string>()
          const { port } = yield* server((socket) => {
            socket.write("some of it")
            socket.on("end", () => Deferred.unsafeDone(how, Effect.succeed("end")))
            socket.on("error", () => Deferred.unsafeDone(how, Effect.succeed("reset")))
            socket.resume()
          })
          const { connect, tunnel } = yield* remote.open(port)
          const next = yield* eventsOf(tunnel)
          const socket = yield* connect
          yield* receiveOnce(socket)
          assert.strictEqual((yield* next)._tag, "Opened")
          yield* dropConnections
          const error = yield* Effect.flip(tunnel.ended)
          assert.strictEqual(error.reason, "ConnectionLost")
          // What was carried breaks too, in either order.
          const tags = [(yield* next)._tag, (yield* next)._tag]
          assert.sameMembers(tags, ["Closed", "Lost"])
          assert.strictEqual(yield* Deferred.await(how), "reset")
          // The transport connects again for whoever asks it to.
          const again = yield* remote.open(port)
          assert.strictEqual((yield* receiveOnce(yield* again.connect)).toString(), "some of it")
        })
    )
  })

/** Tunnels through a server that forbids them. */
export const forbiddenTunnels = ({ capabilities, layer: live, name }: Suite) =>
  layer(live, { excludeTestServices: true, timeout: "60 seconds" })(`forbidden tunnels on ${name}`, (it) => {
    it.scoped("a client of a SOCKS proxy is told so", () =>
      Effect.gen(function*() {
        const { port } = yield* echo
        const { connect, tunnel } = yield* socks.open(port)
        const next = yield* eventsOf(tunnel)
        assert.strictEqual(yield* Effect.flip(connect), 2)
        const event = yield* next
        assert(event._tag === "Refused")
        assert.strictEqual(event.error.reason, "ChannelRefused")
      }))

    it.scoped.skipIf(!capabilities.remoteForward)("the host does not listen", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(RemoteContext.remoteTunnel({ localPort: 1 }))
        assert.strictEqual(error.reason, "ChannelRefused")
      }))
  })
