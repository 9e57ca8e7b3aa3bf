/**
 * Transfers that are interrupted, and lost connections.
 */
import * as Transfer from "@effect-remote/core/Transfer"
import { assert } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { ConformanceHost } from "../../../ConformanceHost.js"
import { eventually, unlessLost } from "../../../unstable/Eventually.js"
import { changing, contents, inBothDirections, sameContents, stalling } from "../sides.js"
import { localFiles, lostBy, pseudoRandom, write } from "../support.js"

/** @internal */
export const resumption = inBothDirections((each) => {
  each(
    "an interrupted one leaves nothing beside the target",
    ({ direction, source, target, transfer }) =>
      Effect.gen(function*() {
        yield* source.files.makeDirectory(`${source.at}/from`)
        for (const file of ["one", "two", "three"]) {
          yield* write(source.files, `${source.at}/from/${file}`, pseudoRandom(900_000))
        }
        const { local, reached } = yield* stalling(300_000)
        const running = yield* Effect.fork(transfer(`${source.at}/from`, `${target.at}/to`, { local }))
        yield* reached
        assert.isAbove((yield* target.files.readDirectory(`${target.at}/to`)).length, 0, direction)
        yield* Fiber.interrupt(running)
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/to`), {})
        const single = yield* stalling(300_000)
        const one = yield* Effect.fork(transfer(`${source.at}/from/one`, `${target.at}/one`, { local: single.local }))
        yield* single.reached
        yield* Fiber.interrupt(one)
        assert.deepStrictEqual(yield* target.files.readDirectory(target.at), ["to"])
      })
  )

  each("resume goes on where an interrupted one was cut off", ({ source, target, transfer }) =>
    Effect.gen(function*() {
      const content = pseudoRandom(900_000)
      yield* target.files.makeDirectory(`${target.at}/to`)
      yield* write(source.files, `${source.at}/from`, content)
      const path = `${target.at}/to/${"long name ".repeat(25)}`
      const interrupted = Effect.gen(function*() {
        const { local, reached } = yield* stalling(500_000)
        const running = yield* Effect.fork(transfer(`${source.at}/from`, path, { local, resume: true }))
        const size = yield* reached
        // Requests in flight may arrive after the interruption.
        yield* eventually(
          Effect.flatMap(target.files.readDirectory(`${target.at}/to`), (names) =>
            Effect.forEach(names, (name) => target.files.stat(`${target.at}/to/${name}`))),
          ([found]) =>
            found?.size === size
        )
        yield* Fiber.interrupt(running)
        const [partial = "", ...others] = yield* target.files.readDirectory(`${target.at}/to`)
        assert.match(partial, /^\.effect-remote-.*\.part$/)
        assert.deepStrictEqual(others, [])
        return `${target.at}/to/${partial}`
      })
      const size = (yield* target.files.stat(yield* interrupted)).size
      const result = yield* transfer(`${source.at}/from`, path, { resume: true, verify: "digest" })
      const outcome = result.entries[0]!.outcome
      assert(outcome._tag === "Copied")
      assert.strictEqual(outcome.resumedAt, size)
      assert.strictEqual(result.bytes, BigInt(content.length) - size)
      assert.isTrue(content.equals(yield* target.files.readFile(path)))
      assert.strictEqual((yield* target.files.readDirectory(`${target.at}/to`)).length, 1)
      // A partial file that holds something else is none to go on with.
      yield* target.files.remove(path)
      yield* write(target.files, yield* interrupted, Buffer.alloc(300_000, "x"))
      const again = yield* transfer(`${source.at}/from`, path, { resume: true })
      assert.deepStrictEqual(again.entries[0]!.outcome, Transfer.Outcome.Copied({ resumedAt: 0n }))
      assert.isTrue(content.equals(yield* target.files.readFile(path)))
      // Nor is that of another time, which is removed.
      yield* target.files.remove(path)
      yield* interrupted
      yield* write(source.files, `${source.at}/from`, content.subarray(1))
      yield* transfer(`${source.at}/from`, path, { resume: true })
      assert.isTrue(content.subarray(1).equals(yield* target.files.readFile(path)))
      assert.strictEqual((yield* target.files.readDirectory(`${target.at}/to`)).length, 1)
    }))
})

/** @internal */
export const lostConnections = inBothDirections((each) => {
  each(
    "a connection lost on the way fails what is left at once, and is found in the error",
    ({ fs, source, target, transfer }) =>
      Effect.gen(function*() {
        yield* source.files.makeDirectory(`${source.at}/from`)
        for (const file of Array.range(1, 20)) {
          yield* write(source.files, `${source.at}/from/${file}`, pseudoRandom(file === 5 ? 10_000_000 : 100_000, file))
        }
        const { dropConnections } = yield* ConformanceHost
        // With the large file half way, so that its handle is lost with the connection.
        const local = changing(yield* localFiles, (file) => {
          let size = 0
          const drop = (more: number) =>
            Effect.suspend(() => {
              const before = size
              size += more
              return before < 1_000_000 && size >= 1_000_000 ? dropConnections : Effect.void
            })
          return {
            read: (buffer) => Effect.tap(file.read(buffer), (count) => drop(Number(count))),
            writeAll: (bytes) => Effect.zipRight(drop(bytes.length), file.writeAll(bytes))
          }
        })
        const error = yield* Effect.flip(transfer(`${source.at}/from`, `${target.at}/to`, { concurrency: 2, local }))
        assert(error._tag === "TransferError")
        const failed = error.entries.flatMap(({ outcome }) => outcome._tag === "Failed" ? [outcome.error] : [])
        assert.isAbove(failed.length, 0)
        assert.isTrue(failed.every((error) => lostBy(error) !== undefined))
        assert.strictEqual(error.entries.length, 21)
        // With all that is left, the next one is whole.
        yield* unlessLost(fs.exists("."))
        yield* transfer(`${source.at}/from`, `${target.at}/to`, { resume: true })
        yield* sameContents([target.files, `${target.at}/to`], [source.files, `${source.at}/from`])
      })
  )
})
