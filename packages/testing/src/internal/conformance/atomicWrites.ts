/**
 * Atomic writes.
 */
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import { assert } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { ConformanceHost } from "../../ConformanceHost.js"
import { unlessLost } from "../../unstable/Eventually.js"
import * as Rewriting from "../../unstable/Rewriting.js"
import { cases, type Group } from "./cases.js"
import { bytes, directory, dropConnections, failsWith, isRoot, lostBy, write } from "./support.js"

const oldText = "old".repeat(50_000)

const newText = "new".repeat(50_000)

const pieces = Stream.fromIterable([0, 1, 2]).pipe(
  Stream.map((piece) => bytes(newText.slice(piece * 50_000, (piece + 1) * 50_000)))
)

// Of a client that does nothing else meanwhile, and by the clock.
const moments = [
  ...Array.makeBy(8, (step) => Effect.repeatN(Effect.yieldNow(), step * step)),
  ...Array.makeBy(8, (step) => Effect.sleep(step))
]

const commits: Group = (test) => {
  test("an atomic write shows nothing before its commit, and then all", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      const target = `${path}/made/on the way/file`
      const reached = yield* Deferred.make<void>()
      const half = yield* Deferred.make<void>()
      const content = Stream.make(bytes("first half, ")).pipe(
        Stream.concat(Stream.execute(Effect.zipRight(Deferred.succeed(reached, undefined), Deferred.await(half)))),
        Stream.concat(Stream.make(bytes("second half")))
      )
      const writing = yield* Effect.fork(fs.atomicWrite(target, content))
      const parent = `${path}/made/on the way`
      yield* Deferred.await(reached)
      const [temporary] = yield* files.readDirectory(parent)
      assert.match(temporary ?? "", /^\.effect-remote-[0-9a-f]{32}\.tmp$/)
      yield* Deferred.succeed(half, undefined)
      yield* Fiber.join(writing)
      assert.deepStrictEqual(yield* files.readDirectory(parent), ["file"])
      assert.strictEqual(yield* files.readFileString(target), "first half, second half")
    }))

  test("an atomic write that fails, or is interrupted, leaves the old file and nothing beside it", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      const target = `${path}/file`
      const untouched = Effect.gen(function*() {
        assert.deepStrictEqual(yield* files.readDirectory(path), ["file"])
        assert.strictEqual(yield* files.readFileString(target), "old")
      })
      yield* write(files, target, "old")
      const some = Stream.make(new Uint8Array(300_000))
      assert.strictEqual(
        yield* Effect.flip(fs.atomicWrite(target, Stream.concat(some, Stream.fail("body")))),
        "body"
      )
      yield* untouched
      const died = yield* Effect.exit(fs.atomicWrite(target, Stream.concat(some, Stream.die("bug"))))
      assert.isTrue(Exit.isFailure(died))
      yield* untouched
      const reached = yield* Deferred.make<void>()
      const endless = Stream.concat(
        some,
        Stream.execute(Effect.zipRight(Deferred.succeed(reached, undefined), Effect.never))
      )
      const fiber = yield* Effect.fork(Stream.run(endless, fs.atomicSink(target)))
      yield* Deferred.await(reached)
      yield* Fiber.interrupt(fiber)
      yield* untouched
    }))

  test(
    "readers during rewrites never see a torn file",
    () => Effect.flatMap(directory, (path) => Rewriting.rewrite(`${path}/file`, 10, 25))
  )
}

