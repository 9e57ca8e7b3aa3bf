/**
 * Pipes, devices and `/proc`.
 */
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { ConformanceHost } from "../../../ConformanceHost.js"
import { eventually } from "../../../unstable/Eventually.js"
import type { Group } from "../cases.js"
import { directory, failsWith, makePipe } from "../support.js"

/** @internal */
export const specialFiles: Group = (test) => {
  test(
    "named pipes are asked about, and written to by no atomic write, without being opened",
    () =>
      Effect.gen(function*() {
        const { files } = yield* ConformanceHost
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        yield* makePipe(`${path}/pipe`)
        // The other end of the pipe is not open.
        yield* fs.access(`${path}/pipe`, { readable: true, writable: true })
        assert.strictEqual(yield* failsWith(fs.atomicWrite(`${path}/pipe`, "x")), "BadResource")
        assert.deepStrictEqual(yield* files.readDirectory(path), ["pipe"])
      }),
    "specialFiles"
  )

  // FOUND E13
  test("a pipe that nobody writes to holds up no other operation", () =>
    Effect.gen(function*() {
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* makePipe(`${path}/pipe`)
      yield* fs.writeFileString(`${path}/file`, "text")
      const text = fs.readFileString(`${path}/file`)
      // A server that cannot read from pipes fails at once.
      const reading = yield* Effect.fork(Effect.exit(fs.readFile(`${path}/pipe`)))
      // Until an answer shows that it is a pipe, the server holds up later requests of its session. They are sent again.
      const answered = yield* eventually(Effect.timeoutOption(text, "5 seconds"), Option.isSome)
      assert.deepStrictEqual(answered, Option.some("text"))
      yield* Fiber.interrupt(reading)
      assert.strictEqual(yield* text, "text")
    }), "specialFiles")

  test("files of the system are read and copied to their end, whatever their size says", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* fs.copyFile("/proc/self/status", `${path}/status`)
      assert.include(yield* files.readFileString(`${path}/status`), "Name:")
      assert.include(yield* fs.readFileString("/proc/self/status"), "Name:")
      assert.strictEqual((yield* fs.readFile("/dev/null")).length, 0)
      assert.strictEqual(yield* failsWith(fs.writeFileString("/dev/full", "some")), "Unknown")
    }), "specialFiles")
}
