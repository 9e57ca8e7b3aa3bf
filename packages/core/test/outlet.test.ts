import { assert, describe, it } from "@effect/vitest"
import { Array as Arr, Chunk, Effect, Exit, FastCheck, Fiber, Option, Queue, Stream } from "effect"
import * as outlet from "../src/internal/lib/outlet.js"
import * as collect from "../src/internal/process/collect.js"

// The same values in every run.
FastCheck.configureGlobal({ seed: 20 })

const bytes = (...values: ReadonlyArray<number>) => Uint8Array.from(values)

const collected = <E>(stream: Stream.Stream<Uint8Array, E>) =>
  Effect.map(Stream.runCollect(stream), (chunks) => Chunk.toArray(chunks).flatMap((chunk) => Array.from(chunk)))

/** Lets every fiber go as far as it can. */
const settle = Effect.forEach(Arr.range(1, 50), () => Effect.yieldNow(), { discard: true })

const isDone = <A, E>(fiber: Fiber.RuntimeFiber<A, E>) => Effect.map(fiber.poll, Option.isSome)

describe("outlet", () => {
  it.effect("gives what was put in, in order, and ends", () =>
    Effect.gen(function*() {
      const out = outlet.make<never>(10)
      yield* out.offer(bytes(1, 2))
      yield* out.offer(bytes())
      yield* out.offer(bytes(3))
      yield* out.end(Exit.void)
      assert.deepStrictEqual(yield* collected(out.stream), [1, 2, 3])
    }))

  it.effect("unread, it never blocks and keeps the end", () =>
    Effect.gen(function*() {
      const out = outlet.make<never>(4)
      for (const value of Arr.range(0, 99)) yield* out.offer(bytes(value, value))
      yield* out.end(Exit.void)
      assert.deepStrictEqual(yield* collected(out.stream), [98, 98, 99, 99])
    }))

  it.effect("unread, a piece above the limit is kept whole", () =>
    Effect.gen(function*() {
      const out = outlet.make<never>(2)
      yield* out.offer(bytes(1))
      yield* out.offer(bytes(2, 3, 4))
      yield* out.end(Exit.void)
      assert.deepStrictEqual(yield* collected(out.stream), [2, 3, 4])
    }))

  it.effect("a reader waits for what comes", () =>
    Effect.gen(function*() {
      const out = outlet.make<never>(10)
      const reader = yield* Effect.fork(collected(out.stream))
      yield* settle
      yield* out.offer(bytes(1))
      yield* settle
      yield* out.offer(bytes(2))
      assert.isFalse(yield* isDone(reader))
      yield* out.end(Exit.void)
      assert.deepStrictEqual(yield* Fiber.join(reader), [1, 2])
    }))

  it.effect("a reader that is slow holds the writer back, and loses nothing", () =>
    Effect.gen(function*() {
      const out = outlet.make<never>(4)
      const permits = yield* Queue.unbounded<void>()
      const read: Array<number> = []
      const reader = yield* Effect.fork(Stream.runForEach(out.stream, (chunk) => {
        read.push(Number(chunk[0]))
        return Queue.take(permits)
      }))
      yield* settle
      let written = 0
      yield* Effect.fork(
        Effect.zipRight(
          Effect.forEach(Arr.range(0, 19), (value) =>
            Effect.zipRight(
              Effect.sync(() => written = value + 1),
              out.offer(bytes(value, value))
            ), { discard: true }),
          out.end(Exit.void)
        )
      )
      for (const taken of Arr.range(1, 20)) {
        yield* settle
        assert.deepStrictEqual(read, Arr.range(0, taken - 1))
        assert.strictEqual(written, Math.min(taken + 2, 20))
        yield* Queue.offer(permits, undefined)
      }
      yield* Fiber.join(reader)
    }))

  it.effect("a reader that leaves lets the writer go on", () =>
    Effect.gen(function*() {
      const out = outlet.make<never>(2)
      yield* out.offer(bytes(1))
      yield* Stream.runDrain(Stream.take(out.stream, 1))
      for (const value of Arr.range(2, 9)) yield* out.offer(bytes(value))
      yield* out.end(Exit.void)
      assert.deepStrictEqual(yield* collected(out.stream), [8, 9])
    }))

  it.effect("a reader that leaves frees a writer that is held back", () =>
    Effect.gen(function*() {
      const out = outlet.make<never>(1)
      const reader = yield* Effect.fork(Stream.runForEach(out.stream, () => Effect.never))
      yield* settle
      const writer = yield* Effect.fork(Effect.forEach([1, 2, 3, 4], (value) => out.offer(bytes(value))))
      yield* settle
      assert.isFalse(yield* isDone(writer))
      yield* Fiber.interrupt(reader)
      yield* Fiber.join(writer)
    }))

  it.effect("discarded, it drops everything and blocks nobody", () =>
    Effect.gen(function*() {
      const out = outlet.make<never>(1)
      const reader = yield* Effect.fork(Stream.runForEach(out.stream, () => Effect.never))
      yield* settle
      const writer = yield* Effect.fork(Effect.forEach([1, 2, 3, 4], (value) => out.offer(bytes(value))))
      yield* settle
      assert.isFalse(yield* isDone(writer))
      yield* out.discard
      yield* Fiber.join(writer)
      yield* out.offer(bytes(5))
      yield* out.end(Exit.void)
      yield* Fiber.interrupt(reader)
      assert.deepStrictEqual(yield* collected(out.stream), [])
    }))

  it.effect("every reader gets a failure after the bytes before it", () =>
    Effect.gen(function*() {
      const out = outlet.make<string>(10)
      yield* out.offer(bytes(1))
      yield* out.end(Exit.fail("lost"))
      const seen: Array<number> = []
      const failure = yield* Effect.flip(
        Stream.runForEach(out.stream, (chunk) => Effect.sync(() => seen.push(chunk.length)))
      )
      assert.deepStrictEqual([seen, failure], [[1], "lost"])
      assert.strictEqual(yield* Effect.flip(Stream.runDrain(out.stream)), "lost")
    }))

  it.effect("a waiting reader gets the failure, and later ends are ignored", () =>
    Effect.gen(function*() {
      const out = outlet.make<string>(10)
      const reader = yield* Effect.fork(Effect.flip(Stream.runDrain(out.stream)))
      yield* settle
      yield* out.end(Exit.fail("lost"))
      yield* out.end(Exit.void)
      assert.strictEqual(yield* Fiber.join(reader), "lost")
    }))
})