const refusals: Group = (test) => {
  test("an atomic write onto a directory is refused, with nothing in it", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* files.makeDirectory(`${path}/directory`)
      for (const target of [`${path}/directory`, `${path}/directory/`, `${path}/directory/.`, `${path}/new/`]) {
        assert.strictEqual(yield* failsWith(fs.atomicWrite(target, "x")), "BadResource", target)
      }
      assert.deepStrictEqual(yield* files.readDirectory(path), ["directory"])
      assert.deepStrictEqual(yield* files.readDirectory(`${path}/directory`), [])
    }))

  test("a commit that fails is a failure of the write, and removes what was written", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      // The target becomes a directory while the write is under way.
      const content = Stream.concat(
        Stream.make(bytes("half")),
        Stream.execute(files.makeDirectory(`${path}/target`))
      )
      assert.strictEqual(yield* failsWith(fs.atomicWrite(`${path}/target`, content)), "BadResource")
      assert.deepStrictEqual(yield* files.readDirectory(path), ["target"])
      assert.deepStrictEqual(yield* files.readDirectory(`${path}/target`), [])
    }))

  test("one that cannot begin leaves nothing: no directory for it, no right to it, no name for it", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* write(files, `${path}/file`, "old")
      yield* files.symlink("loop", `${path}/loop`)
      assert.strictEqual(yield* failsWith(fs.atomicWrite(`${path}/file/below`, "x")), "BadResource")
      assert.strictEqual(yield* failsWith(fs.atomicWrite(`${path}/loop`, "x")), "BadResource")
      assert.strictEqual(yield* failsWith(fs.atomicWrite(`${path}/${"x".repeat(256)}`, "x")), "Unknown")
      assert.strictEqual(yield* failsWith(fs.atomicWrite(`${path}/a\0b`, "x")), "BadArgument")
      assert.sameMembers(yield* files.readDirectory(path), ["file", "loop"])
      assert.strictEqual(yield* files.readFileString(`${path}/file`), "old")
    }))
}

const attributes: Group = (test) => {
  test("an atomic write keeps the mode of what it replaces, and follows a link", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* write(files, `${path}/file`, "old")
      yield* files.chmod(`${path}/file`, 0o4751)
      yield* files.symlink("file", `${path}/link`)
      yield* fs.atomicWrite(`${path}/link`, "new")
      assert.strictEqual(yield* files.readFileString(`${path}/file`), "new")
      // Set-user-id is for the owner that the old file had.
      assert.strictEqual((yield* files.stat(`${path}/file`)).mode & 0o7777, 0o751)
      assert.strictEqual((yield* fs.lstat(`${path}/link`)).type, "SymbolicLink")
      yield* fs.atomicWrite(`${path}/file`, "newer", { mode: 0o600 })
      assert.strictEqual((yield* files.stat(`${path}/file`)).mode & 0o7777, 0o600)
      yield* fs.atomicWrite(`${path}/fresh`, "")
      yield* write(files, `${path}/plain`, "")
      assert.strictEqual((yield* files.stat(`${path}/fresh`)).mode, (yield* files.stat(`${path}/plain`)).mode)
    }))

  test("a link is followed, or replaced", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* files.makeDirectory(`${path}/elsewhere`)
      yield* write(files, `${path}/elsewhere/file`, "old")
      yield* files.symlink("elsewhere/file", `${path}/link`)
      yield* files.symlink("elsewhere/new", `${path}/dangling`)
      yield* files.symlink("elsewhere", `${path}/directory`)
      yield* fs.atomicWrite(`${path}/link`, "followed")
      yield* fs.atomicWrite(`${path}/dangling`, "followed")
      assert.strictEqual(yield* failsWith(fs.atomicWrite(`${path}/directory`, "x")), "BadResource")
      assert.deepStrictEqual((yield* files.readDirectory(`${path}/elsewhere`)).sort(), ["file", "new"])
      assert.strictEqual(yield* files.readFileString(`${path}/elsewhere/file`), "followed")
      for (const link of ["link", "dangling", "directory"]) {
        yield* fs.atomicWrite(`${path}/${link}`, "replaced", { symlinks: "replace" })
        assert.strictEqual((yield* fs.lstat(`${path}/${link}`)).type, "File")
      }
      assert.strictEqual(yield* files.readFileString(`${path}/elsewhere/file`), "followed")
    }))

  test("the owner and the group of what is replaced are kept", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = `${yield* directory}/file`
      yield* write(files, path, "old")
      // Only root gives files away.
      if (yield* isRoot) yield* files.chown(path, 12345, 54321)
      yield* files.chmod(path, 0o664)
      const known = Effect.map(files.stat(path), ({ gid, mode, uid }) => [uid, gid, mode])
      const before = yield* known
      yield* fs.atomicWrite(path, "new")
      assert.deepStrictEqual(yield* known, before)
    }))
}

