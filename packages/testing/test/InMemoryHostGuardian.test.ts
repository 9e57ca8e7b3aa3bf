import { RemoteContext } from "@effect-remote/core"
import * as guardians from "@effect-remote/core/internal/scripts/guardian"
import { type Channel, Transport } from "@effect-remote/core/Transport"
import * as Frame from "@effect-remote/core/unstable/Frame"
import * as Guardian from "@effect-remote/core/unstable/Guardian"
import { InMemoryHost } from "@effect-remote/testing"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Fiber, Option, Stream } from "effect"

const host = InMemoryHost.InMemoryHost

const layer = (maxSessions = 10) => InMemoryHost.layer({ maxSessions, commands: { job: Effect.never } })

const job = (name: string) => Command.make("job", name)

/** Waits until it is. */
const guardianIs = (wanted: RemoteContext.State["guardian"]) =>
  Effect.flatMap(
    RemoteContext.RemoteContext,
    ({ state }) => Stream.runDrain(Stream.takeUntil(state, ({ guardian }) => guardian === wanted))
  )

describe("the guardian of a host in memory", () => {
  for (const sessions of [10, 2, 1]) {
    it.effect(`an interruption works without a free session, with maxSessions ${sessions}`, () =>
      Effect.gen(function*() {
        const { awaitRun, counts, expectIdle } = yield* host
        const fibers = yield* Effect.forEach(
          Array.from({ length: sessions }),
          () => Effect.fork(RemoteContext.exitCode(Command.make("job")))
        )
        yield* awaitRun("job", sessions)
        yield* guardianIs("detached")
        yield* Fiber.interrupt(fibers[0]!)
        assert.strictEqual((yield* counts).programs, sessions - 1)
        yield* Fiber.interruptAll(fibers)
        yield* expectIdle
        assert.strictEqual(yield* RemoteContext.string(Command.make("echo", "on")), "on\n")
      }).pipe(Effect.provide(layer(sessions))))
  }

  it.scoped("a detached guardian ends programs when the connection is lost, except kept ones", () =>
    Effect.gen(function*() {
      const { awaitRun, counts, dropConnection } = yield* host
      yield* RemoteContext.start(job("end"))
      yield* RemoteContext.start(job("keep"), { onDisconnect: "keep" })
      yield* guardianIs("detached")
      const [end, keep] = yield* Effect.all([awaitRun("job end"), awaitRun("job keep")])
      yield* dropConnection
      assert.deepStrictEqual(yield* end.ended, { _tag: "Interrupted" })
      assert.isUndefined(yield* keep.outcome)
      yield* guardianIs("none")
      // The kept program does not belong to the next connection.
      yield* RemoteContext.string(Command.make("true"))
      yield* dropConnection
      assert.strictEqual((yield* counts).programs, 1)
      yield* keep.kill()
    }).pipe(Effect.provide(layer(2))))

  it.scoped("a kept program ends with its scope", () =>
    Effect.gen(function*() {
      const { awaitRun, expectIdle } = yield* host
      yield* Effect.scoped(RemoteContext.start(job("keep"), { onDisconnect: "keep" }))
      const run = yield* awaitRun("job keep")
      assert.deepStrictEqual(yield* run.ended, { _tag: "Interrupted" })
      yield* expectIdle
    }).pipe(Effect.provide(layer())))

  it.scoped("a guardian that follows a detached one takes over its commands", () =>
    Effect.gen(function*() {
      const { awaitRun, dropConnection } = yield* host
      const names = ["one", "two", "three"]
      const [one, two] = yield* Effect.forEach(names, (name) => RemoteContext.start(job(name)))
      yield* guardianIs("detached")
      for (const name of ["one", "two"]) yield* (yield* awaitRun(["job", name])).kill("TERM")
      yield* Effect.forEach([one!, two!], ({ exitCode }) => Effect.flip(exitCode))
      // There are sessions again.
      yield* RemoteContext.string(Command.make("true"))
      yield* guardianIs("attached")
      const three = yield* awaitRun("job three")
      assert.isUndefined(yield* three.outcome)
      yield* dropConnection
      assert.deepStrictEqual(yield* three.ended, { _tag: "Interrupted" })
    }).pipe(Effect.provide(layer(3))))
})

// == the protocol

interface Line {
  readonly pid: number
  readonly directory: string
  readonly channel: Channel
  readonly say: (request: Guardian.Request) => Effect.Effect<unknown, unknown>
  /** The next report. */
  readonly hear: Effect.Effect<Guardian.Report, unknown>
}

const marker = "a".repeat(32)

const launch = (frame: Omit<Frame.Frame, "marker" | "terminal">) =>
  Effect.gen(function*() {
    const { exec } = yield* Transport
    const channel = yield* exec(Frame.launchLine)
    yield* channel.write(Frame.encode({ ...frame, marker, terminal: Option.none() }))
    return channel
  })

const lines = (channel: Channel) => {
  const split = Guardian.splitter()
  const waiting: Array<string> = []
  const next: Effect.Effect<string, unknown> = Effect.suspend(() => {
    const line = waiting.shift()
    if (line !== undefined) return Effect.succeed(line)
    return Effect.flatMap(
      channel.read,
      Option.match({
        onNone: () => Effect.fail("there is no further line"),
        onSome: (bytes) => {
          for (const line of split(bytes)) waiting.push(line)
          return next
        }
      })
    )
  })
  return next
}

