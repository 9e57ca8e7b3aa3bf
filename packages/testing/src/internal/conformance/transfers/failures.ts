/**
 * Entries that fail.
 */
import type { PlatformError } from "@effect/platform/Error"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { changing, contents, inBothDirections, outcomes, sameContents, trial } from "../sides.js"
import { failsWith, localFiles, pseudoRandom, write } from "../support.js"

/** @internal */
export const refusals = inBothDirections((each) => {
  each("what cannot begin fails before anything is sent", ({ source, target, transfer }) =>
    Effect.gen(function*() {
      for (const { at, files } of [source, target]) {
        yield* files.makeDirectory(`${at}/tree`)
        yield* write(files, `${at}/file`, "file")
      }
      const cases: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown>]> = [
        ["NotFound", transfer(`${target.at}/no`, `${target.at}/to`)],
        ["NotFound", transfer("", `${target.at}/to`)],
        ["NotFound", transfer(`${source.at}/file`, "")],
        ["BadArgument", transfer(`${source.at}/a\0b`, `${target.at}/to`)],
        ["BadArgument", transfer(`${source.at}/file`, `${target.at}/t\0o`)],
        ["BadArgument", transfer(`${source.at}/file`, `${target.at}/to`, { concurrency: 0 })],
        ["BadArgument", transfer(`${source.at}/file`, `${target.at}/to`, { concurrency: 1.5 })],
        ["BadResource", transfer(`${source.at}/file`, `${target.at}/tree`)],
        ["BadResource", transfer(`${source.at}/file`, `${target.at}/to/`)],
        ["BadResource", transfer(`${source.at}/tree`, `${target.at}/file`)]
      ]
      for (const [index, [reason, effect]] of cases.entries()) {
        assert.strictEqual(yield* failsWith(effect), reason, `case ${index}`)
      }
      // B14
      const missing = yield* Effect.flip(transfer(`${source.at}/missing`, `${target.at}/to`))
      assert.match(missing.message, /^NotFound: FileSystem\.(put|get) \(.*\/missing\)/)
      for (const { at, files } of [source, target]) {
        assert.deepStrictEqual(yield* contents(files, at), { file: "file", tree: "/" })
      }
    }))

  each("an unreadable file is a failed entry, except for root, who reads anything", (trial) =>
    Effect.gen(function*() {
      const { source, target, transfer } = trial
      yield* source.files.makeDirectory(`${source.at}/from/closed`, { recursive: true })
      yield* write(source.files, `${source.at}/from/secret`, "", { mode: 0 })
      yield* write(source.files, `${source.at}/from/fine`, "fine")
      yield* source.files.chmod(`${source.at}/from/closed`, 0)
      const result = yield* Effect.either(transfer(`${source.at}/from`, `${target.at}/to`))
      yield* source.files.chmod(`${source.at}/from/closed`, 0o700)
      if (yield* source.isRoot) {
        assert.isTrue(Either.isRight(result))
        return
      }
      const error = yield* Effect.flip(result)
      assert(error._tag === "TransferError")
      assert.deepStrictEqual(outcomes(error), {
        "": "Created",
        "closed": "Failed PermissionDenied",
        "fine": "Copied",
        "secret": "Failed PermissionDenied"
      })
    }))
})

