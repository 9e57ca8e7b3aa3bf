import { RemoteContext, RemoteError, RemoteFileSystem, sh, Transport } from "@effect-remote/core"
import type { TunnelError } from "@effect-remote/core/RemoteError"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { eventually } from "@effect-remote/testing/unstable/Eventually"
import * as Processes from "@effect-remote/testing/unstable/Processes"
import { Command } from "@effect/platform"
import type { PlatformError } from "@effect/platform/Error"
import { assert } from "@effect/vitest"
import { Array, Cause, Chunk, Data, Effect, Exit, Fiber, Option, Random, Stream } from "effect"
import * as Fs from "node:fs"
import * as Net from "node:net"
import { listening, masters } from "../fixtures/processes.js"
import * as proxies from "../fixtures/proxy.js"
import { made } from "./observed.js"
import { echoPort, withTemporaryDirectory } from "./support.js"

class TalkError extends Data.TaggedError("TalkError")<{ readonly cause: unknown }> {}

/** Says something, and expects it back. */
const talk = (port: number, text: string) =>
  Effect.async<void, TalkError>((resume) => {
    const socket = Net.connect({ host: "127.0.0.1", port })
    let heard = ""
    socket.on("error", (cause) => resume(new TalkError({ cause })))
    socket.on("data", (data: Buffer) => (heard += data.toString()))
    socket.on("close", () => resume(heard === text ? Effect.void : new TalkError({ cause: `heard ${heard}` })))
    socket.end(text)
    return Effect.sync(() => socket.destroy())
  })

type Use = Effect.Effect<void, PlatformError | RemoteContext.RunError | TunnelError | TalkError, OpenSsh.Services>

/** One use of each kind. */
const kinds = (directory: string, port: number, tunnelPort: number) => {
  let last = 0
  const path = () => `${directory}/file ${++last}`
  const all: ReadonlyArray<Use> = [
    Effect.gen(function*() {
      assert.strictEqual(yield* RemoteContext.string(Command.make("echo", "word")), "word\n")
    }),
    Effect.gen(function*() {
      const text = "some text\n".repeat(5000)
      assert.strictEqual(yield* RemoteContext.string(Command.make("cat").pipe(Command.feed(text))), text)
    }),
    Effect.gen(function*() {
      const lines = yield* RemoteContext.streamLines(Command.make("yes")).pipe(Stream.take(3), Stream.runCollect)
      assert.deepStrictEqual(Chunk.toReadonlyArray(lines), ["y", "y", "y"])
    }),
    // The command ends before its input does.
    Effect.gen(function*() {
      const endless = Stream.repeatValue(new Uint8Array(65536))
      const output = yield* RemoteContext.string(sh`head -c 10 | wc -c`.pipe(Command.stdin(endless)))
      assert.strictEqual(output.trim(), "10")
    }),
    Effect.gen(function*() {
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const file = path()
      yield* fs.atomicWrite(file, "x".repeat(100_000)).pipe(
        Effect.zipRight(fs.readFile(file)),
        Effect.map((bytes) => assert.strictEqual(bytes.length, 100_000)),
        Effect.ensuring(Effect.ignore(fs.remove(file, { force: true })))
      )
    }),
    Effect.gen(function*() {
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const count = yield* fs.stream("/dev/zero").pipe(Stream.take(3), Stream.runCount)
      assert.strictEqual(count, 3)
    }),
    Effect.gen(function*() {
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      assert.isTrue((yield* fs.readDirectory("/etc")).length > 0)
    }),
    talk(tunnelPort, "through the one"),
    Effect.scoped(Effect.flatMap(
      RemoteContext.tunnel({ remotePort: port }),
      ({ localPort }) => talk(localPort, "through its own")
    )),
    Effect.scoped(Effect.gen(function*() {
      const { listen } = yield* Transport.Transport
      const { accept, address } = yield* listen(Transport.RemoteAddress.Tcp({ host: "127.0.0.1", port: 0 }))
      assert(address._tag === "Tcp")
      const answer = yield* Effect.fork(talk(address.port, "from there"))
      const { end, read, write } = yield* accept
      const bytes = yield* read
      if (Option.isSome(bytes)) yield* write(bytes.value)
      yield* end
      yield* Fiber.join(answer)
    }))
  ]
  return all
}

