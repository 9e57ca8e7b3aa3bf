import { RemoteFileSystem } from "@effect-remote/core"
import { assert, layer } from "@effect/vitest"
import { Array, Deferred, Effect, Either, Stream } from "effect"
import * as Fs from "node:fs"
import { directory, failsWith, isRoot } from "./files.js"
import type { Suite } from "./support.js"

/** What an atomic write does when it is asked for more than that. */
export const atomicWrites = ({ layer: live, name: suite }: Suite) =>
  layer(live, { excludeTestServices: true, timeout: "60 seconds" })(`atomic writes on ${suite}`, (it) => {
    it.effect("ifAbsent replaces nothing: no file, no directory, no link to nothing", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        Fs.writeFileSync(`${path}/file`, "old")
        Fs.mkdirSync(`${path}/directory`)
        Fs.symlinkSync("nowhere", `${path}/dangling`)
        const write = (name: string) => fs.atomicWrite(`${path}/${name}`, "new", { ifAbsent: true })
        assert.strictEqual(yield* failsWith(write("file")), "AlreadyExists")
        assert.strictEqual(yield* failsWith(write("dangling")), "AlreadyExists")
        assert.strictEqual(yield* failsWith(write("directory")), "BadResource")
        yield* write("new/file")
        assert.strictEqual(Fs.readFileSync(`${path}/file`, "utf8"), "old")
        assert.strictEqual(Fs.readFileSync(`${path}/new/file`, "utf8"), "new")
        assert.deepStrictEqual(Fs.readdirSync(path).sort(), ["dangling", "directory", "file", "new"])
        assert.deepStrictEqual(Fs.readdirSync(`${path}/new`), ["file"])
      }))

    it.effect("of many that write at once with ifAbsent one succeeds", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        const ready = yield* Deferred.make<void>()
        let waiting = 0
        const all = 20
        // Each has looked for the file, and found none, before the first has finished.
        const content = (text: string) =>
          Stream.concat(
            Stream.make(new TextEncoder().encode(text)),
            Stream.execute(
              Effect.suspend(() => ++waiting === all ? Deferred.succeed(ready, undefined) : Deferred.await(ready))
            )
          )
        const outcomes = yield* Effect.forEach(
          Array.range(1, all),
          (number) => Effect.either(fs.atomicWrite(`${path}/file`, content(`number ${number}`), { ifAbsent: true })),
          { concurrency: "unbounded" }
        )
        const winners = outcomes.flatMap((outcome, index) => Either.isRight(outcome) ? [`number ${index + 1}`] : [])
        assert.deepStrictEqual(winners, [Fs.readFileSync(`${path}/file`, "utf8")])
        for (const outcome of outcomes) {
          if (Either.isRight(outcome)) continue
          assert(outcome.left._tag === "SystemError")
          assert.strictEqual(outcome.left.reason, "AlreadyExists")
        }
        assert.deepStrictEqual(Fs.readdirSync(path), ["file"])
      }))

    it.effect("durable writes the same file, in a directory that cannot be read, too", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        yield* fs.atomicWrite(`${path}/a/b/file`, "text", { durable: true })
        yield* fs.atomicWrite(`${path}/a/b/file`, "more", { durable: true })
        assert.strictEqual(Fs.readFileSync(`${path}/a/b/file`, "utf8"), "more")
        Fs.mkdirSync(`${path}/blind`, { mode: 0o300 })
        yield* fs.atomicWrite(`${path}/blind/file`, "text", { durable: true, ifAbsent: true })
        Fs.chmodSync(`${path}/blind`, 0o700)
        assert.deepStrictEqual(Fs.readdirSync(`${path}/blind`), ["file"])
        assert.deepStrictEqual(Fs.readdirSync(`${path}/a/b`), ["file"])
      }))

    it.effect("a link is followed, or replaced", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        Fs.mkdirSync(`${path}/elsewhere`)
        Fs.writeFileSync(`${path}/elsewhere/file`, "old")
        Fs.symlinkSync("elsewhere/file", `${path}/link`)
        Fs.symlinkSync("elsewhere/new", `${path}/dangling`)
        Fs.symlinkSync("elsewhere", `${path}/directory`)
        yield* fs.atomicWrite(`${path}/link`, "followed")
        yield* fs.atomicWrite(`${path}/dangling`, "followed")
        assert.strictEqual(yield* failsWith(fs.atomicWrite(`${path}/directory`, "x")), "BadResource")
        assert.deepStrictEqual(Fs.readdirSync(`${path}/elsewhere`).sort(), ["file", "new"])
        assert.strictEqual(Fs.readFileSync(`${path}/elsewhere/file`, "utf8"), "followed")
        for (const link of ["link", "dangling", "directory"]) {
          yield* fs.atomicWrite(`${path}/${link}`, "replaced", { symlinks: "replace" })
          assert.isTrue(Fs.lstatSync(`${path}/${link}`).isFile())
        }
        assert.strictEqual(Fs.readFileSync(`${path}/elsewhere/file`, "utf8"), "followed")
      }))

    // Only root gives files away.
    it.effect.skipIf(!isRoot)("the owner and the group of what is replaced are kept", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = `${yield* directory}/file`
        Fs.writeFileSync(path, "old")
        Fs.chownSync(path, 12345, 54321)
        Fs.chmodSync(path, 0o664)
        yield* fs.atomicWrite(path, "new")
        const { gid, mode, uid } = Fs.statSync(path)
        assert.deepStrictEqual([uid, gid, mode & 0o7777], [12345, 54321, 0o664])
      }))
  })
