import { RemoteContext, RemoteError } from "@effect-remote/core"
import type { Duplex } from "@effect-remote/core/Transport"
import { HostService, InMemoryHost } from "@effect-remote/testing"
import { Socket } from "@effect/platform"
import { NodeSocket } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Option, Queue, Stream } from "effect"

const host = InMemoryHost.InMemoryHost

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

const readAll = (connection: Duplex<never>): Effect.Effect<string> =>
  Effect.flatMap(
    connection.read,
    Option.match({
      onNone: () => Effect.succeed(""),
      onSome: (piece) => Effect.map(readAll(connection), (rest) => text(piece) + rest)
    })
  )

const say = (connection: Duplex<never>, words: string) => connection.write(new TextEncoder().encode(words))

/** The outcomes of connections to `quiet:1`. */
const ended = Effect.runSync(Queue.unbounded<string>())

const layer = InMemoryHost.layer({
  services: {
    "echo:1": HostService.echo,
    "greeting:1": HostService.constant("hello\n"),
    // answers when it has got everything
    "length:1": (connection) =>
      Effect.flatMap(readAll(connection), (all) => say(connection, `${all.length} characters`)),
    "quiet:1": (connection) => Effect.flatMap(readAll(connection), (all) => ended.offer(all))
  }
})

const inProcess = (name: string) => Effect.flatMap(host, ({ connect }) => connect(`${name}:1`))

const overTheNetwork = (name: string) =>
  Effect.flatMap(
    RemoteContext.tunnel({ remoteHost: name, remotePort: 1 }),
    ({ localPort }) => NodeSocket.makeNet({ host: "127.0.0.1", port: localPort })
  )

// The socket without a network must behave like NodeSocket through a tunnel to the same host.
describe.each([
  { way: "in process", open: inProcess },
  { way: "NodeSocket through a tunnel", open: overTheNetwork }
])("sockets to services, $way", ({ open }) => {
  it.scopedLive("bytes pass both ways, piece by piece", () =>
    Effect.gen(function*() {
      const socket = yield* open("echo")
      const heard = yield* Queue.unbounded<string>()
      const running = yield* Effect.fork(socket.run((bytes) => heard.offer(text(bytes))))
      const write = yield* socket.writer
      yield* write("one")
      assert.strictEqual(yield* heard.take, "one")
      yield* write(new TextEncoder().encode("two"))
      assert.strictEqual(yield* heard.take, "two")
      yield* Fiber.interrupt(running)
    }).pipe(Effect.provide(layer)))

  it.scopedLive("large amounts pass through a channel", () =>
    Effect.gen(function*() {
      const socket = yield* open("echo")
      const pieces = Array.from({ length: 40 }, (_, index) => String(index).padEnd(20_000, "."))
      const back = yield* Stream.fromIterable(pieces).pipe(
        Stream.pipeThroughChannel(Socket.toChannelString(socket)),
        Stream.mkString
      )
      assert.strictEqual(back, pieces.join(""))
    }).pipe(Effect.provide(layer)))

  it.scopedLive("a writer's scope ends our side, and the other side still answers", () =>
    Effect.gen(function*() {
      const socket = yield* open("length")
      let heard = ""
      const running = yield* Effect.fork(socket.run((bytes) => {
        heard += text(bytes)
      }))
      yield* Effect.scoped(Effect.flatMap(socket.writer, (write) => write("x".repeat(100_000))))
      yield* Fiber.join(running)
      assert.strictEqual(heard, "100000 characters")
    }).pipe(Effect.provide(layer)))

  it.scopedLive("a run ends when the other side ends, and the next run connects again", () =>
    Effect.gen(function*() {
      const socket = yield* open("greeting")
      const heard: Array<string> = []
      const run = socket.run((bytes) => void heard.push(text(bytes)))
      yield* run
      yield* run
      assert.deepStrictEqual(heard, ["hello\n", "hello\n"])
    }).pipe(Effect.provide(layer)))

  it.scopedLive("an interrupted run closes its connection after the bytes already written", () =>
    Effect.gen(function*() {
      const socket = yield* open("quiet")
      const running = yield* Effect.fork(socket.run(() => {}))
      const write = yield* socket.writer
      yield* write("the last words")
      yield* Fiber.interrupt(running)
      assert.strictEqual(yield* ended.take, "the last words")
    }).pipe(Effect.provide(layer)))

  it.scopedLive("a close event closes the connection", () =>
    Effect.gen(function*() {
      const socket = yield* open("quiet")
      const running = yield* Effect.fork(socket.run(() => {}))
      const write = yield* socket.writer
      yield* write(new Socket.CloseEvent())
      const error = yield* Effect.flip(Fiber.join(running))
      assert.isTrue(Socket.SocketCloseError.is(error) && error.code === 1000)
      assert.strictEqual(yield* ended.take, "")
    }).pipe(Effect.provide(layer)))

  it.scopedLive("a handler that fails fails the run", () =>
    Effect.gen(function*() {
      const socket = yield* open("greeting")
      assert.strictEqual(yield* Effect.flip(socket.run((bytes) => Effect.fail(text(bytes)))), "hello\n")
    }).pipe(Effect.provide(layer)))

  it.scopedLive("a waiting handler does not delay others", () =>
    Effect.gen(function*() {
      const socket = yield* open("echo")
      const second = yield* Deferred.make<void>()
      const running = yield* Effect.fork(
        socket.run((bytes) => text(bytes) === "first" ? Deferred.await(second) : Deferred.succeed(second, undefined))
      )
      const write = yield* socket.writer
      yield* write("first")
      yield* write("second")
      yield* Deferred.await(second)
      yield* Fiber.interrupt(running)
    }).pipe(Effect.provide(layer)))

  it.scopedLive("a run reports its opening, and writes wait for it", () =>
    Effect.gen(function*() {
      const socket = yield* open("quiet")
      const write = yield* socket.writer
      const writing = yield* Effect.fork(write("early"))
      const opened = yield* Deferred.make<void>()
      const running = yield* Effect.fork(socket.run(() => {}, { onOpen: Deferred.succeed(opened, undefined) }))
      yield* Deferred.await(opened)
      yield* Fiber.join(writing)
      yield* Fiber.interrupt(running)
      assert.strictEqual(yield* ended.take, "early")
    }).pipe(Effect.provide(layer)))
})

describe("sockets to services", () => {
  it.effect("opening fails with a hint if nobody listens", () =>
    Effect.gen(function*() {
      const { connect } = yield* host
      const error = yield* Effect.flip((yield* connect("echo:2")).run(() => {}))
      assert.strictEqual(error.reason, "Open")
      const cause = error.reason === "Open" && RemoteError.findConnectionError(error.cause)
      assert.isTrue(cause !== false && Option.isSome(cause) && cause.value.message.includes("nobody listens on echo:2"))
    }).pipe(Effect.provide(layer)))

  it.effect("an invalid address is a defect of the test", () =>
    Effect.gen(function*() {
      const { connect } = yield* host
      const exit = yield* Effect.exit(connect("echo"))
      assert.isTrue(Exit.isFailure(exit) && exit.cause._tag === "Die")
    }).pipe(Effect.provide(layer)))

  it.scoped("writes to an ended service do not wait", () =>
    Effect.gen(function*() {
      const socket = yield* inProcess("greeting")
      const write = yield* socket.writer
      const writing = yield* Effect.fork(write("x".repeat(100_000)))
      yield* Effect.yieldNow()
      yield* socket.run(() => {})
      yield* Fiber.join(writing)
    }).pipe(Effect.provide(layer)))
})
