import { RemoteError } from "@effect-remote/core"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Option, Stream } from "effect"
import * as walks from "../src/internal/files/walk.js"
import { file, operations, type Tree } from "./fixtures/tree.js"

const walked = (tree: Tree, asked?: Array<string>) => walks.walk(operations({ tree }, asked), "walk", "/root")

describe("walk", () => {
  it.effect("lists nothing that is not asked for", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const tree = new Map([["a", new Map([["b", new Map()]])], ["c", new Map()]])
      const walk = walked(tree, asked)
      assert.deepStrictEqual(asked, [])
      const taken = (count: number) =>
        Effect.map(Stream.runCollect(Stream.take(walk, count)), (entries) => {
          assert.strictEqual(Chunk.size(entries), count)
          return asked.splice(0)
        })
      assert.deepStrictEqual(yield* taken(1), ["list /root"])
      assert.deepStrictEqual(yield* taken(2), ["list /root", "list /root/a"])
      assert.deepStrictEqual(yield* taken(3), ["list /root", "list /root/a", "list /root/a/b"])
    }))

  it.effect("names that a hostile server makes up never become paths", () =>
    Effect.gen(function*() {
      const names = ["", "/", "/etc/passwd", "a/../../b", "a\0b", "fine", "..."]
      const entries = yield* Stream.runCollect(walked(new Map(names.map((name) => [name, file(1)]))))
      assert.deepStrictEqual(
        Chunk.toArray(entries).map(({ _tag, path }) => `${_tag} ${path}`),
        [...names.slice(0, 5).map(() => "Failed /root"), "File /root/fine", "File /root/..."]
      )
    }))

  it.effect("asks for the type of an entry that is listed without one", () =>
    Effect.gen(function*() {
      const asked: Array<string> = []
      const tree = new Map<string, Tree>([["a", {}], ["b", file(1)]])
      const entries = yield* Stream.runCollect(walked(tree, asked))
      assert.deepStrictEqual(Chunk.toArray(entries).map(({ _tag }) => _tag), ["Other", "File"])
      assert.deepStrictEqual(asked, ["list /root", "lstat /root/a"])
    }))

  it.effect("ten thousand entries, and a depth of ten thousand", () =>
    Effect.gen(function*() {
      const wide = new Map(Array.from({ length: 10_000 }, (_, index) => [String(index), file(index)]))
      assert.strictEqual(yield* Stream.runCount(walked(wide)), 10_000)
      const listing = { filename: "d", longname: "", attributes: { permissions: 0o040755 } }
      const endless = { ...operations({ tree: wide }), list: () => Effect.succeed([listing]) }
      const deep = walks.walk(endless, "walk", "/root").pipe(Stream.take(10_000), Stream.runLast)
      assert.strictEqual(Option.getOrThrow(yield* deep).depth, 10_000)
    }))

  it.effect("a lost connection is the end of it", () =>
    Effect.gen(function*() {
      const root = { tree: new Map([["a", new Map()], ["b", new Map()]]), isLost: false }
      const error = yield* walks.walk(operations(root), "walk", "/root").pipe(
        Stream.runForEach(() =>
          Effect.sync(() => {
            root.isLost = true
          })
        ),
        Effect.flip
      )
      assert.strictEqual(Option.getOrThrow(RemoteError.findConnectionError(error)).reason, "ConnectionLost")
    }))
})
