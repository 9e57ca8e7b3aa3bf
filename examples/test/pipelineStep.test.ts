import { RemoteFileSystem } from "@effect-remote/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { ordersOf, step, totals } from "../pipelineStep.js"
import { eventually, hosts } from "./hosts.js"

const day = ordersOf("data", "2026-11-27")

const files = Effect.map(
  Effect.flatMap(RemoteFileSystem.RemoteFileSystem, (fs) => fs.readDirectory("data")),
  (names) => names.sort()
)

const order = (...lines: ReadonlyArray<string>) =>
  step(day.orders, Stream.map(Stream.fromIterable(lines), (line) => `${line}\n`))

describe.each(hosts())("pipeline step, $name", ({ layer }) => {
  it.live("an existing file is not made again", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* order("mario,3", "luigi,12", "mario,4"), "made")
      assert.strictEqual(yield* totals(day), "made")
      assert.strictEqual(yield* Stream.mkString(day.totals.read), "luigi,12\nmario,7\n")
      assert.strictEqual(yield* order("peach,1"), "skipped")
      assert.strictEqual(yield* totals(day), "skipped")
      assert.strictEqual(yield* Stream.mkString(day.totals.read), "luigi,12\nmario,7\n")
    }).pipe(Effect.provide(layer)))

  it.live("what fails leaves nothing, and is made by the next run", () =>
    Effect.gen(function*() {
      yield* order("mario,3", "luigi")
      const error = yield* Effect.flip(totals(day))
      assert.strictEqual(error.message, "line 2 is not an order: \"luigi\"")
      assert.deepStrictEqual(yield* files, ["orders-2026-11-27.csv"])
      yield* Stream.run(Stream.make("luigi,1\n"), day.orders.write)
      assert.strictEqual(yield* totals(day), "made")
    }).pipe(Effect.provide(layer)))

  it.live("what is interrupted leaves nothing", () =>
    Effect.gen(function*() {
      yield* order("mario,3")
      const endless = Stream.concat(Stream.make("mario,"), Stream.never)
      const fiber = yield* Effect.fork(step(day.totals, endless))
      yield* eventually(files, (names) => names.length === 2)
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* files, ["orders-2026-11-27.csv"])
      assert.isFalse(yield* day.totals.exists)
    }).pipe(Effect.provide(layer)))
})