/** @internal */
export const partialFailures = inBothDirections((each, test) => {
  each(
    "an entry that fails does not stop the others, unless asked",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        yield* source.files.makeDirectory(`${source.at}/from/taken`, { recursive: true })
        yield* write(source.files, `${source.at}/from/taken/below`, "")
        yield* target.files.makeDirectory(`${target.at}/to/blocked`, { recursive: true })
        yield* write(source.files, `${source.at}/from/blocked`, "a file, where a directory is")
        yield* write(target.files, `${target.at}/to/taken`, "a directory, where a file is")
        yield* write(source.files, `${source.at}/from/fine`, "fine")
        const error = yield* Effect.flip(transfer(`${source.at}/from`, `${target.at}/to`))
        assert(error._tag === "TransferError")
        assert.deepStrictEqual(outcomes(error), {
          "": "Created",
          "blocked": "Failed BadResource",
          "fine": "Copied",
          "taken": "Failed BadResource"
        })
        assert.include(error.message, "2 of 4 entries failed")
        assert.include(error.message, "blocked")
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/to`), {
          blocked: "/",
          fine: "fine",
          taken: "a directory, where a file is"
        })
        yield* source.files.makeDirectory(`${source.at}/many`)
        for (let index = 0; index < 40; index++) yield* write(source.files, `${source.at}/many/${index}`)
        for (let index = 0; index < 40; index++) {
          yield* target.files.makeDirectory(`${target.at}/full/${index}`, { recursive: true })
        }
        const stopped = yield* Effect.flip(
          transfer(`${source.at}/many`, `${target.at}/full`, { stopOnFailure: true, concurrency: 2 })
        )
        assert(stopped._tag === "TransferError")
        const became = Object.values(outcomes(stopped))
        assert.strictEqual(became.length, 41)
        assert.isBelow(became.filter((outcome) => outcome.startsWith("Failed")).length, 5)
        assert.isAbove(became.filter((outcome) => outcome === "Skipped").length, 30)
      })
  )

  test("a source that changes while it is copied is a failed entry", () =>
    Effect.gen(function*() {
      const { fs, source, target } = yield* trial("put")
      const local = source.files
      const content = pseudoRandom(700_000)
      yield* source.files.makeDirectory(`${source.at}/from`)
      // As soon as it is read from, it is something else.
      type Touch = (path: string) => Effect.Effect<void, PlatformError>
      const touched = (touch: Touch) =>
        changing(local, (file, path) => ({
          read: (buffer) => Effect.tap(file.read(buffer), () => touch(path))
        }))
      const cases: ReadonlyArray<readonly [string, Touch]> = [
        ["Failed InvalidData", (path) => write(local, path, "more", { flag: "a" })],
        ["Failed InvalidData", (path) => local.utimes(path, 1, 1)],
        ["Failed InvalidData", (path) => local.truncate(path, 100_000)]
      ]
      for (const [expected, touch] of cases) {
        yield* write(source.files, `${source.at}/from/file`, content)
        const error = yield* Effect.flip(fs.put(`${source.at}/from`, `${target.at}/to`, { local: touched(touch) }))
        assert(error._tag === "TransferError")
        assert.strictEqual(outcomes(error)["file"], expected)
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/to`), {})
      }
    }))
})

/** @internal */
export const verification = inBothDirections((each) => {
  each(
    "a digest that is not the source's is a failure",
    ({ direction, fs, source, target, transfer }) =>
      Effect.gen(function*() {
        yield* source.files.makeDirectory(`${source.at}/from`)
        yield* write(source.files, `${source.at}/from/small`, "small")
        yield* write(source.files, `${source.at}/from/large`, pseudoRandom(500_000))
        yield* transfer(`${source.at}/from`, `${target.at}/to`, { verify: "digest" })
        yield* sameContents([target.files, `${target.at}/to`], [source.files, `${source.at}/from`])
        if (direction === "put") return
        const local = yield* localFiles
        const corrupt = changing(local, (file) => ({
          writeAll: (bytes) => file.writeAll(new Uint8Array(bytes).fill(0, 0, 1))
        }))
        const error = yield* Effect.flip(
          fs.get(`${source.at}/from`, `${target.at}/corrupt`, { local: corrupt, verify: "digest" })
        )
        assert(error._tag === "TransferError")
        assert.deepStrictEqual(outcomes(error), {
          "": "Created",
          "large": "Failed InvalidData",
          "small": "Failed InvalidData"
        })
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/corrupt`), {})
      })
  )
})
