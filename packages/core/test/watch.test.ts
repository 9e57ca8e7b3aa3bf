import { RemoteError } from "@effect-remote/core"
import type { WatchEvent } from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, Stream, TestClock } from "effect"
import * as watch from "../src/internal/files/watch.js"
import type { WatchOptions } from "../src/RemoteFileSystem.js"
import { file, operations, type Tree } from "./fixtures/tree.js"

const started = Effect.fnUntraced(
  function*(root: { tree: Tree | undefined; isLost?: boolean }, options?: WatchOptions) {
    const asked: Array<string> = []
    const seen: Array<string> = []
    const events = watch.make(operations(root, asked), Option.none())("/root", options)
    const fiber = yield* Effect.fork(Stream.runForEach(events, ({ _tag, path }) =>
      Effect.sync(() => {
        seen.push(`${_tag} ${path}`)
      })))
    yield* TestClock.adjust(0)
    const after = (tree: Tree | undefined) =>
      Effect.suspend(() => {
        root.tree = tree
        return Effect.map(TestClock.adjust(options?.interval ?? "1 second"), () => seen.splice(0))
      })
    return { after, asked, fiber }
  }
)

describe("watch", () => {
  it.effect("emits creations, changes and removals", () =>
    Effect.gen(function*() {
      const { after } = yield* started({ tree: new Map([["a", file(1)], ["b", file(1)]]) })
      assert.deepStrictEqual(yield* after(new Map([["a", file(1)], ["b", file(1)]])), [])
      assert.deepStrictEqual(yield* after(new Map([["a", file(1)], ["b", file(2)]])), ["Update b"])
      assert.deepStrictEqual(yield* after(new Map<string, Tree>([["b", file(2, 7)], ["c", file(2)]])), [
        "Remove a",
        "Update b",
        "Create c"
      ])
      assert.deepStrictEqual(yield* after(new Map<string, Tree>([["b", file(2, 7)], ["c", new Map()]])), [
        "Remove c",
        "Create c"
      ])
      assert.deepStrictEqual(
        yield* after(new Map<string, Tree>([["b", file(2, 7)], ["c", new Map([["d", file(1)]])]])),
        []
      )
    }))

  it.effect("with recursive, of the whole tree", () =>
    Effect.gen(function*() {
      const { after } = yield* started({ tree: new Map() }, { recursive: true, interval: "1 minute" })
      const tree = (size: number) => new Map([["a", new Map([["b", file(size)]])]])
      assert.deepStrictEqual(yield* after(tree(1)), ["Create a", "Create a/b"])
      assert.deepStrictEqual(yield* after(tree(2)), ["Update a/b"])
      assert.deepStrictEqual(yield* after(new Map()), ["Remove a/b", "Remove a"])
    }))

  it.effect("what is watched goes and comes by its own name", () =>
    Effect.gen(function*() {
      const { after } = yield* started({ tree: file(1) })
      assert.deepStrictEqual(yield* after(file(2)), ["Update root"])
      assert.deepStrictEqual(yield* after(undefined), ["Remove root"])
      assert.deepStrictEqual(yield* after(undefined), [])
      assert.deepStrictEqual(yield* after(file(2)), ["Create root"])
      assert.deepStrictEqual(yield* after(new Map([["a", file(1)]])), ["Remove root", "Create root", "Create a"])
      assert.deepStrictEqual(yield* after(undefined), ["Remove a", "Remove root"])
    }))

  it.effect("looks once in an interval", () =>
    Effect.gen(function*() {
      const { asked } = yield* started({ tree: file(1) }, { interval: "10 seconds" })
      assert.lengthOf(asked, 1)
      yield* TestClock.adjust("9 seconds")
      assert.lengthOf(asked, 1)
      yield* TestClock.adjust("1 seconds")
      assert.lengthOf(asked, 2)
    }))

  it.effect("fails with a connection that is lost", () =>
    Effect.gen(function*() {
      const root = { tree: file(1), isLost: false }
      const { fiber } = yield* started(root)
      root.isLost = true
      yield* TestClock.adjust("1 second")
      const error = yield* Effect.flip(Fiber.join(fiber))
      assert.strictEqual(Option.getOrThrow(RemoteError.findConnectionError(error)).reason, "ConnectionLost")
    }))

  it.effect("a backend that takes the path goes first", () =>
    Effect.gen(function*() {
      const event: WatchEvent = { _tag: "Create", path: "told by the backend" }
      const make = (register: () => Option.Option<Stream.Stream<WatchEvent>>) =>
        watch.make(operations({ tree: file(1) }), Option.some({ register }))
      const events = make(() => Option.some(Stream.make(event)))
      assert.deepStrictEqual(yield* Stream.runHead(events("/root")), Option.some(event))
      const missing = yield* Effect.flip(Stream.runDrain(events("/root/no")))
      assert.isTrue(missing._tag === "SystemError" && missing.reason === "NotFound")
      const fiber = yield* Effect.fork(Stream.runDrain(make(Option.none)("/root")))
      yield* TestClock.adjust("1 second")
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* Fiber.interrupt(fiber)
    }))
})
