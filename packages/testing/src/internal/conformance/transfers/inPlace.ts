/**
 * Files that a transfer overwrites in place.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { inBothDirections, modeOf, mtimeOf, outcomes } from "../sides.js"
import { pseudoRandom, write } from "../support.js"

/** @internal */
export const inPlace = inBothDirections((each) => {
  // B16
  each(
    "a file that is overwritten keeps its inode, its links and its mode",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        const [from, to] = [`${source.at}/from`, `${target.at}/to`]
        yield* write(target.files, to)
        yield* target.files.chmod(to, 0o640)
        yield* target.files.link(to, `${target.at}/link`)
        for (const [before, size] of [[0, 5], [200_000, 5], [3, 100_000], [200_000, 100_000]] as const) {
          yield* write(source.files, from, pseudoRandom(size))
          yield* target.files.truncate(to, before)
          const verify = before === 3 ? "digest" : "size"
          const result = yield* transfer(from, to, { inPlace: true, resume: true, verify })
          assert.deepStrictEqual(outcomes(result), { "": "Copied" })
          assert.isTrue(pseudoRandom(size).equals(yield* target.files.readFile(`${target.at}/link`)))
          assert.strictEqual(yield* modeOf(target.files, to), "640")
        }
        assert.sameMembers(yield* target.files.readDirectory(target.at), ["link", "to"])
        yield* source.files.chmod(from, 0o600)
        yield* source.files.utimes(from, 1e9, 1e9)
        yield* transfer(from, to, { inPlace: true, preserve: { mode: true, timestamps: true } })
        assert.strictEqual(yield* modeOf(target.files, to), "600")
        assert.strictEqual(yield* mtimeOf(target.files, to), 1e12)
      })
  )

  each(
    "in a tree, links are replaced and new files arrive atomically",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        yield* source.files.makeDirectory(`${source.at}/from`)
        yield* target.files.makeDirectory(`${target.at}/to`)
        for (const name of ["new", "there", "link"]) yield* write(source.files, `${source.at}/from/${name}`, name)
        yield* write(target.files, `${target.at}/to/there`, "longer than the new content")
        yield* write(target.files, `${target.at}/outside`, "safe")
        yield* target.files.symlink("../outside", `${target.at}/to/link`)
        yield* target.files.link(`${target.at}/to/there`, `${target.at}/hard`)
        yield* transfer(`${source.at}/from`, `${target.at}/to`, { inPlace: true })
        for (const name of ["new", "there", "link"]) {
          assert.strictEqual(yield* target.files.readFileString(`${target.at}/to/${name}`), name)
        }
        assert.strictEqual(yield* target.files.readFileString(`${target.at}/outside`), "safe")
        assert.strictEqual(yield* target.files.readFileString(`${target.at}/hard`), "there")
      })
  )

  // B16
  each(
    "a writable file in a directory that is not writable can be overwritten",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        if (yield* target.isRoot) return
        yield* write(source.files, `${source.at}/from`, "new")
        yield* target.files.makeDirectory(`${target.at}/closed`)
        yield* write(target.files, `${target.at}/closed/file`, "longer")
        yield* target.files.chmod(`${target.at}/closed`, 0o500)
        const run = (inPlace: boolean) => transfer(`${source.at}/from`, `${target.at}/closed/file`, { inPlace })
        yield* Effect.ensuring(
          Effect.gen(function*() {
            assert.include((yield* Effect.flip(run(false))).message, "PermissionDenied")
            yield* run(true)
            assert.strictEqual(yield* target.files.readFileString(`${target.at}/closed/file`), "new")
          }),
          Effect.orDie(target.files.chmod(`${target.at}/closed`, 0o700))
        )
      })
  )
})
