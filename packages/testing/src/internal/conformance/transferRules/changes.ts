/**
 * Sources and targets that change.
 */
import type * as Transfer from "@effect-remote/core/Transfer"
import type { PlatformError } from "@effect/platform/Error"
import { assert } from "@effect/vitest"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { changing, contents, hidden, inBothDirections, modeOf, mtimeOf, outcomes, trial } from "../sides.js"
import { localFiles, pseudoRandom, write } from "../support.js"

const hour = 60 * 60 * 1000

/** As if it were an hour later. */
const later = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.clockWith((clock) => {
    const unsafeCurrentTimeMillis = () => clock.unsafeCurrentTimeMillis() + hour
    const ahead: Clock.Clock = Object.create(clock, {
      unsafeCurrentTimeMillis: { value: unsafeCurrentTimeMillis },
      currentTimeMillis: { value: Effect.sync(unsafeCurrentTimeMillis) }
    })
    return Effect.withClock(effect, ahead)
  })

/** Files of this machine that run an action when the first piece of a file is read or written. */
const once = (action: Effect.Effect<unknown, PlatformError>) =>
  Effect.map(localFiles, (fs) => {
    let isDone = false
    const act = Effect.suspend(() => {
      if (isDone) return Effect.void
      isDone = true
      return action
    })
    return changing(fs, (file) => ({
      read: (buffer) => Effect.tap(file.read(buffer), () => act),
      writeAll: (bytes) => Effect.zipRight(file.writeAll(bytes), act)
    }))
  })

/** @internal */
export const quick = inBothDirections((each) => {
  // FOUND A17
  each(
    "quick: sees a change within the second in which the copy was made",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        const path = `${source.at}/version`
        const there = `${target.at}/version`
        const run = Effect.map(
          transfer(path, there, { skipUnchanged: "quick", verify: "digest" }),
          (result) => outcomes(result)[""]
        )
        // By the clock of this machine, which may be ahead of a file system's by some milliseconds.
        yield* write(source.files, path, "1.0.1")
        const second = Math.floor((yield* mtimeOf(source.files, path)) / 1000)
        const change = (content: string) =>
          Effect.zipRight(write(source.files, path, content), source.files.utimes(path, second, second))
        yield* change("1.0.1")
        assert.strictEqual(yield* run, "Copied")
        assert.strictEqual(yield* run, "Unchanged")
        yield* change("1.0.2")
        assert.strictEqual(yield* run, "Copied")
        assert.strictEqual(yield* target.files.readFileString(there), "1.0.2")
        // Found later, too: the copy had not got the time of what it was a copy of.
        yield* change("1.0.3")
        assert.strictEqual(yield* later(run), "Copied")
        assert.strictEqual(yield* target.files.readFileString(there), "1.0.3")
        assert.strictEqual(yield* mtimeOf(target.files, there), second * 1000)
        assert.strictEqual(yield* later(run), "Unchanged")
      })
  )

  // FOUND A17
  each(
    "quick: compares a young file once more, and gives its copy the time then",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        yield* source.files.makeDirectory(`${source.at}/from`)
        yield* write(source.files, `${source.at}/from/small`, "small")
        yield* write(source.files, `${source.at}/from/large`, pseudoRandom(200_000))
        const run = transfer(`${source.at}/from`, `${target.at}/to`, { skipUnchanged: "quick" })
        assert.strictEqual((yield* run).files, 2)
        for (const name of ["small", "large"]) {
          const time = yield* mtimeOf(source.files, `${source.at}/from/${name}`)
          const copy = yield* mtimeOf(target.files, `${target.at}/to/${name}`)
          assert.strictEqual(Math.floor(copy / 1000), Math.floor(time / 1000) - 1)
        }
        for (let round = 0; round < 2; round++) {
          const result = yield* later(run)
          assert.deepStrictEqual(outcomes(result), { "": "Created", "small": "Unchanged", "large": "Unchanged" })
          assert.strictEqual(result.bytes, 0n)
          for (const name of ["small", "large"]) {
            const time = yield* mtimeOf(source.files, `${source.at}/from/${name}`)
            const copy = yield* mtimeOf(target.files, `${target.at}/to/${name}`)
            assert.strictEqual(Math.floor(copy / 1000), Math.floor(time / 1000))
          }
        }
      })
  )
})

