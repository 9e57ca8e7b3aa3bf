/**
 * Watches.
 */
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import type { WatchEvent } from "@effect/platform/FileSystem"
import { assert } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { ConformanceHost } from "../../../ConformanceHost.js"
import { eventually, unlessLost } from "../../../unstable/Eventually.js"
import type { Group } from "../cases.js"
import { directory, dropConnections, failsWith, lostBy, write } from "../support.js"

/** @internal */
export const changes: Group = (test) => {
  test("changes are reported as they are seen", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* write(files, `${path}/old`)
      const events = yield* Queue.unbounded<WatchEvent>()
      const watching = yield* Effect.fork(
        Stream.runForEach(fs.watch(path, { recursive: true, interval: "10 millis" }), (event) =>
          Queue.offer(events, event))
      )
      const next = Effect.map(Queue.take(events), ({ _tag, path }) =>
        `${_tag} ${path}`)
      // The first look is known to be over when a change is seen.
      let last = 0
      yield* eventually(
        Effect.zipRight(Effect.suspend(() => write(files, `${path}/ready`, "x".repeat(++last))), Queue.size(events)),
        (size) => size > 0
      )
      yield* files.remove(`${path}/ready`)
      yield* Effect.repeat(next, { until: (event) => event === "Remove ready" })
      yield* files.makeDirectory(`${path}/made`, { recursive: true })
      assert.strictEqual(yield* next, "Create made")
      yield* write(files, `${path}/made/ü`)
      assert.strictEqual(yield* next, "Create made/ü")
      yield* write(files, `${path}/old`, "more")
      assert.strictEqual(yield* next, "Update old")
      yield* files.rename(`${path}/old`, `${path}/new`)
      assert.sameMembers([yield* next, yield* next], ["Remove old", "Create new"])
      yield* Fiber.interrupt(watching)
      assert.strictEqual(yield* failsWith(Stream.runDrain(fs.watch(`${path}/no`))), "NotFound")
      assert.strictEqual(yield* failsWith(Stream.runDrain(fs.watch(path, { interval: 0 }))), "BadArgument")
    }))
}

/** @internal */
export const lostConnections: Group = (test) => {
  test("a connection lost during a look fails a watch", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      // So large that a look takes time, and the connection is lost during one. A loss between two looks changes
      // nothing.
      yield* Effect.forEach(Array.range(1, 400), (number) => files.makeDirectory(`${path}/${number}`), {
        concurrency: 50,
        discard: true
      })
      yield* unlessLost(fs.exists(path))
      const watching = yield* Effect.fork(
        Effect.flip(Stream.runDrain(fs.watch(path, { recursive: true, interval: "1 millis" })))
      )
      // If a cut hits nothing, the next one does.
      const strike = Effect.zipRight(Effect.repeatN(Effect.yieldNow(), 20), dropConnections)
      const error = yield* Effect.raceFirst(
        Effect.flatten(Fiber.await(watching)),
        Effect.zipRight(Effect.repeat(strike, Schedule.spaced("7 millis")), Effect.never)
      )
      assert.strictEqual(lostBy(error), "ConnectionLost")
    }))

  test("a watch goes on where the connection is lost between two looks", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      const events = yield* Queue.unbounded<WatchEvent>()
      yield* Effect.fork(
        Stream.runForEach(fs.watch(path, { interval: "2 seconds" }), (event) => Queue.offer(events, event))
      )
      // A change is reported at the end of a look. The next look is two seconds away.
      let last = 0
      yield* eventually(
        Effect.zipRight(
          Effect.suspend(() => write(files, `${path}/file`, "x".repeat(++last))),
          Queue.size(events)
        ),
        (size) => size > 0
      )
      yield* dropConnections
      yield* write(files, `${path}/other`)
      const told = yield* Stream.fromQueue(events).pipe(
        Stream.filter(({ path }) => path === "other"),
        Stream.runHead
      )
      assert.deepStrictEqual(told, Option.some({ _tag: "Create", path: "other" }))
    }))
}
