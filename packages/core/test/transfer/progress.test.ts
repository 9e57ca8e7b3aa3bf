import type { Transfer } from "@effect-remote/core"
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Queue, TestClock } from "effect"
import * as progress from "../../src/internal/transfer/progress.js"

// FOUND B20
it.scoped("is reported each second without a change, with a rate that falls", () =>
  Effect.gen(function*() {
    const seen = yield* Queue.unbounded<Transfer.Progress>()
    const next = Effect.map(Queue.take(seen), ({ bytes, rate, timeLeft }) => [bytes, Math.round(rate), timeLeft])
    const counted = yield* Deferred.make<progress.ProgressCounter>()
    const ended = yield* Deferred.make<void>()
    const running = yield* Effect.fork(progress.told(
      (found) => Queue.offer(seen, found),
      (counter) => Effect.zipRight(Deferred.succeed(counted, counter), Deferred.await(ended))
    ))
    const counter = yield* Deferred.await(counted)
    yield* TestClock.adjust("100 millis")
    counter.found(100_000n)
    counter.sent(60_000)
    assert.deepStrictEqual(yield* next, [60_000n, 600_000, undefined])
    const rates: Array<number> = []
    for (let second = 1; second <= 7; second++) {
      yield* TestClock.adjust("1 second")
      rates.push((yield* next)[1] as number)
    }
    assert.deepStrictEqual(rates, [60_000, 30_000, 20_000, 15_000, 12_000, 0, 0])
    yield* Deferred.succeed(ended, undefined)
    yield* Fiber.join(running)
    assert.isTrue((yield* Queue.take(seen)).isDone)
  }))