const ifAbsent: Group = (test) => {
  test("ifAbsent replaces nothing: no file, no directory, no link to nothing", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* write(files, `${path}/file`, "old")
      yield* files.makeDirectory(`${path}/directory`)
      yield* files.symlink("nowhere", `${path}/dangling`)
      const make = (name: string) => fs.atomicWrite(`${path}/${name}`, "new", { ifAbsent: true })
      assert.strictEqual(yield* failsWith(make("file")), "AlreadyExists")
      assert.strictEqual(yield* failsWith(make("dangling")), "AlreadyExists")
      assert.strictEqual(yield* failsWith(make("directory")), "BadResource")
      yield* make("new/file")
      assert.strictEqual(yield* files.readFileString(`${path}/file`), "old")
      assert.strictEqual(yield* files.readFileString(`${path}/new/file`), "new")
      assert.deepStrictEqual((yield* files.readDirectory(path)).sort(), ["dangling", "directory", "file", "new"])
      assert.deepStrictEqual(yield* files.readDirectory(`${path}/new`), ["file"])
    }))

  test("of many that write at once with ifAbsent one succeeds", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
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
      assert.deepStrictEqual(winners, [yield* files.readFileString(`${path}/file`)])
      for (const outcome of outcomes) {
        if (Either.isRight(outcome)) continue
        assert(outcome.left._tag === "SystemError")
        assert.strictEqual(outcome.left.reason, "AlreadyExists")
      }
      assert.deepStrictEqual(yield* files.readDirectory(path), ["file"])
    }))
}

const durability: Group = (test) => {
  test("durable writes the same file, in a directory that cannot be read, too", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* fs.atomicWrite(`${path}/a/b/file`, "text", { durable: true })
      yield* fs.atomicWrite(`${path}/a/b/file`, "more", { durable: true })
      assert.strictEqual(yield* files.readFileString(`${path}/a/b/file`), "more")
      yield* files.makeDirectory(`${path}/blind`, { mode: 0o300 })
      yield* fs.atomicWrite(`${path}/blind/file`, "text", { durable: true, ifAbsent: true })
      yield* files.chmod(`${path}/blind`, 0o700)
      assert.deepStrictEqual(yield* files.readDirectory(`${path}/blind`), ["file"])
      assert.deepStrictEqual(yield* files.readDirectory(`${path}/a/b`), ["file"])
    }))
}

const lostConnections: Group = (test) => {
  test("a connection lost in the middle of a write leaves the old file, and is found in the error", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* write(files, `${path}/file`, "old")
      const content = Stream.concat(Stream.make(new Uint8Array(100_000)), Stream.execute(dropConnections)).pipe(
        Stream.concat(Stream.repeatValue(new Uint8Array(100_000)))
      )
      const error = yield* Effect.flip(fs.atomicWrite(`${path}/file`, content))
      assert(error._tag === "SystemError")
      assert.strictEqual(lostBy(error), "ConnectionLost")
      // The next use connects again; so did the clean-up.
      assert.strictEqual(yield* fs.readFileString(`${path}/file`), "old")
      assert.deepStrictEqual(yield* fs.readDirectory(path), ["file"])
    }))

  test("interruption at any moment leaves the old file or the new one, and nothing beside it", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      for (const moment of moments) {
        yield* write(files, `${path}/file`, oldText)
        const writing = yield* Effect.fork(fs.atomicWrite(`${path}/file`, pieces))
        yield* moment
        const exit = yield* Fiber.interrupt(writing)
        const found = yield* files.readFileString(`${path}/file`)
        assert.isTrue(found === newText || (Exit.isFailure(exit) && found === oldText))
        assert.deepStrictEqual(yield* files.readDirectory(path), ["file"])
      }
    }))

  test("a connection lost at any moment leaves the old file or the new one, and nothing beside it", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      for (const moment of moments) {
        yield* write(files, `${path}/file`, oldText)
        yield* unlessLost(fs.exists(path))
        const writing = yield* Effect.fork(fs.atomicWrite(`${path}/file`, pieces))
        yield* moment
        yield* dropConnections
        const exit = yield* Fiber.await(writing)
        const found = yield* files.readFileString(`${path}/file`)
        if (Exit.isSuccess(exit)) {
          assert.strictEqual(found, newText)
        } else {
          assert.isTrue(found === newText || found === oldText)
          assert.strictEqual(lostBy(Option.getOrThrow(Cause.failureOption(exit.cause))), "ConnectionLost")
        }
        assert.deepStrictEqual(yield* files.readDirectory(path), ["file"])
      }
    }))
}

/** @internal */
export const atomicWrites = cases("atomic writes", commits, refusals, attributes, ifAbsent, durability, lostConnections)