/** @internal */
export const content = inBothDirections((each) => {
  // FOUND A17
  each(
    "content: compares what files hold, whatever their times",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        yield* source.files.makeDirectory(`${source.at}/from`)
        const large = pseudoRandom(200_000)
        const files = [["small", "small", "smell"], ["large", large, Buffer.from(large).fill(0, 1000, 1100)]] as const
        for (const [name, content] of files) {
          yield* write(source.files, `${source.at}/from/${name}`, content)
          yield* source.files.utimes(`${source.at}/from/${name}`, 1e9, 1e9)
        }
        const run = Effect.map(transfer(`${source.at}/from`, `${target.at}/to`, { skipUnchanged: "content" }), outcomes)
        assert.deepStrictEqual(yield* run, { "": "Created", "small": "Copied", "large": "Copied" })
        assert.deepStrictEqual(yield* run, { "": "Created", "small": "Unchanged", "large": "Unchanged" })
        for (const [name, , content] of files) {
          yield* write(target.files, `${target.at}/to/${name}`, content)
          yield* target.files.utimes(`${target.at}/to/${name}`, 1e9, 1e9)
        }
        assert.deepStrictEqual(yield* run, { "": "Created", "small": "Copied", "large": "Copied" })
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/to`), {
          small: "small",
          large: large.toString("latin1")
        })
      })
  )

  // FOUND A16
  each(
    "growing: takes a file as long as it was, only if asked",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        const log = `${source.at}/log`
        const ways: ReadonlyArray<Transfer.Options> = [{}, { verify: "digest" }, { resume: true }]
        for (const growing of ["fail", "asOpened"] as const) {
          for (const options of ways) {
            const content = pseudoRandom(700_000)
            yield* write(source.files, log, content)
            const local = yield* once(write(source.files, log, "one line more\n", { flag: "a" }))
            const run = transfer(log, `${target.at}/to/log`, { ...options, growing, local })
            if (growing === "asOpened") {
              const outcome = (yield* run).entries[0]?.outcome
              assert.isTrue(outcome?._tag === "Copied" && outcome.resumedAt === 0n)
              assert.isTrue(content.equals(yield* target.files.readFile(`${target.at}/to/log`)))
            } else {
              const error = yield* Effect.flip(run)
              assert(error._tag === "TransferError")
              assert.strictEqual(outcomes(error)[""], "Failed InvalidData")
            }
            assert.deepStrictEqual(yield* hidden(target.files, `${target.at}/to`), [])
          }
        }
        // A file that became shorter is incomplete.
        yield* write(source.files, log, pseudoRandom(700_000))
        const local = yield* once(source.files.truncate(log, 100_000))
        const error = yield* Effect.flip(transfer(log, `${target.at}/short`, { growing: "asOpened", local }))
        assert(error._tag === "TransferError")
        assert.strictEqual(outcomes(error)[""], "Failed InvalidData")
      })
  )
})

/** @internal */
export const replaced = inBothDirections((each, test) => {
  // FOUND A10
  each(
    "copies the file that was opened, whatever becomes of its name",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        const path = `${source.at}/file`
        const content = pseudoRandom(700_000)
        const fates: ReadonlyArray<Effect.Effect<unknown, PlatformError>> = [
          source.files.remove(path),
          source.files.rename(path, `${path}.1`),
          Effect.zipRight(
            write(source.files, `${path}.new`, pseudoRandom(700_000, 2)),
            source.files.rename(`${path}.new`, path)
          )
        ]
        for (const [index, fate] of fates.entries()) {
          for (const verify of ["size", "digest"] as const) {
            yield* write(source.files, path, content)
            const result = yield* transfer(path, `${target.at}/to`, { verify, local: yield* once(fate) })
            assert.strictEqual(outcomes(result)[""], "Copied", `${index}`)
            assert.isTrue(content.equals(yield* target.files.readFile(`${target.at}/to`)))
          }
        }
      })
  )

  // FOUND E10
  test("get: leaves another file alone that was put under the hidden name", () =>
    Effect.gen(function*() {
      const { fs, source, target } = yield* trial("get")
      const content = pseudoRandom(700_000)
      const precious = `${target.at}/precious`
      yield* write(source.files, `${source.at}/file`, content, { mode: 0o644 })
      yield* write(target.files, precious, content)
      yield* target.files.chmod(precious, 0o600)
      yield* target.files.utimes(precious, 1e9, 1e9)
      yield* target.files.makeDirectory(`${target.at}/to`)
      const swap = Effect.flatMap(hidden(target.files, `${target.at}/to`), ([path = ""]) =>
        Effect.zipRight(target.files.rename(path, `${target.at}/away`), target.files.symlink(precious, path)))
      for (const resume of [false, true]) {
        const error = yield* Effect.flip(
          fs.get(`${source.at}/file`, `${target.at}/to/file`, {
            local: yield* once(swap),
            preserve: { mode: true, timestamps: true },
            resume
          })
        )
        assert(error._tag === "TransferError")
        assert.strictEqual(outcomes(error)[""], "Failed InvalidData")
        assert.strictEqual(yield* modeOf(target.files, precious), "600")
        assert.strictEqual(yield* mtimeOf(target.files, precious), 1e12)
        assert.deepStrictEqual(yield* target.files.readDirectory(`${target.at}/to`), [])
      }
    }))
})
