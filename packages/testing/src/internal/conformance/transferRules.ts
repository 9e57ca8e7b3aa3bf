/**
 * What a transfer takes over from its source, what it leaves alone, and what becomes of a source that changes.
 */
import * as Transfer from "@effect-remote/core/Transfer"
import type { PlatformError } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import { assert } from "@effect/vitest"
import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { cases } from "./cases.js"
import { changing, contents, directions, modeOf, mtimeOf, outcomes, stalling, type Trial, trial } from "./sides.js"
import { localFiles, pseudoRandom, type Services, write } from "./support.js"

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

/** This machine's files, which do something as soon as the first piece of one is read or written. */
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

const hidden = (files: FileSystem.FileSystem, path: string) =>
  Effect.map(
    files.readDirectory(path),
    (names) => names.filter((name) => name.startsWith(".effect-remote-")).map((name) => `${path}/${name}`)
  )

/** @internal */
export const transferRules = cases("transfer rules", (test) => {
  const each = (title: string, body: (trial: Trial) => Effect.Effect<unknown, unknown, Services | Scope.Scope>) => {
    for (const direction of directions) test(`${direction}: ${title}`, () => Effect.flatMap(trial(direction), body))
  }

  // FOUND A7
  each(
    "keeps owner, group and mode of a replaced file, and takes the source's mode if asked",
    (trial) =>
      Effect.gen(function*() {
        const { source, target, transfer } = trial
        const isRoot = yield* target.isRoot
        yield* source.files.makeDirectory(`${source.at}/from`)
        yield* target.files.makeDirectory(`${target.at}/to`)
        for (const [name, content] of [["small", "secret"], ["large", pseudoRandom(200_000)]] as const) {
          yield* write(source.files, `${source.at}/from/${name}`, content)
          yield* source.files.chmod(`${source.at}/from/${name}`, 0o644)
        }
        const known = (name: string) =>
          Effect.map(target.files.stat(`${target.at}/to/${name}`), ({ gid, mode, uid }) => [
            Option.getOrThrow(uid),
            Option.getOrThrow(gid),
            (mode & 0o7777).toString(8)
          ])
        const ways: ReadonlyArray<Transfer.Options> = [
          {},
          { verify: "digest" },
          { resume: true },
          { delete: true, preserve: { times: true } },
          { preserve: { mode: true } }
        ]
        for (const options of ways) {
          for (const isTree of [false, true]) {
            for (const name of ["small", "large"]) {
              const path = `${target.at}/to/${name}`
              yield* target.files.remove(path, { force: true })
              yield* write(target.files, path, "before")
              yield* target.files.chmod(path, 0o640)
              // Only root gives files away.
              if (isRoot) yield* target.files.chown(path, 12345, 54321)
            }
            const before = yield* known("small")
            const expected = options.preserve?.mode === true ? [before[0], before[1], "644"] : before
            if (isTree) yield* transfer(`${source.at}/from`, `${target.at}/to`, options)
            else {
              for (const name of ["small", "large"]) {
                yield* transfer(`${source.at}/from/${name}`, `${target.at}/to/${name}`, options)
              }
            }
            for (const name of ["small", "large"]) {
              assert.deepStrictEqual(yield* known(name), expected, `${name}, ${isTree} ${JSON.stringify(options)}`)
              assert.notStrictEqual(yield* target.files.readFileString(`${target.at}/to/${name}`), "before")
            }
          }
        }
      })
  )

  // FOUND A7
  each("gives a new file the source's mode under the umask", ({ source, target, transfer }) =>
    Effect.gen(function*() {
      yield* source.files.makeDirectory(`${source.at}/from`)
      for (const [name, content] of [["small", "x"], ["large", pseudoRandom(200_000)]] as const) {
        yield* write(source.files, `${source.at}/from/${name}`, content)
        yield* source.files.chmod(`${source.at}/from/${name}`, 0o666)
        yield* write(source.files, `${source.at}/from/${name} closed`, content)
        yield* source.files.chmod(`${source.at}/from/${name} closed`, 0o440)
      }
      yield* write(target.files, `${target.at}/fresh`, "", { mode: 0o666 })
      const fresh = yield* modeOf(target.files, `${target.at}/fresh`)
      for (const [at, options] of [["to", {}], ["resumed", { resume: true }]] as const) {
        yield* transfer(`${source.at}/from`, `${target.at}/${at}`, options)
        for (const name of ["small", "large"]) {
          assert.strictEqual(yield* modeOf(target.files, `${target.at}/${at}/${name}`), fresh)
          assert.strictEqual(yield* modeOf(target.files, `${target.at}/${at}/${name} closed`), "440")
        }
      }
    }))

  // FOUND A7
  each(
    "never has the hidden file more open than the one that it replaces",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        yield* write(source.files, `${source.at}/secret`, pseudoRandom(900_000), { mode: 0o644 })
        yield* target.files.makeDirectory(`${target.at}/to`)
        yield* write(target.files, `${target.at}/to/secret`, "before", { mode: 0o600 })
        // The last one leaves its hidden file.
        for (const options of [{}, { preserve: { times: true } }, { resume: true }]) {
          const { local, reached } = yield* stalling(300_000)
          const running = yield* Effect.fork(
            transfer(`${source.at}/secret`, `${target.at}/to/secret`, { ...options, local })
          )
          yield* reached
          const names = yield* hidden(target.files, `${target.at}/to`)
          assert.strictEqual(names.length, 1)
          assert.strictEqual(yield* modeOf(target.files, names[0]!), "600")
          yield* Fiber.interrupt(running)
        }
      })
  )

  // FOUND A8
  each(
    "keeps the bits of directories that were there, and makes others as mkdir does",
    (trial) =>
      Effect.gen(function*() {
        const { source, target, transfer } = trial
        const www = `${target.at}/www`
        yield* source.files.makeDirectory(`${source.at}/from/uploads`, { recursive: true })
        yield* source.files.makeDirectory(`${source.at}/from/css/deep`, { recursive: true })
        yield* source.files.makeDirectory(`${source.at}/from/closed`)
        yield* source.files.makeDirectory(`${source.at}/from/private`)
        yield* write(source.files, `${source.at}/from/css/deep/file`)
        yield* write(source.files, `${source.at}/from/closed/file`)
        yield* write(source.files, `${source.at}/from/private/file`)
        for (const name of ["uploads", "css", "css/deep", "closed"]) {
          yield* source.files.chmod(`${source.at}/from/${name}`, 0o755)
        }
        yield* source.files.chmod(`${source.at}/from/private`, 0o500)
        yield* target.files.makeDirectory(`${www}/uploads`, { recursive: true })
        yield* target.files.makeDirectory(`${www}/closed`)
        // Only root has groups to give it that are not its own.
        if (yield* target.isRoot) yield* target.files.chown(www, 12345, 54321)
        yield* target.files.chmod(www, 0o2775)
        yield* target.files.chmod(`${www}/uploads`, 0o1777)
        yield* target.files.chmod(`${www}/closed`, 0o555)
        const modes = Effect.all(
          Object.fromEntries(
            ["", "/uploads", "/closed", "/css", "/css/deep", "/private"].map((name) =>
              [name, modeOf(target.files, www + name)] as const
            )
          )
        )
        const group = Effect.map(target.files.stat(`${www}/css/deep`), ({ gid }) => gid)
        yield* transfer(`${source.at}/from`, www)
        assert.deepStrictEqual(yield* modes, {
          "": "2775",
          "/uploads": "1777",
          "/closed": "555",
          "/css": "2755",
          "/css/deep": "2755",
          "/private": "2500"
        })
        assert.deepStrictEqual(yield* group, (yield* target.files.stat(www)).gid)
        // Once more, as asked: the bits that are not the source's stay.
        yield* source.files.chmod(`${source.at}/from/uploads`, 0o750)
        yield* source.files.chmod(`${source.at}/from/css`, 0o770)
        yield* transfer(`${source.at}/from`, www, { preserve: { mode: true } })
        assert.deepStrictEqual(yield* modes, {
          "": "2775",
          "/uploads": "1750",
          "/closed": "755",
          "/css": "2770",
          "/css/deep": "2755",
          "/private": "2500"
        })
        for (const { at, files } of [source, { ...target, at: target.at }]) {
          for (const name of ["from", "www"]) yield* Effect.ignore(files.chmod(`${at}/${name}/private`, 0o700))
        }
      })
  )

  // FOUND A8
  each(
    "leaves a directory as closed as it was if it is interrupted below it",
    (trial) =>
      Effect.gen(function*() {
        const { source, target, transfer } = trial
        yield* source.files.makeDirectory(`${source.at}/from/closed`, { recursive: true })
        yield* write(source.files, `${source.at}/from/closed/large`, pseudoRandom(200_000))
        yield* target.files.makeDirectory(`${target.at}/to/closed`, { recursive: true })
        yield* target.files.chmod(`${target.at}/to/closed`, 0o555)
        const { local, reached } = yield* stalling(0)
        const fiber = yield* Effect.fork(transfer(`${source.at}/from`, `${target.at}/to`, { local }))
        yield* reached
        assert.strictEqual(yield* modeOf(target.files, `${target.at}/to/closed`), "755")
        yield* Fiber.interruptFork(fiber)
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(yield* modeOf(target.files, `${target.at}/to/closed`), "555")
        assert.deepStrictEqual(yield* contents(target.files, `${target.at}/to/closed`), {})
      })
  )

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
          assert.deepStrictEqual(outcomes(result), { "": "Made", "small": "Unchanged", "large": "Unchanged" })
          assert.strictEqual(result.bytes, 0n)
          for (const name of ["small", "large"]) {
            const time = yield* mtimeOf(source.files, `${source.at}/from/${name}`)
            const copy = yield* mtimeOf(target.files, `${target.at}/to/${name}`)
            assert.strictEqual(Math.floor(copy / 1000), Math.floor(time / 1000))
          }
        }
      })
  )

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
        assert.deepStrictEqual(yield* run, { "": "Made", "small": "Copied", "large": "Copied" })
        assert.deepStrictEqual(yield* run, { "": "Made", "small": "Unchanged", "large": "Unchanged" })
        for (const [name, , content] of files) {
          yield* write(target.files, `${target.at}/to/${name}`, content)
          yield* target.files.utimes(`${target.at}/to/${name}`, 1e9, 1e9)
        }
        assert.deepStrictEqual(yield* run, { "": "Made", "small": "Copied", "large": "Copied" })
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
              assert.deepStrictEqual((yield* run).entries[0]?.outcome, Transfer.Outcome.Copied({ resumedAt: 0n }))
              assert.isTrue(content.equals(yield* target.files.readFile(`${target.at}/to/log`)))
            } else {
              const error = yield* Effect.flip(run)
              assert(error._tag === "TransferError")
              assert.strictEqual(outcomes(error)[""], "Failed InvalidData")
            }
            assert.deepStrictEqual(yield* hidden(target.files, `${target.at}/to`), [])
          }
        }
        // What became shorter is not whole.
        yield* write(source.files, log, pseudoRandom(700_000))
        const local = yield* once(source.files.truncate(log, 100_000))
        const error = yield* Effect.flip(transfer(log, `${target.at}/short`, { growing: "asOpened", local }))
        assert(error._tag === "TransferError")
        assert.strictEqual(outcomes(error)[""], "Failed InvalidData")
      })
  )

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
            preserve: { mode: true, times: true },
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
