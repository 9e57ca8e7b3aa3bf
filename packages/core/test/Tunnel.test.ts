import type { RemoteError, Tunnel } from "@effect-remote/core"
import { assert, describe, it } from "@effect/vitest"
import {
  Array as Arr,
  Deferred,
  Effect,
  Exit,
  Fiber,
  Logger,
  Option,
  Queue,
  Scope,
  Stream,
  TestClock,
  Tracer
} from "effect"
import { replyTo } from "../src/internal/tunnel/socks.js"
import * as memory from "./fixtures/memory.js"

const bytes = (...values: ReadonlyArray<number>) => Uint8Array.from(values)

const text = (value: string) => new TextEncoder().encode(value)

/** Reads `count` bytes, or all bytes until the end. */
const receive = (end: memory.End, count = Infinity): Effect.Effect<Array<number>, unknown> => {
  const more = (have: Array<number>): Effect.Effect<Array<number>, unknown> =>
    have.length >= count ? Effect.succeed(have) : Effect.flatMap(
      end.read,
      Option.match({ onNone: () => Effect.succeed(have), onSome: (part) => more([...have, ...part]) })
    )
  return more([])
}

const receiveText = (end: memory.End) => Effect.map(receive(end), (data) => String.fromCharCode(...data))

const flood: memory.Service = (end) => Effect.repeat(end.write(new Uint8Array(10)), { while: (more) => more })

/** The events of a tunnel from now on. */
const eventsOf = (tunnel: Tunnel.Tunnel) =>
  Effect.gen(function*() {
    const events = yield* Queue.unbounded<Tunnel.TunnelEvent>()
    yield* Effect.forkScoped(Stream.runForEach(tunnel.events, (event) => Queue.offer(events, event)))
    yield* Effect.yieldNow()
    return Queue.take(events)
  })

const remoteTunnel = (options: Tunnel.RemoteTunnelOptions) =>
  Effect.gen(function*() {
    const { context, services, there } = yield* memory.make
    services.set("127.0.0.1 3000", memory.echo)
    const tunnel = yield* context.remoteTunnel(options)
    const [listener] = there
    return { tunnel, services, call: listener!.call, lose: listener!.lose, next: yield* eventsOf(tunnel) }
  })

