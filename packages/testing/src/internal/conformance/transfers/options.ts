/**
 * Options of transfers.
 */
import type * as Transfer from "@effect-remote/core/Transfer"
import { assert } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { contents, inBothDirections, modeOf, mtimeOf, outcomes, sameContents } from "../sides.js"
import { pseudoRandom, write } from "../support.js"

/** @internal */
export const attributes = inBothDirections((each) => {
  each(
    "modes and times are kept as asked, those of directories last",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        const then = new Date("2020-02-03T04:05:06Z")
        yield* source.files.makeDirectory(`${source.at}/from/closed`, { recursive: true })
        yield* write(source.files, `${source.at}/from/closed/file`, "inside", { mode: 0o604 })
        yield* source.files.chmod(`${source.at}/from/closed/file`, 0o604)
        yield* write(source.files, `${source.at}/from/open`, pseudoRandom(100_000))
        yield* source.files.chmod(`${source.at}/from/open`, 0o666)
        for (const entry of ["closed/file", "open", "closed", ""]) {
          yield* source.files.utimes(`${source.at}/from/${entry}`, then, then)
        }
        yield* source.files.chmod(`${source.at}/from/closed`, 0o555)
        for (let round = 0; round < 2; round++) {
          yield* transfer(`${source.at}/from`, `${target.at}/to`, { preserve: { mode: true, timestamps: true } })
          assert.strictEqual(yield* modeOf(target.files, `${target.at}/to/closed`), "555")
          assert.strictEqual(yield* modeOf(target.files, `${target.at}/to/closed/file`), "604")
          assert.strictEqual(yield* modeOf(target.files, `${target.at}/to/open`), "666")
          for (const entry of ["closed/file", "open", "closed"]) {
            assert.strictEqual(yield* mtimeOf(target.files, `${target.at}/to/${entry}`), then.getTime(), entry)
          }
        }
        yield* transfer(`${source.at}/from`, `${target.at}/plain`, { preserve: { mode: false } })
        yield* write(target.files, `${target.at}/fresh`, "")
        assert.strictEqual(
          yield* modeOf(target.files, `${target.at}/plain/open`),
          yield* modeOf(target.files, `${target.at}/fresh`)
        )
        assert.isAbove(yield* mtimeOf(target.files, `${target.at}/plain/open`), then.getTime())
        // The old mode stays if none is copied, and set-user-id bits are never copied.
        yield* target.files.chmod(`${target.at}/plain/open`, 0o640)
        yield* transfer(`${source.at}/from/open`, `${target.at}/plain/open`, { preserve: { mode: false } })
        assert.strictEqual(yield* modeOf(target.files, `${target.at}/plain/open`), "640")
        yield* source.files.chmod(`${source.at}/from/open`, 0o4755)
        yield* transfer(`${source.at}/from/open`, `${target.at}/plain/open`, { preserve: { mode: true } })
        assert.strictEqual(yield* modeOf(target.files, `${target.at}/plain/open`), "755")
        yield* source.files.chmod(`${source.at}/from/closed`, 0o755)
        for (const entry of ["to", "plain"]) {
          yield* target.files.chmod(`${target.at}/${entry}/closed`, 0o755)
        }
      })
  )
})