const isLost = (error: Effect.Effect.Error<Use>): boolean =>
  error._tag !== "TalkError" &&
  Option.exists(RemoteError.findConnectionError(error), ({ reason }) => reason === "ConnectionLost")

const counted = (names: ReadonlyArray<string>): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

/** Resources of this process, and of the server if it reports them. */
const held = (temporary: string) =>
  Effect.sync(() => ({
    resources: counted(process.getActiveResourcesInfo()),
    descriptors: Fs.readdirSync("/proc/self/fd").length,
    ports: listening(),
    children: Processes.all().filter(({ parent }) => parent === process.pid).map(({ pid }) => pid),
    files: Fs.readdirSync(temporary, { recursive: true }).map(String).sort()
  }))

type Held = Effect.Effect.Success<ReturnType<typeof held>>

/** Resources that grew, and lasting ones that shrank. */
const changes = (before: Held) => (now: Held): ReadonlyArray<string> => {
  const told = (name: string, was: unknown, is: unknown, changed: boolean) =>
    changed ? [`${name}: ${is}, was ${was}`] : []
  return [
    ...told("descriptors", before.descriptors, now.descriptors, now.descriptors > before.descriptors),
    ...(["ports", "children", "files"] as const).flatMap((name) =>
      told(name, before[name].join(), now[name].join(), now[name].join() !== before[name].join())
    ),
    ...Object.entries(now.resources).flatMap(([name, count]) =>
      told(name, before.resources[name] ?? 0, count, count > (before.resources[name] ?? 0))
    )
  ]
}

const asBefore = (temporary: string, before: Held) =>
  eventually(Effect.map(held(temporary), changes(before)), (changes) => changes.length === 0)

/**
 * Runs `count` uses of every kind, a few at once, and interrupts a third of them at some moment. Then nothing is left of
 * them, and after the end of the layer nothing of that.
 */
export const nothingIsLeft = Effect.fnUntraced(function*(kind: Sshd.Kind, count: number, seed: string) {
  const sshd = yield* Sshd.make({ kind, loginShell: "sh" })
  const temporary = `${sshd.directory}/tmp`
  const files = `${sshd.directory}/files`
  Fs.mkdirSync(files)
  const port = yield* echoPort
  const random = Random.make(seed)
  // As it is looked at later, when what comes and goes by itself has had the time to go.
  const atRest = eventually(Effect.delay(held(temporary), "100 millis"), () => true)
  // The guardian's clock.
  const withoutSleep = Effect.map(sshd.processes, (processes) => processes.filter(({ name }) => name !== "sleep"))

  yield* Effect.gen(function*() {
    const before = yield* atRest
    yield* Effect.gen(function*() {
      const tunnel = yield* RemoteContext.tunnel({ remotePort: port })
      const all = kinds(files, port, tunnel.localPort)
      // The sessions for files and of the guardian stay, and so does what Node keeps once it was needed.
      yield* Effect.forEach(all, (use) => use)
      const channels = Effect.sync(() => made.at(-1)!.multiplexer.size())
      yield* eventually(channels, (size) => size === 2)
      const remote = yield* eventually(
        withoutSleep,
        (processes) => processes.every(({ name }) => name === "sh" || name === "sftp-server")
      )
      const connections = made.length
      const baseline = yield* atRest

      const outcomes = yield* Effect.forEach(Array.range(1, count), (number) =>
        Effect.gen(function*() {
          const use = all[yield* random.nextIntBetween(0, all.length)]!
          if (number % 3 > 0) return yield* Effect.exit(use)
          const fiber = yield* Effect.fork(use)
          yield* Effect.sleep(yield* random.nextRange(0, 60))
          return yield* Fiber.interrupt(fiber)
        }), { concurrency: 4 })
      for (const outcome of outcomes) {
        if (Exit.isFailure(outcome) && !Exit.isInterrupted(outcome)) yield* outcome
      }
      assert.isTrue(outcomes.some(Exit.isInterrupted))

      assert.strictEqual(made.length, connections)
      assert.strictEqual(made.at(-1)!.sessions.waiting(), 0)
      yield* eventually(channels, (size) => size === 2)
      const pids = (processes: ReadonlyArray<Sshd.Process>) => processes.map(({ pid }) => pid).join()
      yield* eventually(withoutSleep, (processes) => pids(processes) === pids(remote))
      yield* asBefore(temporary, baseline)
      assert.deepStrictEqual(Fs.readdirSync(files), [])
    }).pipe(Effect.scoped, Effect.provide(OpenSsh.layer(sshd.host)))
    yield* asBefore(temporary, before)
    yield* eventually(sshd.processes, (processes) => processes.length === 0)
  }).pipe(withTemporaryDirectory(temporary))
})