describe("a remote tunnel", () => {
  it.scoped("carries what connects on the host to a target here, both ways, and half-closes", () =>
    Effect.gen(function*() {
      const { call, next, tunnel } = yield* remoteTunnel({ localPort: 3000 })
      assert.deepStrictEqual({ ...tunnel.remote }, { _tag: "Tcp", host: "127.0.0.1", port: 40000 })
      assert.strictEqual(tunnel.remoteHost, "127.0.0.1")
      assert.strictEqual(tunnel.remotePort, 40000)
      assert.deepStrictEqual({ ...tunnel.local }, { _tag: "Tcp", host: "127.0.0.1", port: 3000 })
      const end = yield* call
      yield* end.write(text("there and back"))
      yield* end.end
      assert.strictEqual(yield* receiveText(end), "there and back")
      assert.deepStrictEqual({ ...yield* next }, { _tag: "Opened", peer: "a caller", target: "127.0.0.1:3000" })
      assert.deepStrictEqual({ ...yield* next }, { _tag: "Closed", peer: "a caller", error: undefined })
      assert.strictEqual(yield* end.gone, "closed")
      assert.strictEqual(yield* tunnel.connections, 0)
    }))

  it.scoped("goes on in one direction when the other has ended", () =>
    Effect.gen(function*() {
      const { call, services } = yield* remoteTunnel({ localPort: 3000 })
      const got = yield* Deferred.make<string>()
      services.set("127.0.0.1 3000", (end) =>
        Effect.gen(function*() {
          yield* end.write(text("bye"))
          yield* end.end
          yield* Deferred.complete(got, Effect.orDie(receiveText(end)))
        }))
      const end = yield* call
      assert.strictEqual(yield* receiveText(end), "bye")
      yield* end.write(text("still here"))
      yield* end.end
      assert.strictEqual(yield* Deferred.await(got), "still here")
    }))

  it.scoped("a unix socket at either end", () =>
    Effect.gen(function*() {
      const { call, services, tunnel } = yield* remoteTunnel({ remotePath: "/run/there", localPath: "/run/here" })
      services.set("/run/here", memory.echo)
      assert.deepStrictEqual({ ...tunnel.remote }, { _tag: "Unix", path: "/run/there" })
      assert.deepStrictEqual([tunnel.remoteHost, tunnel.remotePort], ["", 0])
      const end = yield* call
      yield* end.write(text("x"))
      yield* end.end
      assert.strictEqual(yield* receiveText(end), "x")
    }))

  it.scoped("two hundred at once, and a slow reader stops no other", () =>
    Effect.gen(function*() {
      const { call, services } = yield* remoteTunnel({ localPort: 3000 })
      services.set("127.0.0.1 3000", flood)
      const slow = yield* call
      yield* receive(slow, 1)
      services.set("127.0.0.1 3000", memory.echo)
      const answers = yield* Effect.forEach(
        Arr.range(1, 200),
        (number) =>
          Effect.gen(function*() {
            const end = yield* call
            yield* end.write(text(`number ${number}`))
            yield* end.end
            return yield* receiveText(end)
          }),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual(answers, Arr.range(1, 200).map((number) => `number ${number}`))
      assert.strictEqual((yield* receive(slow, 100)).length, 100)
    }))

  it.scoped("a target that refuses resets its connection, emits an event, and affects no other connection", () =>
    Effect.gen(function*() {
      const { call, next, services } = yield* remoteTunnel({ localPort: 3001 })
      const end = yield* call
      assert.strictEqual(yield* end.gone, "reset")
      const event = yield* next
      assert(event._tag === "Refused" && event.error._tag === "TunnelError")
      assert.strictEqual(event.error.reason, "ConnectionRefused")
      assert.strictEqual(
        event.error.message,
        "tunnel from 127.0.0.1:40000 on luigi@worker-01:2222 to 127.0.0.1:3001: nobody listens there"
      )
      services.set("127.0.0.1 3001", memory.echo)
      const other = yield* call
      yield* other.end
      assert.strictEqual((yield* receive(other)).length, 0)
    }))

  // B17
  it.scoped("a target that refuses is logged once for each reason", () => {
    const logged: Array<string> = []
    const logger = Logger.make(({ message }) => void logged.push(String(message)))
    return Effect.gen(function*() {
      const { call, next } = yield* remoteTunnel({ localPort: 3001 })
      for (const _ of [1, 2, 3]) {
        const end = yield* call
        yield* end.gone
        yield* next
      }
      assert.lengthOf(logged, 1)
      assert.include(logged[0]!, "127.0.0.1:3001: nobody listens there")
    }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
  })

  it.scoped("a broken connection emits an event, and its other side is reset", () =>
    Effect.gen(function*() {
      const { call, next, services } = yield* remoteTunnel({ localPort: 3000 })
      const served = yield* Deferred.make<memory.End>()
      services.set("127.0.0.1 3000", (end) => Deferred.succeed(served, end))
      const end = yield* call
      const target = yield* Deferred.await(served)
      yield* end.reset
      assert.strictEqual(yield* target.gone, "reset")
      assert.strictEqual((yield* next)._tag, "Opened")
      const event = yield* next
      assert(event._tag === "Closed")
      assert.isString(event.error)
    }))

  it.scoped("is lost when the host listens no more, connections included", () =>
    Effect.gen(function*() {
      const { call, lose, next, tunnel } = yield* remoteTunnel({ localPort: 3000 })
      const ended = yield* Effect.fork(Effect.flip(tunnel.ended))
      const end = yield* call
      assert.strictEqual((yield* next)._tag, "Opened")
      yield* lose(memory.connectionError("ConnectionLost", "the cable was cut"))
      const event = yield* next
      assert(event._tag === "Lost")
      assert.strictEqual(event.error.message, "luigi@worker-01:2222: the cable was cut")
      assert.strictEqual(yield* Fiber.join(ended), event.error)
      assert.strictEqual(yield* Effect.flip(tunnel.ended), event.error)
      assert.strictEqual(yield* end.gone, "reset")
      assert.strictEqual((yield* next)._tag, "Closed")
    }))

  it.effect("closes with its scope, connections included, also while one is busy", () =>
    Effect.scoped(Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { call, services, tunnel } = yield* Scope.extend(remoteTunnel({ localPort: 3000 }), scope)
      const gone = yield* Queue.unbounded<string>()
      services.set("127.0.0.1 3000", (end) =>
        Effect.zipRight(
          flood(end),
          Effect.flatMap(end.gone, (how) => Queue.offer(gone, how))
        ))
      const busy = yield* call
      yield* receive(busy, 1)
      services.set("127.0.0.1 3000", (end) => Effect.flatMap(end.gone, (how) => Queue.offer(gone, how)))
      const idle = yield* call
      yield* Effect.repeat(tunnel.connections, { until: (count) => count === 2 })
      const ended = yield* Effect.fork(tunnel.ended)
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(ended)
      assert.deepStrictEqual([yield* busy.gone, yield* idle.gone], ["reset", "reset"])
      assert.deepStrictEqual([yield* Queue.take(gone), yield* Queue.take(gone)], ["reset", "reset"])
    })))

  it.scoped("a host that does not listen there says so", () =>
    Effect.gen(function*() {
      const { context } = yield* memory.make
      const error = yield* Effect.flip(context.remoteTunnel({ remotePort: 22, localPort: 3000 }))
      assert.strictEqual(error.reason, "ChannelRefused")
    }))

  it.scoped("addresses that are none are refused before anything is asked of the host", () =>
    Effect.gen(function*() {
      const { context, there } = yield* memory.make
      for (
        const options of [
          { localPort: 0 },
          { localPort: 65536 },
          { localPort: NaN },
          { localHost: "", localPort: 1 },
          { localPort: 1, remoteHost: "" },
          { localPort: 1, remoteHost: "/run/x" },
          { localPort: 1, remotePort: -1 },
          { localPort: 1, remotePort: 1.5 },
          { localPort: 1, remotePath: "" },
          { localPort: 1, remotePath: "/a\0b" },
          { localPath: `/tmp/${"x".repeat(120)}` }
        ] as ReadonlyArray<Tunnel.RemoteTunnelOptions>
      ) {
        const error = yield* Effect.flip(context.remoteTunnel(options))
        assert.strictEqual(error.reason, "InvalidAddress", JSON.stringify(options))
      }
      assert.strictEqual(there.length, 0)
    }))
})