/** @internal */
export const selection = inBothDirections((each) => {
  each(
    "the filter leaves out, with a reason, and a directory with all that is in it",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        yield* source.files.makeDirectory(`${source.at}/from/node_modules/deep`, { recursive: true })
        yield* write(source.files, `${source.at}/from/node_modules/deep/file`, "")
        yield* write(source.files, `${source.at}/from/large`, "123456")
        yield* write(source.files, `${source.at}/from/small`, "1")
        const result = yield* transfer(`${source.at}/from`, `${target.at}/to`, {
          filter: (source) =>
            source.path === "node_modules" && source.type === "Directory"
              ? "made by npm"
              : source.size > 5n
              ? "too large"
              : undefined
        })
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/to`), { small: "1" })
        assert.deepStrictEqual(
          result.entries.flatMap(({ outcome, path }) => outcome._tag === "Skipped" ? [[path, outcome.reason]] : []),
          [["large", "too large"], ["node_modules", "made by npm"]]
        )
      })
  )

  each("skipUnchanged leaves the same alone", ({ source, target, transfer }) =>
    Effect.gen(function*() {
      yield* source.files.makeDirectory(`${source.at}/from`)
      yield* write(source.files, `${source.at}/from/same`, "same")
      yield* write(source.files, `${source.at}/from/longer`, "long")
      yield* write(source.files, `${source.at}/from/later`, "late")
      yield* source.files.symlink("same", `${source.at}/from/link`)
      yield* transfer(`${source.at}/from`, `${target.at}/to`, { skipUnchanged: "quick" })
      yield* write(source.files, `${source.at}/from/longer`, "longer")
      yield* write(source.files, `${source.at}/from/later`, "LATE")
      yield* source.files.utimes(`${source.at}/from/later`, 1e9, 1e9)
      const inode = (yield* target.files.stat(`${target.at}/to/same`)).ino
      const result = yield* transfer(`${source.at}/from`, `${target.at}/to`, { skipUnchanged: "quick" })
      assert.deepStrictEqual(outcomes(result), {
        "": "Created",
        "later": "Copied",
        "link": "Unchanged",
        "longer": "Copied",
        "same": "Unchanged"
      })
      assert.deepStrictEqual((yield* target.files.stat(`${target.at}/to/same`)).ino, inode)
      assert.strictEqual(result.bytes, 10n)
      yield* sameContents([target.files, `${target.at}/to`], [source.files, `${source.at}/from`])
    }))
})

/** @internal */
export const existing = inBothDirections((each) => {
  each(
    "`existing` keeps all files of the target, or newer ones",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        const [from, to] = [`${source.at}/from`, `${target.at}/to`]
        const ages = { older: 1e9 - 1, same: 1e9, newer: 1e9 + 1 }
        yield* source.files.makeDirectory(from)
        yield* target.files.makeDirectory(to)
        yield* write(source.files, `${from}/new`, "source")
        for (const [{ files }, path] of [[source, from], [target, to]] as const) {
          yield* files.symlink(files === source.files ? "source" : "target", `${path}/link`)
          for (const [name, time] of Object.entries(ages)) {
            yield* write(files, `${path}/${name}`, files === source.files ? "source" : "target")
            yield* files.utimes(`${path}/${name}`, 1e9, files === source.files ? 1e9 : time)
          }
        }
        const run = (existing: "keep" | "keepNewer") => transfer(from, to, { existing, preserve: { timestamps: true } })
        const expected = { "": "Created", "link": "Skipped", "new": "Copied", "newer": "Skipped", "older": "Skipped" }
        assert.deepStrictEqual(outcomes(yield* run("keep")), { ...expected, same: "Skipped" })
        assert.deepStrictEqual(yield* contents(target.files, to), {
          link: "-> target",
          new: "source",
          newer: "target",
          older: "target",
          same: "target"
        })
        const newer = yield* run("keepNewer")
        assert.deepStrictEqual(outcomes(newer), { ...expected, link: "Linked", older: "Copied", same: "Copied" })
        assert.deepStrictEqual(yield* contents(target.files, to), {
          link: "-> source",
          new: "source",
          newer: "target",
          older: "source",
          same: "source"
        })
        const skipped = newer.entries.flatMap(({ outcome }) => outcome._tag === "Skipped" ? [outcome.reason] : [])
        assert.deepStrictEqual(skipped, ["the target is newer"])
      })
  )
})

/** @internal */
export const hiddenFiles = inBothDirections((each) => {
  // FOUND A9
  each(
    "hidden files of writes that may be under way are neither copied nor deleted",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        const temporary = `.effect-remote-${"a".repeat(32)}.tmp`
        const partial = ".effect-remote-0123456789abcdef-lfls-3uw.part"
        const alike = `.effect-remote-${"a".repeat(31)}.tmp`
        yield* source.files.makeDirectory(`${source.at}/from/below`, { recursive: true })
        yield* target.files.makeDirectory(`${target.at}/to/extra`, { recursive: true })
        for (const name of [temporary, partial, alike]) {
          yield* write(source.files, `${source.at}/from/below/${name}`, "x")
        }
        for (const name of [temporary, partial, "file"]) {
          yield* write(target.files, `${target.at}/to/extra/${name}`, "x")
        }
        const result = yield* transfer(`${source.at}/from`, `${target.at}/to`, { delete: true })
        assert.deepStrictEqual(outcomes(result), {
          "": "Created",
          below: "Created",
          [`below/${alike}`]: "Copied",
          [`below/${partial}`]: "Skipped",
          [`below/${temporary}`]: "Skipped",
          [`extra/${partial}`]: "Skipped",
          [`extra/${temporary}`]: "Skipped",
          "extra/file": "Deleted"
        })
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/to`), {
          below: "/",
          [`below/${alike}`]: "x",
          extra: "/",
          [`extra/${partial}`]: "x",
          [`extra/${temporary}`]: "x"
        })
      })
  )
})

