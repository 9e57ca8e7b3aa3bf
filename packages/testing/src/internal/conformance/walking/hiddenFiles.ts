/**
 * The hidden files of writes that are under way or were given up.
 */
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import type { WatchEvent } from "@effect/platform/FileSystem"
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { ConformanceHost } from "../../../ConformanceHost.js"
import { eventually } from "../../../unstable/Eventually.js"
import type { Group } from "../cases.js"
import { directory, failsWith, write } from "../support.js"
import { walked } from "./walks.js"

/** @internal */
export const underWay: Group = (test) => {
  // FOUND A9
  test("a write that is under way is seen by readDirectory alone", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* files.makeDirectory(`${path}/tree`)
      yield* write(files, `${path}/tree/file`, "old")
      const events = yield* Queue.unbounded<WatchEvent>()
      yield* Effect.fork(
        Stream.runForEach(fs.watch(path, { recursive: true, interval: "10 millis" }), (event) =>
          Queue.offer(events, event))
      )
      // The first look is known to be over when a change is seen.
      let last = 0
      yield* eventually(
        Effect.zipRight(
          Effect.suspend(() =>
            write(files, `${path}/tree/file`, "x".repeat(++last))
          ),
          Queue.size(events)
        ),
        (size) => size > 0
      )
      const reached = yield* Deferred.make<void>()
      const seen = yield* Deferred.make<void>()
      const content = Stream.concat(
        Stream.make(new Uint8Array(100_000)),
        Stream.execute(Effect.zipRight(Deferred.succeed(reached, undefined), Deferred.await(seen)))
      )
      const writing = yield* Effect.fork(fs.atomicWrite(`${path}/tree/new`, content))
      yield* Deferred.await(reached)
      assert.sameMembers(yield* walked(`${path}/tree`), ["File 1 file"])
      assert.deepStrictEqual(yield* fs.listFiles(path), [`${path}/tree/file`])
      yield* fs.copy(`${path}/tree`, `${path}/copy`)
      assert.deepStrictEqual(yield* files.readDirectory(`${path}/copy`), ["file"])
      const hidden = (yield* fs.readDirectory(`${path}/tree`)).filter((name) => name !== "file")
      assert.lengthOf(hidden, 1)
      assert.match(hidden[0]!, /^\.effect-remote-[0-9a-f]{32}\.tmp$/)
      assert.sameMembers(yield* fs.readDirectory(path, { recursive: true }), [
        ...["copy", "copy/file", "tree", "tree/file"],
        `tree/${hidden[0]!}`
      ])
      // Made after the hidden file, so that it is not seen before.
      yield* write(files, `${path}/last`)
      yield* Effect.repeat(Queue.take(events), {
        until: (event) => {
          assert.notMatch(event.path, /\.effect-remote-/)
          return event.path === "last"
        }
      })
      yield* Deferred.succeed(seen, undefined)
      yield* Fiber.join(writing)
      assert.sameMembers(yield* walked(`${path}/tree`), ["File 1 file", "File 1 new"])
    }))
}

/** @internal */
export const swept: Group = (test) => {
  test("what killed clients left is swept when it is old, and nothing else", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      const temporary = (digit: string) => `.effect-remote-${digit.repeat(32)}.tmp`
      const partial = ".effect-remote-0123456789abcdef-lfls--3uw.part"
      const old = [temporary("a"), partial]
      const kept = [".effect-remote-.tmp", `${temporary("a")}x`, `x${temporary("a")}`, temporary("g"), "file.tmp"]
      for (const part of [...old, ...kept]) {
        yield* write(files, `${path}/${part}`)
        yield* files.utimes(`${path}/${part}`, 0, Date.now() / 1000 - 3600)
      }
      yield* files.makeDirectory(`${path}/${temporary("c")}`, { recursive: true })
      yield* files.symlink("file.tmp", `${path}/${temporary("d")}`)
      yield* write(files, `${path}/${temporary("e")}`)
      const before = yield* files.readDirectory(path)
      assert.deepStrictEqual(yield* fs.sweepTemporary(path, "2 hours"), [])
      assert.sameMembers(yield* files.readDirectory(path), before)
      assert.sameMembers(yield* fs.sweepTemporary(path, "59 minutes"), old)
      assert.sameMembers(yield* files.readDirectory(path), before.filter((part) => !old.includes(part)))
      assert.deepStrictEqual(yield* fs.sweepTemporary(path, 0), [temporary("e")])
      for (const wrong of [-1, Infinity, NaN, "-1 seconds", "infinity"] as const) {
        assert.strictEqual(yield* failsWith(fs.sweepTemporary(path, wrong as number)), "BadArgument", String(wrong))
      }
      assert.strictEqual(yield* failsWith(fs.sweepTemporary(`${path}/no`, 0)), "NotFound")
    }))
}
