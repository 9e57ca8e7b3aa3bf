import { RemoteContext, RemoteError, RemoteFileSystem, sh, Transport } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { eventually } from "@effect-remote/testing/unstable/Eventually"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Array, Cause, Deferred, Effect, Exit, Fiber, Option, Schedule, type Scope, Stream } from "effect"
import * as Fs from "node:fs"
import * as Net from "node:net"
import { family, masters } from "../fixtures/processes.js"
import * as proxies from "../fixtures/proxy.js"
import { servers } from "../suites/servers.js"
import { echoPort, untilRunning } from "../suites/support.js"

/** A server, and what runs something on a connection that goes through a proxy. */
const make = Effect.fnUntraced(function*(
  options: Sshd.Options,
  change: Partial<OpenSsh.Options> = {}
) {
  const sshd = yield* Sshd.make({ loginShell: "sh", ...options })
  const proxy = yield* proxies.make(sshd.host.port!)
  const layer = OpenSsh.layer({ ...proxies.through(proxy, sshd), ...change })
  const connected = <A, E>(use: Effect.Effect<A, E, OpenSsh.Services | Scope.Scope | Sshd.Sshd>) =>
    use.pipe(Effect.scoped, Effect.provide(layer), Effect.provideService(Sshd.Sshd, sshd))
  return { sshd, proxy, connected }
})

/** The states that have been seen, from now on. */
const states = Effect.gen(function*() {
  const { state } = yield* Transport.Transport
  const seen: Array<Transport.ConnectionState> = []
  yield* Effect.forkScoped(Stream.runForEach(state, (now) => Effect.sync(() => void seen.push(now))))
  const until = (state: Transport.ConnectionState) =>
    eventually(Effect.sync(() => seen.at(-1)), (last) => last === state)
  yield* until("ready")
  return { seen, until }
})

/** The one master of this process. */
const theMaster = Effect.sync(() => {
  const found = masters()
  assert.strictEqual(found.length, 1)
  return found[0]!.pid
})

const killMaster = (signal: NodeJS.Signals) => Effect.map(theMaster, (pid) => void process.kill(pid, signal))

interface Link {
  readonly sshd: Sshd.Sshd
  readonly proxy: proxies.Proxy
}

/** The ways of losing a connection, and what is said of each. */
const faults: ReadonlyArray<readonly [name: string, strike: (link: Link) => Effect.Effect<void>, words: RegExp]> = [
  ["the server's process is killed", ({ sshd }) => sshd.dropConnections, /closed|reset|Broken pipe/],
  ["silence", ({ proxy }) => proxy.silence, /the server stopped answering/],
  ["a reset", ({ proxy }) => proxy.reset, /closed|reset|Broken pipe/],
  ["an end in good order", ({ proxy }) => proxy.end, /closed|reset|Broken pipe/],
  ["the master is killed", () => killMaster("SIGKILL"), /ended by a signal/],
  ["the master is terminated", () => killMaster("SIGTERM"), /has ended with code 0/]
]

/** Connects, sends a line and receives its answer. Then it returns how the connection ends. */
const conversation = (port: number) =>
  Effect.gen(function*() {
    const ended = yield* Deferred.make<string>()
    yield* Effect.acquireRelease(
      Effect.async<Net.Socket>((resume) => {
        const socket = Net.connect({ host: "127.0.0.1", port })
        const end = (how: string) => Deferred.unsafeDone(ended, Effect.succeed(how))
        socket.on("error", (error: NodeJS.ErrnoException) => end(String(error.code)))
        socket.on("end", () => end("end"))
        socket.once("data", () => resume(Effect.succeed(socket)))
        socket.write("hello")
      }),
      (socket) => Effect.sync(() => socket.destroy())
    )
    return { ended: Deferred.await(ended) }
  })

const connectionLost = (exit: Exit.Exit<unknown, unknown>): RemoteError.RemoteConnectionError => {
  const error = Option.flatMap(Exit.causeOption(exit), Cause.failureOption)
  const found = Option.getOrThrow(Option.flatMap(error, RemoteError.findConnectionError))
  assert.strictEqual(found.reason, "ConnectionLost", found.message)
  return found
}

