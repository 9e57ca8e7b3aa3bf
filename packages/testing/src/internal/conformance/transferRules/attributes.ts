/**
 * Owner, group and mode.
 */
import type * as Transfer from "@effect-remote/core/Transfer"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { contents, hidden, inBothDirections, modeOf, stalling } from "../sides.js"
import { pseudoRandom, write } from "../support.js"

/** @internal */
export const ownership = inBothDirections((each) => {
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
          { delete: true, preserve: { timestamps: true } },
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
})

/** @internal */
export const directories = inBothDirections((each) => {
  // FOUND A8
  each(
    "keeps the bits of existing directories, and makes others as mkdir does",
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
})

/** @internal */
export const underWay = inBothDirections((each) => {
  // FOUND A7
  each(
    "never has the hidden file more open than the one that it replaces",
    ({ source, target, transfer }) =>
      Effect.gen(function*() {
        yield* write(source.files, `${source.at}/secret`, pseudoRandom(900_000), { mode: 0o644 })
        yield* target.files.makeDirectory(`${target.at}/to`)
        yield* write(target.files, `${target.at}/to/secret`, "before", { mode: 0o600 })
        // The last one leaves its hidden file.
        for (const options of [{}, { preserve: { timestamps: true } }, { resume: true }]) {
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
})
