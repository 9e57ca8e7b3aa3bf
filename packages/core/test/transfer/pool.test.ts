import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import * as pool from "../../src/internal/transfer/pool.js"

it.effect("a pool without tasks ends, and is widened once", () =>
  Effect.gen(function*() {
    let widened = 0
    yield* pool.make(() => void widened++).run(4)
    assert.strictEqual(widened, 1)
  }))

it.effect("a pool runs the tasks that tasks add, those that add more first", () =>
  Effect.gen(function*() {
    const order: Array<string> = []
    const log = (name: string) => Effect.sync(() => void order.push(name))
    const tasks = pool.make(() => order.push("widened"))
    tasks.widen(Effect.sync(() => {
      tasks.add(log("file"))
      tasks.widen(log("directory"))
    }))
    yield* tasks.run(1)
    assert.deepStrictEqual(order, ["directory", "widened", "file"])
  }))

it.effect("a pool runs as many tasks at once as it may", () =>
  Effect.gen(function*() {
    const gate = yield* Deferred.make<void>()
    const full = yield* Deferred.make<void>()
    let running = 0
    let most = 0
    const tasks = pool.make(() => {})
    for (let i = 0; i < 10; i++) {
      tasks.add(Effect.gen(function*() {
        most = Math.max(most, ++running)
        if (running === 3) yield* Deferred.succeed(full, undefined)
        yield* Deferred.await(gate)
        running--
      }))
    }
    const fiber = yield* Effect.fork(tasks.run(3))
    yield* Deferred.await(full)
    yield* Deferred.succeed(gate, undefined)
    yield* Fiber.join(fiber)
    assert.strictEqual(most, 3)
  }))

it.effect("a pool takes waiting tasks before it widens further", () =>
  Effect.gen(function*() {
    let done = 0
    const tasks = pool.make(() => {})
    let doneBefore = 0
    tasks.widen(Effect.sync(() => {
      for (let i = 0; i < 5000; i++) tasks.add(Effect.sync(() => void done++))
      tasks.widen(Effect.sync(() => {
        doneBefore = done
      }))
    }))
    yield* tasks.run(1)
    assert.strictEqual(done, 5000)
    assert.strictEqual(doneBefore, 5000 - 4095)
  }))

it.effect("an interrupted pool interrupts its tasks", () =>
  Effect.gen(function*() {
    const begun = yield* Deferred.make<void>()
    const interrupted = yield* Deferred.make<void>()
    const tasks = pool.make(() => {})
    tasks.widen(
      Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never).pipe(
        Effect.onInterrupt(() => Deferred.succeed(interrupted, undefined))
      )
    )
    const fiber = yield* Effect.fork(tasks.run(2))
    yield* Deferred.await(begun)
    yield* Fiber.interrupt(fiber)
    assert.isTrue(yield* Deferred.isDone(interrupted))
  }))