for (const kind of servers) {
  describe(`a connection that is lost, ${kind} server`, () => {
    // Faults on this machine do not depend on the server.
    for (const [name, strike, words] of kind === servers[0] ? faults : faults.slice(0, 1)) {
      it.scopedLive(`${name}: what was in flight fails and is not sent again, what waited is sent`, () =>
        Effect.gen(function*() {
          // Two commands and the files have all the sessions that there are.
          const { connected, proxy, sshd } = yield* make(
            { kind, maxSessions: 3 },
            // On a busy machine a short limit could come before the end of the connection.
            name === "silence" ? { keepAlive: { interval: "1 second", count: 2 } } : {}
          )
          yield* connected(Effect.gen(function*() {
            const fs = yield* RemoteFileSystem.RemoteFileSystem
            const transport = yield* Transport.Transport
            const { seen, until } = yield* states
            const lines = `${sshd.directory}/lines`
            const written = `${sshd.directory}/written`

            const source = yield* fs.open("/dev/zero")
            const target = yield* fs.open(written, { flag: "w" })
            const often = Schedule.spaced("5 millis")
            const command = yield* Effect.fork(RemoteContext.string(sh`echo line >>${lines}; exec sleep 1006`))
            const uses: ReadonlyArray<Effect.Effect<void, unknown, OpenSsh.Services | Scope.Scope>> = [
              Effect.asVoid(Effect.repeat(source.readAlloc(1000), often)),
              Effect.asVoid(Effect.repeat(target.writeAll(new Uint8Array(1000)), often)),
              Stream.runDrain(RemoteContext.streamLines(sh`echo some; exec sleep 1006`)),
              Effect.flatMap(
                transport.listen(Transport.RemoteAddress.Tcp({ host: "127.0.0.1", port: 0 })),
                ({ accept }) => Effect.asVoid(accept)
              )
            ]
            const others = yield* Effect.forEach(uses, (use) => Effect.fork(Effect.scoped(use)))
            yield* untilRunning("sleep", 2)
            yield* eventually(Effect.sync(() => Fs.statSync(written).size), (size) => size > 0)
            const tunnel = yield* RemoteContext.tunnel({ remotePort: yield* echoPort })
            const closed = yield* Effect.fork(
              Stream.runHead(Stream.filter(tunnel.events, ({ _tag }) => _tag === "Closed"))
            )
            const talk = yield* conversation(tunnel.localPort)
            const waiting = yield* Effect.fork(RemoteContext.string(sh`echo waited`))
            const master = yield* theMaster

            assert.deepStrictEqual(seen, ["ready"])
            yield* strike({ proxy, sshd })
            const error = connectionLost(yield* Fiber.await(command))
            assert.match(error.detail, words)
            assert.include(error.hint, "The next use reconnects")
            yield* Effect.forEach(others, (fiber) => Effect.map(Fiber.await(fiber), connectionLost))
            assert.strictEqual(yield* talk.ended, "ECONNRESET")
            const event = Option.getOrThrow(yield* Fiber.join(closed))
            assert(event._tag === "Closed")
            assert.isDefined(event.error)

            assert.strictEqual(yield* Fiber.join(waiting), "waited\n")
            yield* until("ready")
            assert.deepStrictEqual(seen, ["ready", "lost", "connecting", "ready"])
            // The tunnel has listened all the time, and serves again.
            yield* conversation(tunnel.localPort)
            assert.strictEqual(yield* fs.readFileString(lines), "line\n")
            assert.strictEqual(proxy.accepted(), 2)
            yield* eventually(Effect.sync(() => family(master)), (left) => left.length === 0)
          }))
        }))
    }

    it.scopedLive("while nothing is in flight is noticed, and is made again once for all who need it next", () =>
      Effect.gen(function*() {
        const { connected, proxy, sshd } = yield* make({ kind })
        yield* connected(Effect.gen(function*() {
          const fs = yield* RemoteFileSystem.RemoteFileSystem
          const { seen, until } = yield* states
          assert.isTrue(yield* fs.exists(sshd.directory))
          yield* proxy.reset
          yield* until("lost")
          assert.strictEqual(proxy.accepted(), 1)
          const uses = Array.makeBy(20, (number) =>
            number % 4 === 0
              ? Effect.as(fs.exists(sshd.directory), number)
              : Effect.map(RemoteContext.string(sh`echo ${number}`), Number))
          assert.deepStrictEqual(yield* Effect.all(uses, { concurrency: "unbounded" }), Array.range(0, 19))
          assert.strictEqual(proxy.accepted(), 2)
          assert.deepStrictEqual(seen, ["ready", "lost", "connecting", "ready"])
        }))
      }))

    it.scopedLive("at any moment of a command: it ran at most once, and exactly once if it succeeded", () =>
      Effect.gen(function*() {
        const { connected, proxy, sshd } = yield* make({ kind })
        const path = `${sshd.directory}/lines`
        const outcomes = yield* connected(Effect.forEach(Array.range(0, 14), (step) =>
          Effect.gen(function*() {
            // A command that starts before the loss is noticed may be lost too.
            yield* Effect.retry(RemoteContext.exitCode(Command.make("true")), {
              while: ({ reason }) => reason === "ConnectionLost"
            })
            const fiber = yield* Effect.fork(RemoteContext.exitCode(sh`echo ${step} >>${path}`))
            yield* Effect.sleep(step)
            yield* proxy.reset
            const exit = yield* Fiber.await(fiber)
            if (Exit.isFailure(exit)) connectionLost(exit)
            return exit
          })))
        yield* eventually(sshd.processes, (processes) => processes.length === 0)
        const ran = Fs.existsSync(path) ? Fs.readFileSync(path, "utf8").split("\n").slice(0, -1).map(Number) : []
        assert.deepStrictEqual(ran, Array.dedupe(ran))
        outcomes.forEach((exit, step) => {
          if (Exit.isSuccess(exit)) assert.include(ran, step)
        })
      }))

    it.scopedLive("to a host that stays away fails with the reason, under the schedule given", () =>
      Effect.gen(function*() {
        const reconnect = Schedule.spaced("20 millis").pipe(Schedule.intersect(Schedule.recurs(2)))
        const { connected, proxy, sshd } = yield* make({ kind }, { reconnect })
        yield* connected(Effect.gen(function*() {
          const fs = yield* RemoteFileSystem.RemoteFileSystem
          const { seen, until } = yield* states
          yield* proxy.next("reset")
          yield* proxy.reset
          yield* until("lost")
          const uses = yield* Effect.all(
            Array.makeBy(5, () => Effect.flip(RemoteContext.string(Command.make("true")))),
            { concurrency: "unbounded" }
          )
          assert.isTrue(uses.every(({ reason }) => reason === "Unreachable"))
          assert.strictEqual(proxy.accepted(), 4)
          assert.deepStrictEqual(seen, ["ready", "lost", "connecting", "lost"])
          yield* proxy.refuse
          const file = yield* Effect.flip(fs.exists(sshd.directory))
          const refused = Option.getOrThrow(RemoteError.findConnectionError(file))
          assert.strictEqual(refused.reason, "Unreachable")
          assert.include(refused.message, "Connection refused")
          yield* proxy.listen
          yield* proxy.next("forward")
          assert.isTrue(yield* fs.exists(sshd.directory))
          assert.strictEqual(proxy.accepted(), 5)
        }))
      }))
  })

  describe.skipIf(kind !== servers[0])("a host that stays away", () => {
    it.scopedLive("is tried four more times, unless the schedule says otherwise", () =>
      Effect.gen(function*() {
        const { connected, proxy } = yield* make({ kind })
        yield* connected(Effect.gen(function*() {
          const { until } = yield* states
          yield* proxy.next("reset")
          yield* proxy.reset
          yield* until("lost")
          const error = yield* Effect.flip(RemoteContext.exitCode(Command.make("true")))
          // The message of ssh depends on the moment of the reset: before or after its banner.
          assert.include(["Unreachable", "ConnectionLost"], error.reason)
          assert.strictEqual(proxy.accepted(), 6)
        }))
      }))
  })

  describe(`a fault while connecting, ${kind} server`, () => {
    // In the banner, in the key exchange, while logging in.
    const early = [10, 600, 1200] as const

    it.scopedLive.skipIf(kind !== servers[0])("fails what is made", () =>
      Effect.gen(function*() {
        const { connected, proxy } = yield* make({ kind }, { connectTimeout: "2 seconds" })
        const failure = Effect.flip(connected(Effect.void))
        for (const fate of [...early, "reset"] as const) {
          yield* proxy.next(fate)
          assert.include(["Unreachable", "ConnectionLost"], (yield* failure).reason, String(fate))
        }
        yield* proxy.next("silent")
        assert.strictEqual((yield* failure).reason, "TimedOut")
        // Long before its time is over.
        const killed = yield* Effect.fork(failure)
        const [master] = yield* eventually(Effect.sync(() => masters()), (found) => found.length === 1)
        process.kill(master!.pid, "SIGKILL")
        const error = yield* Fiber.join(killed)
        assert.include(error.detail, "ended by a signal before it had logged in")
        assert.deepStrictEqual(masters(), [])
      }))

    it.scopedLive("does not delay a caller that gives up", () =>
      Effect.gen(function*() {
        const { connected, proxy } = yield* make({ kind })
        yield* connected(Effect.gen(function*() {
          const { until } = yield* states
          yield* proxy.next("silent")
          yield* proxy.reset
          yield* until("lost")
          const use = Effect.fork(RemoteContext.exitCode(Command.make("true")))
          const [one, other] = [yield* use, yield* use]
          yield* eventually(Effect.sync(proxy.accepted), (accepted) => accepted === 2)
          yield* Fiber.interrupt(one)
          assert.isTrue(Option.isNone(yield* Fiber.poll(other)))
          // The other leaves with the layer, and the connection that is not made yet.
        }))
        assert.deepStrictEqual(masters(), [])
      }))

    it.scopedLive("is tried again by the next use, which runs once all the same", () =>
      Effect.gen(function*() {
        const { connected, proxy, sshd } = yield* make({ kind }, { reconnect: Schedule.recurs(3) })
        yield* connected(Effect.gen(function*() {
          const { until } = yield* states
          yield* proxy.next(...early, "forward")
          yield* proxy.reset
          yield* until("lost")
          const path = `${sshd.directory}/once`
          yield* RemoteContext.exitCode(sh`echo line >>${path}`)
          assert.strictEqual(Fs.readFileSync(path, "utf8"), "line\n")
          assert.strictEqual(proxy.accepted(), 5)
        }))
      }))

    it.scopedLive("by a host that has another key since then is refused, and not tried again", () =>
      Effect.gen(function*() {
        const { connected, proxy, sshd } = yield* make({ kind })
        const other = yield* Sshd.make({ kind, loginShell: "sh" })
        yield* connected(Effect.gen(function*() {
          const { seen, until } = yield* states
          yield* proxy.leadTo(other.host.port!)
          yield* proxy.reset
          yield* until("lost")
          for (const attempt of [1, 2]) {
            const error = yield* Effect.flip(RemoteContext.exitCode(Command.make("true")))
            assert.strictEqual(error.reason, "HostKeyMismatch")
            assert.strictEqual(proxy.accepted(), 1 + attempt)
          }
          yield* proxy.leadTo(sshd.host.port!)
          assert.strictEqual(yield* RemoteContext.exitCode(Command.make("true")), 0)
          yield* until("ready")
          assert.deepStrictEqual(seen, [
            "ready",
            "lost",
            "connecting",
            "lost",
            "connecting",
            "lost",
            "connecting",
            "ready"
          ])
        }))
      }))
  })
}