/**
 * Runs `count` uses of every kind, a few at once, while the connection is lost again and again in every way. Each succeeds or
 * fails with an error of the connection. Then nothing is left of them here.
 */
export const faultsAreSurvived = Effect.fnUntraced(function*(kind: Sshd.Kind, count: number, seed: string) {
  const sshd = yield* Sshd.make({ kind, loginShell: "sh" })
  const proxy = yield* proxies.make(sshd.host.port!)
  const temporary = `${sshd.directory}/tmp`
  const files = `${sshd.directory}/files`
  Fs.mkdirSync(files)
  const port = yield* echoPort
  const random = Random.make(seed)
  const killMaster = (signal: NodeJS.Signals) =>
    Effect.sync(() => masters().forEach(({ pid }) => process.kill(pid, signal)))
  const faults = [
    proxy.reset,
    proxy.end,
    sshd.dropConnections,
    killMaster("SIGKILL"),
    killMaster("SIGTERM"),
    proxy.silence,
    Effect.zipRight(proxy.next(300, 900, "reset", "forward"), proxy.reset)
  ]

  yield* Effect.gen(function*() {
    const tunnel = yield* RemoteContext.tunnel({ remotePort: port })
    const all = kinds(files, port, tunnel.localPort)
    yield* Effect.forEach(all, (use) => use)
    const atRest = eventually(Effect.delay(held(temporary), "100 millis"), () => true)
    const channels = Effect.sync(() => made.at(-1)!.multiplexer.size())
    yield* eventually(channels, (size) => size === 2)
    const baseline = yield* atRest

    const striking = yield* Effect.forever(Effect.gen(function*() {
      yield* Effect.sleep(yield* random.nextRange(100, 600))
      yield* faults[yield* random.nextIntBetween(0, faults.length)]!
    })).pipe(Effect.fork)
    const outcomes = yield* Effect.forEach(
      Array.range(1, count),
      () => Effect.flatMap(random.nextIntBetween(0, all.length), (index) => Effect.exit(all[index]!)),
      { concurrency: 4 }
    )
    yield* Fiber.interrupt(striking)
    yield* proxy.next("forward")
    // The server would keep what went silent for as long as TCP likes.
    yield* proxy.reset
    for (const outcome of outcomes) {
      if (Exit.isSuccess(outcome)) continue
      const error = Cause.failureOption(outcome.cause)
      if (Option.isSome(error) && error.value._tag === "TalkError") continue
      const { message, reason } = Option.getOrThrowWith(
        Option.flatMap(error, RemoteError.findConnectionError),
        () => new Error(Cause.pretty(outcome.cause))
      )
      assert.include(["ConnectionLost", "Unreachable", "TimedOut"], reason, message)
    }
    assert.isTrue(outcomes.some(Exit.isFailure))

    // A use that starts before the last loss is noticed may be lost too.
    yield* Effect.forEach(all, (use) => Effect.retry(use, { while: isLost }))
    yield* eventually(channels, (size) => size === 2)
    // Of another connection, so they have other names.
    const unnamed = (of: Held) => ({
      ...of,
      children: [of.children.length],
      files: [`${of.files.length}`],
      ports: [of.ports.length]
    })
    yield* eventually(
      Effect.map(held(temporary), (now) => changes(unnamed(baseline))(unnamed(now))),
      (changes) => changes.length === 0
    )
  }).pipe(
    Effect.scoped,
    Effect.provide(OpenSsh.layer({
      ...proxies.through(proxy, sshd),
      connectTimeout: "10 seconds",
      keepAlive: { interval: "1 second", count: 2 }
    })),
    withTemporaryDirectory(temporary)
  )
})
