/**
 * Dry runs of transfers, and bounds of their deletions.
 */
import * as Transfer from "@effect-remote/core/Transfer"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { contents, inBothDirections, modeOf, mtimeOf, outcomes, type Trial } from "../sides.js"
import { failsWith, write } from "../support.js"

// A source with something new, changed and equal, and a target with entries of its own.
const prepare = ({ source, target }: Trial) =>
  Effect.gen(function*() {
    yield* source.files.makeDirectory(`${source.at}/from/new/deep`, { recursive: true })
    yield* target.files.makeDirectory(`${target.at}/to/old/deep`, { recursive: true })
    yield* write(source.files, `${source.at}/from/new/deep/file`, "new")
    yield* write(source.files, `${source.at}/from/changed`, "longer")
    yield* source.files.symlink("changed", `${source.at}/from/link`)
    for (const [{ files }, path] of [[source, `${source.at}/from`], [target, `${target.at}/to`]] as const) {
      yield* write(files, `${path}/same`, "same")
      yield* files.utimes(`${path}/same`, 1e9, 1e9)
    }
    yield* write(target.files, `${target.at}/to/changed`, "text")
    yield* target.files.chmod(`${target.at}/to/changed`, 0o640)
    yield* write(target.files, `${target.at}/to/old/deep/file`, "old")
  })

const options: Transfer.Options = { delete: true, skipUnchanged: "quick", preserve: { mode: true } }

const replaced = ({ entries }: Transfer.Result) =>
  entries.flatMap(({ outcome, path }) => outcome._tag === "Copied" && outcome.replaced === true ? [path] : [])

/** @internal */
export const dryRuns = inBothDirections((each) => {
  each("a dry run of a tree reports what the transfer does, and changes nothing", (trial) =>
    Effect.gen(function*() {
      const { source: { at: from }, target, transfer } = trial
      yield* prepare(trial)
      const before = yield* contents(target.files, target.at)
      const path = `${target.at}/to`
      const attributes = Effect.all([modeOf(target.files, path), modeOf(target.files, `${path}/changed`)])
      const [modes, time] = [yield* attributes, yield* mtimeOf(target.files, `${path}/changed`)]
      const dry = yield* transfer(`${from}/from`, path, { ...options, dryRun: true })
      assert.deepStrictEqual(yield* contents(target.files, target.at), before)
      assert.deepStrictEqual(yield* attributes, modes)
      assert.strictEqual(yield* mtimeOf(target.files, `${path}/changed`), time)
      assert.deepStrictEqual(outcomes(dry), {
        "": "Created",
        "changed": "Copied",
        "link": "Linked",
        "new": "Created",
        "new/deep": "Created",
        "new/deep/file": "Copied",
        "old": "Deleted",
        "old/deep": "Deleted",
        "old/deep/file": "Deleted",
        "same": "Unchanged"
      })
      assert.deepStrictEqual(replaced(dry), ["changed"])
      assert.deepStrictEqual(yield* transfer(`${from}/from`, path, options), dry)
    }))

  each(
    "a dry run of a file leaves directories out, and finds entries of the wrong type",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        yield* write(source.files, `${source.at}/file`, "text")
        const dry = { dryRun: true, resume: true }
        const result = yield* transfer(`${source.at}/file`, `${target.at}/a/b/file`, dry)
        assert.deepStrictEqual(outcomes(result), { "": "Copied" })
        assert.deepStrictEqual([result.files, result.bytes], [1, 4n])
        const tree = yield* transfer(source.at, `${target.at}/a/b`, dry)
        assert.deepStrictEqual(outcomes(tree), { "": "Created", "file": "Copied" })
        assert.deepStrictEqual(yield* contents(target.files, target.at), {})
        yield* target.files.makeDirectory(`${target.at}/file`)
        assert.strictEqual(yield* failsWith(transfer(`${source.at}/file`, `${target.at}/file`, dry)), "BadResource")
        const error = yield* Effect.flip(transfer(source.at, target.at, dry))
        assert.instanceOf(error, Transfer.TransferError)
        assert.deepStrictEqual(outcomes(error), { "": "Created", "file": "Failed BadResource" })
      })
  )
})

const refused = (attempt: Effect.Effect<unknown, unknown>) =>
  Effect.map(Effect.flip(attempt), (error) => {
    assert.instanceOf(error, Transfer.TransferError)
    return error
  })

/** @internal */
export const deletionBounds = inBothDirections((each) => {
  each("more deletions than `maxDelete` are refused before the first one", (trial) =>
    Effect.gen(function*() {
      const { source: { at: from }, target, transfer } = trial
      yield* prepare(trial)
      const run = (maxDelete: number, dryRun = false) =>
        transfer(`${from}/from`, `${target.at}/to`, { ...options, maxDelete, dryRun })
      // Below `old` are a directory and a file.
      for (const dryRun of [true, false]) {
        const error = yield* refused(run(2, dryRun))
        assert.deepStrictEqual([error.refusedDeletions, error.maxDelete], [3, 2])
        assert.include(
          error.message,
          "nothing was deleted, because `delete` would remove 3 entries and `maxDelete` is 2"
        )
        const { changed, old, "old/deep/file": file } = outcomes(error)
        assert.deepStrictEqual([changed, old, file], ["Copied", "Skipped", "Skipped"])
        const { "new/deep/file": copied, "old/deep/file": kept } = yield* contents(target.files, `${target.at}/to`)
        assert.deepStrictEqual([copied, kept], [dryRun ? undefined : "new", "old"])
      }
      assert.strictEqual(outcomes(yield* run(3))["old/deep/file"], "Deleted")
      assert.isFalse(yield* target.files.exists(`${target.at}/to/old`))
      yield* run(0)
      for (const wrong of [-1, 1.5, NaN, -Infinity]) assert.strictEqual(yield* failsWith(run(wrong)), "BadArgument")
    }))

  each(
    "an empty source deletes nothing unless `maxDelete` allows it",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        yield* source.files.makeDirectory(`${source.at}/from`)
        yield* target.files.makeDirectory(`${target.at}/to/below`, { recursive: true })
        yield* write(target.files, `${target.at}/to/below/file`, "precious")
        const run = (options: Transfer.Options) => transfer(`${source.at}/from`, `${target.at}/to`, options)
        const error = yield* refused(run({ delete: true }))
        assert.deepStrictEqual([error.refusedDeletions, error.maxDelete], [2, undefined])
        assert.include(error.message, "the source is empty")
        assert.strictEqual(yield* target.files.readFileString(`${target.at}/to/below/file`), "precious")
        const kept = yield* run({
          delete: true,
          filter: ({ path }) => path === "below" ? "kept" : undefined
        })
        assert.deepStrictEqual(outcomes(kept), { "": "Created", "below": "Skipped" })
        yield* run({ delete: true, maxDelete: Infinity })
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/to`), {})
        yield* run({ delete: true })
      })
  )
})
