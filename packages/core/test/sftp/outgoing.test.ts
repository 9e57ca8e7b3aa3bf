import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import * as outgoing from "../../src/internal/sftp/outgoing.js"

const bytes = (length: number, value = 0) => new Uint8Array(length).fill(value)

const isOpen = (wait: Effect.Effect<void>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(wait)
    yield* Effect.yieldNow()
    const isOpen = Option.isSome(yield* Fiber.poll(fiber))
    yield* Fiber.interrupt(fiber)
    return isOpen
  })

describe("outgoing bytes", () => {
  it("joins small pieces", () => {
    const queue = outgoing.make()
    queue.push([bytes(1, 1), bytes(2, 2)])
    queue.push([bytes(1, 3)])
    assert.deepStrictEqual(queue.take(), Uint8Array.of(1, 2, 2, 3))
    assert.strictEqual(queue.take().length, 0)
  })

  it("keeps the order around a large piece, which is not copied", () => {
    const queue = outgoing.make()
    const large = bytes(outgoing.largePiece, 9)
    queue.push([bytes(1, 1), bytes(1, 2), large, bytes(1, 3)])
    assert.deepStrictEqual(queue.take(), Uint8Array.of(1, 2))
    assert.strictEqual(queue.take(), large)
    assert.deepStrictEqual(queue.take(), Uint8Array.of(3))
  })

  it.effect("is full above its limit until enough was taken", () =>
    Effect.gen(function*() {
      const queue = outgoing.make()
      queue.push([bytes(outgoing.limit)])
      assert.isFalse(queue.isFull())
      queue.push([bytes(1)])
      assert.isTrue(queue.isFull())
      assert.isFalse(yield* isOpen(queue.awaitDrained))
      queue.take()
      assert.isFalse(queue.isFull())
      assert.isTrue(yield* isOpen(queue.awaitDrained))
    }))

  it.effect("wakes its writer if there are bytes", () =>
    Effect.gen(function*() {
      const queue = outgoing.make()
      assert.isFalse(yield* isOpen(queue.awaitFilled))
      queue.push([bytes(1)])
      assert.isTrue(yield* isOpen(queue.awaitFilled))
      queue.take()
      assert.isFalse(yield* isOpen(queue.awaitFilled))
    }))

  it.effect("lets its senders go when it is cleared", () =>
    Effect.gen(function*() {
      const queue = outgoing.make()
      queue.push([bytes(outgoing.limit + 1)])
      queue.clear()
      assert.isTrue(yield* isOpen(queue.awaitDrained))
      assert.strictEqual(queue.take().length, 0)
    }))
})