const greeting = bytes(5, 1, 0)

const name = (host: string) => [3, host.length, ...text(host)]

const request = (address: ReadonlyArray<number>, port: number, command = 1) =>
  bytes(5, command, 0, ...address, port >> 8, port & 0xff)

const succeeded = [5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0]

const socksProxy = Effect.gen(function*() {
  const { context, here, refusal, services } = yield* memory.make
  const tunnel = yield* context.socksProxy()
  const [listener] = here
  return { tunnel, services, refusal, call: listener!.call, next: yield* eventsOf(tunnel) }
})

describe("a SOCKS proxy", () => {
  it.scoped("listens on loopback, and carries to the name that a client gives", () =>
    Effect.gen(function*() {
      const { call, next, services, tunnel } = yield* socksProxy
      services.set("search.internal 9200", memory.echo)
      assert.deepStrictEqual([tunnel.localHost, tunnel.localPort], ["127.0.0.1", 40000])
      const end = yield* call
      yield* end.write(greeting)
      assert.deepStrictEqual(yield* receive(end, 2), [5, 0])
      yield* end.write(request(name("search.internal"), 9200))
      assert.deepStrictEqual(yield* receive(end, 10), [5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
      yield* end.write(text("hello"))
      yield* end.end
      assert.strictEqual(yield* receiveText(end), "hello")
      assert.deepStrictEqual({ ...yield* next }, { _tag: "Opened", peer: "a caller", target: "search.internal:9200" })
      assert.deepStrictEqual({ ...yield* next }, { _tag: "Closed", peer: "a caller", error: undefined })
    }))

  it.scoped("addresses reach the host as they were given", () =>
    Effect.gen(function*() {
      const { call, services } = yield* socksProxy
      services.set("10.0.0.9 80", memory.echo)
      services.set("2001:db8::9 443", memory.echo)
      for (
        const [address, port] of [
          [[1, 10, 0, 0, 9], 80],
          [[4, 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9], 443]
        ] as const
      ) {
        const end = yield* call
        yield* end.write(greeting)
        yield* end.write(request(address, port))
        yield* end.end
        assert.deepStrictEqual(yield* receive(end), succeeded)
      }
    }))

  it.scoped("however the bytes are split, nothing is lost of what a client sends at once", () =>
    Effect.gen(function*() {
      const { call, services } = yield* socksProxy
      services.set("a 7", memory.echo)
      const all = Uint8Array.from([...greeting, ...request(name("a"), 7), ...text("at once")])
      const pieces = Arr.makeBy(all.length + 1, (at) => [all.subarray(0, at), all.subarray(at)])
      pieces.push(Arr.makeBy(all.length, (at) => all.subarray(at, at + 1)))
      for (const parts of pieces) {
        const end = yield* call
        yield* Effect.fork(Effect.zipRight(
          Effect.forEach(parts.filter((part) => part.length > 0), end.write, { discard: true }),
          end.end
        ))
        const got = yield* receive(end)
        assert.deepStrictEqual(got, [...succeeded, ...text("at once")], parts.map((part) => part.length).join())
      }
    }))

  it.scoped("a client that cannot be served gets a refusal, and is then closed", () =>
    Effect.gen(function*() {
      const { call, next, services } = yield* socksProxy
      services.set("a 7", memory.echo)
      for (
        const [reason, sent, answer] of [
          ["Method", bytes(5, 2, 1, 2), [5, 0xff]],
          ["Command", bytes(...greeting, ...request(name("a"), 7, 2)), [5, 0, 5, 7, 0, 1, 0, 0, 0, 0, 0, 0]],
          ["Command", bytes(...greeting, ...request(name("a"), 7, 3)), [5, 0, 5, 7, 0, 1, 0, 0, 0, 0, 0, 0]],
          ["AddressType", bytes(...greeting, ...request([9, 9, 9], 7)), [5, 0, 5, 8, 0, 1, 0, 0, 0, 0, 0, 0]],
          ["Address", bytes(...greeting, ...request(name("a"), 0)), [5, 0, 5, 4, 0, 1, 0, 0, 0, 0, 0, 0]],
          ["Address", bytes(...greeting, ...request(name(""), 7)), [5, 0, 5, 4, 0, 1, 0, 0, 0, 0, 0, 0]],
          ["Address", bytes(...greeting, ...request(name("/run/docker.sock"), 7)), [5, 0, 5, 4, 0, 1, 0, 0, 0, 0, 0, 0]]
        ] as const
      ) {
        const end = yield* call
        yield* end.write(sent)
        assert.deepStrictEqual(yield* receive(end), [...answer], reason)
        const event = yield* next
        assert(event._tag === "Refused" && event.error._tag === "SocksError")
        assert.strictEqual(event.error.reason, reason)
        yield* end.end
        assert.strictEqual(yield* end.gone, "closed")
      }
    }))

  it.scoped("a client that speaks something else is reset, and harms no other", () =>
    Effect.gen(function*() {
      const { call, next, services } = yield* socksProxy
      services.set("a 7", memory.echo)
      for (const sent of [bytes(4, 1, 0, 80, 127, 0, 0, 1, 0), text("GET / HTTP/1.1\r\n\r\n")]) {
        const end = yield* call
        yield* end.write(sent)
        assert.strictEqual(yield* end.gone, "reset")
        const event = yield* next
        assert(event._tag === "Refused" && event.error._tag === "SocksError")
        assert.strictEqual(event.error.reason, "Version")
      }
      const end = yield* call
      yield* end.write(bytes(...greeting, ...request(name("a"), 7)))
      yield* end.end
      assert.deepStrictEqual(yield* receive(end), succeeded)
    }))

  it.scoped("a client that hangs up early is an event", () =>
    Effect.gen(function*() {
      const { call, next } = yield* socksProxy
      const end = yield* call
      yield* end.write(bytes(5, 1))
      yield* end.end
      const event = yield* next
      assert(event._tag === "Refused" && event.error._tag === "SocksError")
      assert.strictEqual(event.error.reason, "Ended")
      assert.strictEqual(yield* end.gone, "reset")
    }))

  it.scoped("a silent client is closed after 30 seconds, one that trickles too", () =>
    Effect.gen(function*() {
      const { call, next, tunnel } = yield* socksProxy
      const silent = yield* call
      yield* TestClock.adjust("20 seconds")
      const slow = yield* call
      yield* slow.write(greeting)
      yield* receive(slow, 2)
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(yield* silent.gone, "reset")
      const event = yield* next
      assert(event._tag === "Refused" && event.error._tag === "SocksError")
      assert.strictEqual(event.error.reason, "TimedOut")
      assert.strictEqual(yield* tunnel.connections, 1)
      yield* slow.write(bytes(5))
      yield* TestClock.adjust("20 seconds")
      assert.strictEqual(yield* slow.gone, "reset")
    }))

  it.scoped("the deadline is for the handshake alone", () =>
    Effect.gen(function*() {
      const { call, services } = yield* socksProxy
      services.set("a 7", memory.echo)
      const end = yield* call
      yield* end.write(bytes(...greeting, ...request(name("a"), 7)))
      assert.deepStrictEqual(yield* receive(end, 12), succeeded)
      yield* TestClock.adjust("1 day")
      yield* end.write(text("x"))
      yield* end.end
      assert.strictEqual(yield* receiveText(end), "x")
    }))

  it.scoped("a target that refuses is reported to the client and as an event, and the client is closed after 5 seconds", () =>
    Effect.gen(function*() {
      const { call, next, refusal, tunnel } = yield* socksProxy
      const end = yield* call
      yield* end.write(bytes(...greeting, ...request(name("a"), 7)))
      assert.deepStrictEqual((yield* receive(end)).slice(0, 4), [5, 0, 5, 5])
      const event = yield* next
      assert(event._tag === "Refused")
      assert.strictEqual(event.error.message, refusal.current.message)
      assert.strictEqual(yield* tunnel.connections, 1)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* end.gone, "closed")
    }))

  it("replies by why the host did not connect", () => {
    const target = "prohibited.not known:80"
    const reply = (reason: RemoteError.RemoteConnectionReason, detail: string) =>
      replyTo(memory.connectionError(reason, `the host could not connect to ${target}: ${detail}`), target)
    assert.strictEqual(reply("ChannelRefused", "connect failed: Connection refused"), "ConnectionRefused")
    assert.strictEqual(reply("ChannelRefused", "connect failed: "), "ConnectionRefused")
    assert.strictEqual(reply("ChannelRefused", "administratively prohibited: open failed"), "NotAllowed")
    assert.strictEqual(reply("ChannelRefused", "connect failed: No route to host"), "HostUnreachable")
    assert.strictEqual(reply("ChannelRefused", "connect failed: Connection timed out"), "HostUnreachable")
    assert.strictEqual(reply("ChannelRefused", "connect failed: Network is unreachable"), "NetworkUnreachable")
    assert.strictEqual(reply("ChannelRefused", "connect failed: Name or service not known"), "HostUnreachable")
    assert.strictEqual(
      reply("ChannelRefused", "connect failed: Temporary failure in name resolution"),
      "HostUnreachable"
    )
    assert.strictEqual(reply("TimedOut", "connecting took more than 30s"), "HostUnreachable")
    assert.strictEqual(reply("ConnectionLost", "the connection was lost"), "GeneralFailure")
    assert.strictEqual(reply("AuthenticationFailed", "the server refused to log in"), "GeneralFailure")
  })

  it.effect("closes with its scope, also clients that have not asked yet", () =>
    Effect.scoped(Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { call } = yield* Scope.extend(socksProxy, scope)
      const end = yield* call
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(yield* end.gone, "reset")
    })))

  it.scoped("addresses that are none are refused before anything listens", () =>
    Effect.gen(function*() {
      const { context, here } = yield* memory.make
      for (const options of [{ localPort: -1 }, { localHost: "a b" }, { localPath: "/a\0b" }] as const) {
        const error = yield* Effect.flip(context.socksProxy(options))
        assert.strictEqual(error.reason, "InvalidAddress", JSON.stringify(options))
        assert.include(error.message, "to any target through luigi@worker-01:2222")
      }
      assert.strictEqual(here.length, 0)
    }))
})

it.scoped("opening any tunnel is a span", () =>
  Effect.gen(function*() {
    const { context } = yield* memory.make
    const spans: Array<Tracer.Span> = []
    const native = yield* Effect.tracer
    const tracer = Tracer.make({
      ...native,
      span: (...args) => {
        const span = native.span(...args)
        spans.push(span)
        return span
      }
    })
    yield* Effect.withTracer(
      Effect.all([
        context.tunnel({ remotePort: 80 }),
        context.remoteTunnel({ localPort: 80 }),
        context.socksProxy()
      ]),
      tracer
    )
    const expected = { name: "ssh.tunnel", kind: "client" as const, host: "worker-01", port: 2222 }
    assert.deepStrictEqual(
      spans.map(({ attributes, kind, name }) => ({
        name,
        kind,
        host: attributes.get("server.address"),
        port: attributes.get("server.port")
      })),
      [expected, expected, expected]
    )
  }))