describe("tail", () => {
  it.prop(
    "is the end of everything",
    {
      chunks: FastCheck.array(FastCheck.uint8Array({ maxLength: 12 }), { maxLength: 10 }),
      limit: FastCheck.integer({ min: 1, max: 10 })
    },
    ({ chunks, limit }) => {
      const tail = outlet.tail(limit)
      chunks.forEach(tail.push)
      assert.deepStrictEqual(Array.from(tail.bytes()), chunks.flatMap((chunk) => Array.from(chunk)).slice(-limit))
    }
  )

  it("does not keep what it was given alive, nor change with it", () => {
    const tail = outlet.tail(4)
    const chunk = bytes(1, 2)
    tail.push(chunk)
    chunk.fill(9)
    assert.deepStrictEqual(Array.from(tail.bytes()), [1, 2])
  })
})

describe("collect", () => {
  const chunks = Stream.make(bytes(1, 2), bytes(3), bytes(4, 5))

  it.effect("puts a stream together", () =>
    Effect.gen(function*() {
      const collector = collect.make(5)
      assert.deepStrictEqual(collector.bytes(), bytes())
      yield* Stream.runForEach(chunks, collector.take)
      assert.deepStrictEqual(collector.bytes(), bytes(1, 2, 3, 4, 5))
    }))

  it.effect("fails above the limit, and keeps what there was below it", () =>
    Effect.gen(function*() {
      const collector = collect.make(4)
      assert.strictEqual(yield* Effect.flip(Stream.runForEach(chunks, collector.take)), "TooLarge")
      assert.deepStrictEqual(collector.bytes(), bytes(1, 2, 3))
    }))
})
