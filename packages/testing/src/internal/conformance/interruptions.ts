/**
 * Uses that are interrupted at any moment: once, twice, and just after a timeout. Nothing of them stays.
 */
import { sh } from "@effect-remote/core/RemoteCommand"
import * as RemoteContext from "@effect-remote/core/RemoteContext"
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import * as Command from "@effect/platform/Command"
import { assert } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { ConformanceHost } from "../../ConformanceHost.js"
import { cases, type Group } from "./cases.js"
import {
  bytes,
  directory,
  localDirectory,
  localFiles,
  running,
  type Services,
  untilNothingIsOpen,
  untilRunning,
  write
} from "./support.js"

/** Waits for a moment: some turns of the scheduler, or some milliseconds. */
type Moment = { readonly turns: number } | { readonly millis: number }

const moments: ReadonlyArray<Moment> = [
  { turns: 0 },
  { turns: 5 },
  { turns: 30 },
  { millis: 1 },
  { millis: 3 },
  { millis: 7 },
  { millis: 15 },
  { millis: 30 }
]

const pass = (moment: Moment): Effect.Effect<void> =>
  "turns" in moment ? Effect.repeatN(Effect.yieldNow(), moment.turns) : Effect.sleep(moment.millis)

/** Ends a use by interruptions, after two moments. It returns once the use has ended. */
type Ending = (
  use: Effect.Effect<unknown, unknown, Services>,
  first: Moment,
  second: Moment
) => Effect.Effect<void, never, Services>

const endings: Readonly<Record<string, Ending>> = {
  once: (use, first) =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(use)
      yield* pass(first)
      yield* Fiber.interrupt(fiber)
    }),
  twice: (use, first, second) =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(use)
      yield* pass(first)
      yield* Fiber.interruptFork(fiber)
      yield* pass(second)
      yield* Fiber.interrupt(fiber)
    }),
  "after a timeout": (use, first, second) =>
    Effect.gen(function*() {
      const passed = yield* Deferred.make<void>()
      const timer = Effect.zipRight(pass(first), Deferred.succeed(passed, undefined))
      const fiber = yield* Effect.fork(Effect.raceFirst(use, timer))
      yield* Effect.raceFirst(Deferred.await(passed), Fiber.await(fiber))
      yield* pass(second)
      yield* Fiber.interruptFork(fiber)
      yield* Fiber.interrupt(fiber)
    })
}

const pairs = Array.cartesian(moments, moments.filter((_, index) => index % 2 === 1))

/** Runs each use at each pair of moments, some at a time. */
const interruptAll = (ending: Ending, uses: ReadonlyArray<Effect.Effect<unknown, unknown, Services>>) =>
  Effect.forEach(
    pairs.flatMap(([first, second], index) => [[uses[index % uses.length]!, first, second] as const]),
    ([use, first, second]) => ending(use, first, second),
    { concurrency: 4, discard: true }
  )

const anyMoment: Group = (test) => {
  for (const [how, ending] of Object.entries(endings)) {
    // FOUND E5
    test(`commands interrupted ${how} do not go on running`, () =>
      Effect.gen(function*() {
        yield* interruptAll(ending, [
          RemoteContext.exitCode(Command.make("sleep", "1000")),
          RemoteContext.string(sh`sleep 1000; echo never`, { timeout: "500 seconds" }),
          Stream.runDrain(RemoteContext.stream(Command.make("sleep", "1000")))
        ])
        assert.strictEqual(yield* running("sleep"), 0)
        yield* untilNothingIsOpen
      }))

    // FOUND E5
    test(`files interrupted ${how} leave nothing hidden or temporary`, () =>
      Effect.gen(function*() {
        const { files } = yield* ConformanceHost
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        const here = yield* localDirectory
        const content = new Uint8Array(200_000).fill(120)
        yield* write(yield* localFiles, `${here}/local`, content)
        const old = { directory: path, prefix: "temporary-" }
        yield* interruptAll(ending, [
          Effect.scoped(Effect.flatMap(
            fs.makeTempDirectoryScoped(old),
            (made) => fs.writeFileString(`${made}/file`, "content")
          )),
          Effect.scoped(fs.makeTempFileScoped(old)),
          fs.atomicWrite(`${path}/small`, "content"),
          fs.atomicWrite(`${path}/large`, Stream.make(content, content)),
          fs.put(`${here}/local`, `${path}/put`),
          fs.access(path, { writable: true }),
          Effect.scoped(fs.makeTempDirectoryScoped(old))
        ])
        yield* untilNothingIsOpen
        const left = (yield* files.readDirectory(path)).filter((name) => !["small", "large", "put"].includes(name))
        assert.deepStrictEqual(left, [])
      }))
  }
}

const others: Group = (test) => {
  test("an interrupted write leaves the files of others as they are", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      // Each file is written over a handle for some time, and a handle that is closed by mistake goes to another one.
      const written = yield* Effect.forkAll(Array.makeBy(4, (index) => {
        const name = `${path}/whole-${index}`
        const piece = new Uint8Array(50_000).fill(index)
        return Effect.repeatN(
          Effect.gen(function*() {
            yield* Stream.run(Stream.make(piece, piece, piece), fs.sink(name))
            const content = yield* fs.readFile(name)
            assert.isTrue(content.length === 150_000 && content.every((byte) => byte === index), name)
          }),
          20
        )
      }))
      const interrupted = interruptAll(endings.once!, [fs.atomicWrite(`${path}/small`, "content")])
      yield* Effect.raceFirst(Fiber.join(written), Effect.forever(interrupted))
    }))

  // FOUND E5
  test("a command whose end is being waited for ends, whatever interruptions follow", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(RemoteContext.exitCode(
        sh`trap 'sleep 0.2; exit 1' TERM; sleep 1000 & wait`,
        { killAfter: "2 seconds" }
      ))
      yield* untilRunning("sleep", 1)
      yield* Fiber.interruptFork(fiber)
      for (const turns of [0, 1, 10, 100, 1000]) {
        yield* pass({ turns })
        yield* Fiber.interruptFork(fiber)
      }
      yield* Fiber.await(fiber)
      assert.strictEqual(yield* running("sleep"), 0)
    }), "jobs")

  // FOUND E5
  test("what a user has made uninterruptible is not interrupted", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const word = yield* Deferred.make<Uint8Array>()
      const command = Command.make("cat").pipe(Command.stdin(Stream.fromEffect(Deferred.await(word))))
      const fiber = yield* Effect.fork(Effect.uninterruptible(Effect.flatMap(
        RemoteContext.string(command, { timeout: "30 seconds" }),
        (text) => fs.atomicWrite(`${path}/file`, text)
      )))
      yield* untilRunning("cat", 1)
      yield* Fiber.interruptFork(fiber)
      yield* Fiber.interruptFork(fiber)
      yield* pass({ turns: 100 })
      yield* Deferred.succeed(word, bytes("word\n"))
      yield* Fiber.await(fiber)
      assert.strictEqual(yield* fs.readFileString(`${path}/file`), "word\n")
    }))
}

/** @internal */
export const interruptions = cases("interruptions", anyMoment, others)
