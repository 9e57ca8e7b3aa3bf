import { RemoteContext, RemoteError, RemoteFileSystem, sh } from "@effect-remote/core"
import { Transport } from "@effect-remote/core/Transport"
import { Fault, HostEvent, InMemoryHost } from "@effect-remote/testing"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber, Layer, Option, Stream, TestClock } from "effect"
import { vi } from "vitest"

const host = InMemoryHost.InMemoryHost
const files = RemoteFileSystem.RemoteFileSystem

const inject = (fault: Fault.Fault) => Effect.flatMap(host, ({ inject }) => inject(fault))

const connectionReason = (effect: Effect.Effect<unknown, unknown, InMemoryHost.Provided>) =>
  Effect.map(
    Effect.flip(effect),
    (error) => Option.getOrUndefined(Option.map(RemoteError.findConnectionError(error), ({ reason }) => reason))
  )

describe("faults", () => {
  it.effect("connections or logins are refused the given number of times", () =>
    Effect.gen(function*() {
      const { dropConnection, events } = yield* host
      const { ready } = yield* Transport
      yield* dropConnection
      yield* inject(Fault.refuseConnection({ times: 2 }))
      yield* inject(Fault.failAuthentication())
      const reasons = yield* Effect.all(
        [ready, ready, ready].map((one) => Effect.map(Effect.flip(one), (e) => e.reason))
      )
      assert.deepStrictEqual(reasons, ["Unreachable", "Unreachable", "AuthenticationFailed"])
      yield* ready
      assert.strictEqual(yield* RemoteContext.string(Command.make("echo", "x")), "x\n")
      assert.strictEqual((yield* events).filter(HostEvent.HostEvent.$is("ConnectionFailed")).length, 3)
    }).pipe(Effect.provide(InMemoryHost.layer())))

  it.effect("a host may be out of reach from the beginning", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(RemoteContext.string(Command.make("true")))).reason, "Unreachable")
      assert.strictEqual(yield* RemoteContext.exitCode(Command.make("true")), 0)
    }).pipe(Effect.provide(InMemoryHost.layer({ faults: [Fault.refuseConnection()] }))))

  it.effect("the connection drops after a number of bytes, and an atomic write keeps the old file", () =>
    Effect.gen(function*() {
      const fs = yield* files
      const { expectFile, tree } = yield* host
      yield* inject(Fault.dropAfterBytes(50_000))
      const big = new Uint8Array(1_000_000)
      assert.strictEqual(yield* connectionReason(fs.atomicWrite("/home/user/f", Stream.make(big))), "ConnectionLost")
      yield* expectFile("/home/user/f", "old")
      yield* fs.atomicWrite("/home/user/f", Stream.make(new TextEncoder().encode("new")))
      yield* expectFile("/home/user/f", "new")
      assert.isAtMost((yield* tree("/home/user")).size, 3)
    }).pipe(Effect.provide(InMemoryHost.layer({ files: { "/home/user/f": "old" } }))))

  it.effect("the connection drops before or after an operation", () =>
    Effect.gen(function*() {
      const fs = yield* files
      const { expectFile, expectIdle, expectMissing } = yield* host
      yield* inject(Fault.dropAt("Mkdir"))
      assert.strictEqual(yield* connectionReason(fs.makeDirectory("a")), "ConnectionLost")
      yield* expectMissing("/home/user/a")
      yield* inject(Fault.dropAt("Write", { nth: 2, isDone: true }))
      yield* fs.writeFileString("one", "1")
      assert.strictEqual(yield* connectionReason(fs.writeFileString("two", "2")), "ConnectionLost")
      yield* expectFile("/home/user/two", "2")
      yield* expectIdle
    }).pipe(Effect.provide(InMemoryHost.layer())))

  it.effect("an operation fails by a status, or its answer breaks", () =>
    Effect.gen(function*() {
      const fs = yield* files
      yield* inject(Fault.failOperation("Stat", { status: 3 }))
      const denied = yield* Effect.flip(fs.stat("/"))
      assert.strictEqual(denied._tag === "SystemError" && denied.reason, "PermissionDenied")
      yield* fs.stat("/")
      yield* inject(Fault.breakReply("any", { nth: 2 }))
      yield* fs.stat("/")
      assert.strictEqual(yield* connectionReason(fs.stat("/")), "Protocol")
      yield* fs.stat("/")
    }).pipe(Effect.provide(InMemoryHost.layer())))

  it.effect("a denied path and a full disk affect commands, too, until they are cleared", () =>
    Effect.gen(function*() {
      const fs = yield* files
      const { clearFaults } = yield* host
      yield* inject(Fault.denyPath("/data"))
      const denied = yield* Effect.flip(fs.readFileString("/data/a"))
      assert.strictEqual(denied._tag === "SystemError" && denied.reason, "PermissionDenied")
      const error = yield* Effect.flip(RemoteContext.string(Command.make("cat", "/data/a")))
      assert.include(error.message, "Permission denied")
      assert.strictEqual(yield* fs.readFileString("/database"), "b")
      yield* inject(Fault.fillDisk())
      assert.isTrue(Exit.isFailure(yield* Effect.exit(fs.writeFileString("x", "y"))))
      assert.include(
        (yield* Effect.flip(RemoteContext.string(sh`cp /database copy`))).message,
        "No space left on device"
      )
      yield* clearFaults
      yield* fs.writeFileString("x", "y")
      assert.strictEqual(yield* fs.readFileString("/data/a"), "a")
    }).pipe(Effect.provide(InMemoryHost.layer({ files: { "/data/a": "a", "/database": "b" } }))))

  it.effect("a disk that fills up cuts a write short, and fails each verb until it has room", () =>
    Effect.gen(function*() {
      const fs = yield* files
      const { events, expectFile, expectIdle, files: administrator, snapshot } = yield* host
      yield* inject(Fault.fillDisk({ after: 10_000 }))
      const failure = (effect: Effect.Effect<unknown, Error>) =>
        Effect.map(Effect.flip(effect), ({ message }) => assert.include(message, "no space left"))

      // the bytes that fit are stored, as on Linux
      const shell = yield* RemoteContext.string(
        sh`head -c 6000 /big >a; echo $?; cat /big >b; echo $?; cat /big >c; echo $?`
      )
      assert.strictEqual(shell, "0\n1\n1\n")
      assert.deepStrictEqual(
        yield* Effect.forEach(["a", "b", "c"], (name) => Effect.map(fs.stat(name), ({ size }) => Number(size))),
        [6000, 4000, 0]
      )
      const { available, free, size } = yield* fs.diskFree("/")
      assert.deepStrictEqual([available, free], [0n, 0n])
      assert.isTrue(size > 0n)

      const big = new Uint8Array(20_000)
      yield* failure(fs.writeFile("new", big))
      yield* failure(fs.writeFile("a", big, { flag: "a" }))
      yield* failure(fs.atomicWrite("/home/user/kept", big))
      yield* failure(fs.makeDirectory("directory"))
      yield* expectFile("/home/user/kept", "old")
      assert.notMatch(yield* snapshot("/home/user"), /kept\..|\.kept/)
      yield* failure(fs.put(import.meta.filename, "/home/user/put"))
      // existing content can be overwritten, and an empty file fits on a full disk
      yield* fs.writeFile("empty", new Uint8Array())
      assert.strictEqual((yield* events).filter(HostEvent.HostEvent.$is("FaultFired")).length, 1)

      yield* fs.remove("b")
      yield* fs.writeFile("again", big.subarray(4000, 8000))
      yield* failure(fs.writeFile("more", big))
      yield* expectIdle
      assert.isTrue(yield* administrator.exists("/home/user/again"))
    }).pipe(
      Effect.scoped,
      Effect.provide(InMemoryHost.layer({
        files: { "/big": "x".repeat(12_000), "/home/user/kept": "old" }
      }))
    ))

  it.effect("a disk is full for as long as it lasts, from the first write that does not fit", () =>
    Effect.gen(function*() {
      const fs = yield* files
      yield* inject(Fault.fillDisk({ lasts: "1 minute" }))
      yield* TestClock.adjust("1 hour")
      const write = fs.writeFileString("x", "y")
      assert.isTrue(Exit.isFailure(yield* Effect.exit(write)))
      yield* TestClock.adjust("59 seconds")
      assert.isTrue(Exit.isFailure(yield* Effect.exit(write)))
      yield* TestClock.adjust("1 second")
      yield* write
    }).pipe(Effect.provide(InMemoryHost.layer())))

  it.effect("a quota limits the disk as a fault does", () =>
    Effect.gen(function*() {
      const fs = yield* files
      assert.isTrue(Exit.isFailure(yield* Effect.exit(fs.writeFile("big", new Uint8Array(100_001)))))
      yield* fs.remove("big")
      yield* fs.writeFile("small", new Uint8Array(50_000))
    }).pipe(Effect.provide(InMemoryHost.layer({ quota: 100_000 }))))

  it.effect("a command is killed as soon as it runs", () =>
    Effect.gen(function*() {
      yield* inject(Fault.killCommand("job", { nth: 2, signal: "TERM" }))
      yield* RemoteContext.string(Command.make("job"))
      const error = yield* Effect.flip(RemoteContext.string(Command.make("job")))
      assert.strictEqual(error._tag === "RemoteCommandError" && error.signal, "SIGTERM")
      yield* RemoteContext.string(Command.make("job"))
    }).pipe(Effect.provide(InMemoryHost.layer({ commands: { job: 0 } }))))

  const takes = <A, E, R>(effect: Effect.Effect<A, E, R>, least: Duration.DurationInput) =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(effect)
      yield* TestClock.adjust(Duration.subtract(least, 1))
      yield* Effect.repeatN(Effect.yieldNow(), 100)
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust(1)
      return yield* Fiber.join(fiber)
    })

  it.effect("delays are measured by the Clock", () =>
    Effect.gen(function*() {
      const fs = yield* files
      yield* fs.stat("/")
      yield* inject(Fault.delay("3 seconds", "Stat"))
      yield* takes(fs.stat("/"), "3 seconds")
      yield* (yield* host).clearFaults
      yield* inject(Fault.slowLink(1000))
      const read = yield* Effect.fork(fs.readFile("big"))
      yield* TestClock.adjust("9 seconds")
      yield* Effect.repeatN(Effect.yieldNow(), 100)
      assert.isTrue(Option.isNone(yield* Fiber.poll(read)))
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* Fiber.join(read)).length, 10_000)
    }).pipe(Effect.provide(InMemoryHost.layer({ files: { "/home/user/big": "x".repeat(10_000) } }))))

  it.effect("random faults are the same for the same seed, and can be shown", () =>
    Effect.sync(() => {
      const plan = Fault.random(3, { count: 4 })
      assert.deepStrictEqual(plan, Fault.random(3, { count: 4 }))
      assert.notDeepEqual(plan, Fault.random(4, { count: 4 }))
      for (const line of plan.map(Fault.show)) assert.match(line, /^(refuse|drop|answer|break) the /)
    }))

  it.effect("a retried write succeeds despite random faults, and nothing stays open", () =>
    Effect.forEach(Array.from({ length: 60 }, (_, seed) => seed), (seed) =>
      Effect.gen(function*() {
        const fs = yield* files
        const { expectFile, expectIdle } = yield* host
        const write = fs.atomicWrite("/home/user/f", Stream.make(new TextEncoder().encode("new".repeat(5000))))
        const all = Effect.zipRight(write, RemoteContext.string(Command.make("cat", "/home/user/f")))
        yield* Effect.retry(all, { times: 10 })
        yield* expectFile("/home/user/f", "new".repeat(5000))
        yield* expectIdle
      }).pipe(Effect.provide(InMemoryHost.layer({ faults: Fault.random(seed, { count: 3 }) }))), { discard: true }))

  it.effect("the faults are printed when the test fails", () =>
    Effect.gen(function*() {
      const printed = vi.spyOn(console, "error").mockImplementation(() => {})
      yield* Effect.addFinalizer(() => Effect.sync(() => printed.mockRestore()))
      const layer = InMemoryHost.layer({ host: "db", faults: [Fault.dropAt("Write", { nth: 3 }), Fault.fillDisk()] })
      yield* Effect.exit(Effect.provide(Effect.fail("the test"), layer))
      yield* Effect.scoped(Layer.build(layer))
      assert.deepStrictEqual(printed.mock.calls, [
        ["faults of user@db:\n  drop the connection before the 3rd Write\n  fill the disk"]
      ])
    }).pipe(Effect.scoped))
})
