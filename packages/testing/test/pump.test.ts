import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option } from "effect"
import { once } from "node:events"
import { PassThrough } from "node:stream"
import { into, pump } from "../src/internal/sshd/embedded/pump.js"

// A target that says when a write is done.
const slow = () => {
  const written: Array<string> = []
  const done: Array<() => void> = []
  let look = () => {}
  return {
    written,
    done,
    write: (chunk: Buffer, then: () => void) => {
      written.push(chunk.toString())
      done.push(then)
      look()
    },
    has: (count: number) =>
      Effect.async<void>((resume) => {
        look = () => {
          if (written.length >= count) resume(Effect.void)
        }
        look()
      })
  }
}

describe("pump", () => {
  it.effect("takes one chunk at a time", () =>
    Effect.gen(function*() {
      const source = new PassThrough()
      const target = slow()
      const fiber = yield* Effect.fork(pump(source, target.write))
      source.write("a")
      yield* target.has(1)
      source.end("b")
      assert.deepStrictEqual(target.written, ["a"])
      target.done[0]?.()
      yield* target.has(2)
      assert.deepStrictEqual(target.written, ["a", "b"])
      target.done[1]?.()
      yield* Fiber.join(fiber)
    }))

  it.effect("waits for every write even if other code resumes the source", () =>
    Effect.gen(function*() {
      const source = new PassThrough()
      const target = slow()
      const fiber = yield* Effect.fork(pump(source, target.write))
      source.write("a")
      yield* target.has(1)
      source.end("b")
      source.resume()
      yield* Effect.promise(() => once(source, "close"))
      assert.deepStrictEqual(target.written, ["a", "b"])
      target.done[0]?.()
      yield* Effect.yieldNow()
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      target.done[1]?.()
      yield* Fiber.join(fiber)
    }))

  it.effect("ends with a source that is destroyed, and with one that has been", () =>
    Effect.gen(function*() {
      const source = new PassThrough()
      const fiber = yield* Effect.fork(pump(source, slow().write))
      yield* Effect.zipRight(Effect.yieldNow(), Effect.sync(() => source.destroy()))
      yield* Fiber.join(fiber)
      yield* pump(source, slow().write)
    }))

  it.effect("empties the source if the target accepts nothing", () =>
    Effect.gen(function*() {
      const source = new PassThrough()
      const target = new PassThrough()
      target.destroy()
      source.end("a")
      yield* pump(source, into(target))
      assert.isTrue(source.readableEnded)
    }))

  it.effect("releases a source when it is interrupted", () =>
    Effect.gen(function*() {
      const source = new PassThrough()
      const fiber = yield* Effect.fork(pump(source, slow().write))
      yield* Effect.zipRight(Effect.yieldNow(), Fiber.interrupt(fiber))
      assert.strictEqual(source.listenerCount("data"), 0)
    }))
})