/** @internal */
export const deletion = inBothDirections((each) => {
  each(
    "delete removes what the source has not, but nothing that is left out, and never through a link",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        const prepare = Effect.gen(function*() {
          yield* target.files.remove(`${target.at}/to`, { recursive: true, force: true })
          yield* target.files.makeDirectory(`${target.at}/to/old/deep`, { recursive: true })
          yield* target.files.makeDirectory(`${target.at}/to/both`)
          yield* write(target.files, `${target.at}/to/old/deep/file`, "")
          yield* write(target.files, `${target.at}/to/old/precious.log`, "kept by the filter")
          yield* write(target.files, `${target.at}/to/both/extra`, "")
          yield* write(target.files, `${target.at}/to/both/here.log`, "counterpart")
          yield* target.files.symlink("../outside", `${target.at}/to/way out`)
        })
        yield* target.files.makeDirectory(`${target.at}/outside`)
        yield* write(target.files, `${target.at}/outside/file`, "safe")
        yield* source.files.makeDirectory(`${source.at}/from/both`, { recursive: true })
        yield* write(source.files, `${source.at}/from/both/here.log`, "left out")
        yield* write(source.files, `${source.at}/from/file`, "file")
        yield* prepare
        const filter = ({ path }: Transfer.Source) => path.endsWith(".log") ? "a log" : undefined
        const result = yield* transfer(`${source.at}/from`, `${target.at}/to`, { delete: true, filter })
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/to`), {
          "both": "/",
          "both/here.log": "counterpart",
          "file": "file",
          "old": "/",
          "old/precious.log": "kept by the filter"
        })
        assert.deepStrictEqual(outcomes(result), {
          "": "Created",
          "both": "Created",
          "both/extra": "Deleted",
          "both/here.log": "Skipped",
          "file": "Copied",
          "old/deep": "Deleted",
          "old/deep/file": "Deleted",
          "old/precious.log": "Skipped",
          "way out": "Deleted"
        })
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/outside`), { file: "safe" })
        // Not where something failed.
        yield* prepare
        yield* target.files.makeDirectory(`${target.at}/to/file`)
        yield* Effect.flip(transfer(`${source.at}/from`, `${target.at}/to`, { delete: true }))
        assert.isTrue(yield* target.files.exists(`${target.at}/to/old/deep/file`))
      })
  )
})

/** @internal */
export const progress = inBothDirections((each) => {
  each(
    "progress is reported, the end always, without a delay of the transfer",
    ({ direction, source, target, transfer }) =>
      Effect.gen(function*() {
        yield* source.files.makeDirectory(`${source.at}/from`)
        for (const file of Array.range(1, 20)) {
          yield* write(source.files, `${source.at}/from/${file}`, pseudoRandom(100_000, file))
        }
        const seen: Array<Transfer.Progress> = []
        yield* transfer(`${source.at}/from`, `${target.at}/to`, {
          onProgress: (progress) => Effect.sync(() => void seen.push(progress))
        })
        const last = seen[seen.length - 1]!
        assert.deepStrictEqual(
          [last.files, last.totalFiles, last.bytes, last.totalBytes, last.isCounted, last.isDone],
          [20, 20, 2_000_000n, 2_000_000n, true, true]
        )
        assert.strictEqual(seen.filter(({ isDone }) => isDone).length, 1)
        for (const [index, progress] of seen.entries()) {
          assert.isTrue(index === 0 || progress.bytes >= seen[index - 1]!.bytes)
        }
        // A listener that never returns, and a broken one.
        if (direction === "put") {
          yield* transfer(`${source.at}/from`, `${target.at}/to`, { onProgress: () => Effect.never })
        }
        yield* transfer(`${source.at}/from`, `${target.at}/to`, { onProgress: () => Effect.die("broken") }).pipe(
          Effect.provide(Logger.remove(Logger.defaultLogger))
        )
        // A failed one ends, too.
        const ends: Array<boolean> = []
        yield* source.files.makeDirectory(`${source.at}/from/1.d`)
        yield* write(target.files, `${target.at}/to/1.d`, "")
        yield* Effect.flip(transfer(`${source.at}/from`, `${target.at}/to`, {
          onProgress: ({ isDone }) => Effect.sync(() => void ends.push(isDone))
        }))
        assert.isTrue(ends[ends.length - 1])
      })
  )
})