/** A guardian that only this test uses. */
const guardian = (name: string) =>
  Effect.gen(function*() {
    const directory = guardians.directory(name)
    const channel = yield* launch({ stages: [guardians.guardian({ interval: 1, silence: 0 })] })
    const next = lines(channel)
    const pid = Number(new RegExp(`^\\u001e${marker} started (\\d+) stdout$`).exec(yield* next)?.[1])
    const line: Line = {
      pid,
      directory,
      channel,
      say: (request) => Effect.flatMap(Guardian.encodeRequest(request), channel.write),
      hear: Effect.flatMap(next, Guardian.decodeReport)
    }
    yield* line.say(Guardian.Request.Claim({ names: [name] }))
    assert.deepStrictEqual(
      yield* line.hear,
      Guardian.Report.Ready({ detachable: true, name, pid, start: Option.some("0") })
    )
    return line
  })

/** Starts a command that registers with the guardian. Succeeds with its process id. Fails if the guardian is gone. */
const guarded = ({ directory }: Line, name: string, keep = false) =>
  Effect.gen(function*() {
    const channel = yield* launch({
      guard: Option.some({ fifo: guardians.fifo(directory), keep }),
      stages: [{ words: ["job", name], directory: Option.none(), environment: [], clearEnvironment: false }]
    })
    const [, , pid] = (yield* lines(channel)).split(" ")
    return Number(pid)
  })

const [first, second] = ["1".repeat(32), "2".repeat(32)] as const

describe("the guardian's protocol on a host in memory", () => {
  it.scoped("ends only the requested command, and confirms the end of an already ended one", () =>
    Effect.gen(function*() {
      const { awaitRun } = yield* host
      const line = yield* guardian(first)
      const pid = yield* guarded(line, "one")
      yield* guarded(line, "two")
      const end = Guardian.Request.End({ pid, start: Option.none(), rounds: 100 })
      yield* line.say(end)
      assert.deepStrictEqual(yield* line.hear, Guardian.Report.Ended({ pid }))
      assert.deepStrictEqual(yield* (yield* awaitRun("job one")).ended, { _tag: "Interrupted" })
      yield* line.say(end)
      assert.deepStrictEqual(yield* line.hear, Guardian.Report.Ended({ pid }))
      assert.isUndefined(yield* (yield* awaitRun("job two")).outcome)
    }).pipe(Effect.provide(layer())))

  it.scoped("ends all commands at the end of its input, except kept and done ones", () =>
    Effect.gen(function*() {
      const { awaitRun } = yield* host
      const line = yield* guardian(first)
      yield* guarded(line, "end")
      yield* guarded(line, "keep", true)
      yield* line.say(Guardian.Request.Done({ pid: yield* guarded(line, "done") }))
      yield* line.say(Guardian.Request.Beat())
      yield* line.channel.end
      assert.deepStrictEqual(yield* (yield* awaitRun("job end")).ended, { _tag: "Interrupted" })
      assert.isUndefined(yield* (yield* awaitRun("job keep")).outcome)
      assert.isUndefined(yield* (yield* awaitRun("job done")).outcome)
      assert.isTrue(Either.isLeft(yield* Effect.either(guarded(line, "late"))))
    }).pipe(Effect.provide(layer())))

  it.scoped("a detached guardian closes its channel, accepts registrations, and ends commands with the connection", () =>
    Effect.gen(function*() {
      const { awaitRun, dropConnection } = yield* host
      const line = yield* guardian(first)
      yield* line.say(Guardian.Request.Detach())
      assert.deepStrictEqual(yield* line.hear, Guardian.Report.Detached())
      assert.strictEqual(yield* Effect.flip(line.hear), "there is no further line")
      assert.deepStrictEqual(yield* line.channel.exit, { _tag: "Code", code: 0 })
      yield* guarded(line, "late")
      const run = yield* awaitRun("job late")
      assert.isUndefined(yield* run.outcome)
      yield* dropConnection
      assert.deepStrictEqual(yield* run.ended, { _tag: "Interrupted" })
    }).pipe(Effect.provide(layer())))

  it.scoped("a retired guardian ends no command and refuses registrations", () =>
    Effect.gen(function*() {
      const { awaitRun, counts, dropConnection } = yield* host
      const one = yield* guardian(first)
      yield* guarded(one, "of the first")
      yield* one.say(Guardian.Request.Detach())
      yield* one.hear
      const two = yield* guardian(second)
      const pid = yield* guarded(two, "of the second")
      yield* two.say(Guardian.Request.Retire({ pid: one.pid, start: "0" }))
      // Requests are answered in order.
      yield* two.say(Guardian.Request.End({ pid, start: Option.none(), rounds: 100 }))
      yield* two.hear
      assert.isTrue(Either.isLeft(yield* Effect.either(guarded(one, "late"))))
      yield* guarded(two, "another of the second")
      yield* dropConnection
      yield* (yield* awaitRun(["job", "another of the second"])).ended
      assert.isUndefined(yield* (yield* awaitRun(["job", "of the first"])).outcome)
      assert.strictEqual((yield* counts).programs, 1)
    }).pipe(Effect.provide(layer())))

  it.scoped("a guardian that has quit ends no command", () =>
    Effect.gen(function*() {
      const { awaitRun, dropConnection } = yield* host
      const line = yield* guardian(first)
      yield* guarded(line, "one")
      yield* line.say(Guardian.Request.Quit())
      assert.deepStrictEqual(yield* line.channel.exit, { _tag: "Code", code: 0 })
      assert.isTrue(Either.isLeft(yield* Effect.either(guarded(line, "late"))))
      yield* dropConnection
      yield* Effect.repeatN(Effect.yieldNow(), 20)
      assert.isUndefined(yield* (yield* awaitRun("job one")).outcome)
    }).pipe(Effect.provide(layer())))
})
