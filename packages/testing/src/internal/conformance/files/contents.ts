/**
 * Reading, writing and copying.
 */
import * as Format from "@effect-remote/core/Format"
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import * as RemoteTarget from "@effect-remote/core/RemoteTarget"
import { FileSystem } from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import { assert } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { ConformanceHost } from "../../../ConformanceHost.js"
import type { Group } from "../cases.js"
import { bytes, directory, failsWith, localDirectory, localFiles, write } from "../support.js"

/** @internal */
export const handles: Group = (test) => {
  test("are opened, read and written at offsets", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = `${yield* directory}/file`
      const file = yield* fs.open(path, { flag: "w+", mode: 0o640 })
      yield* file.writeAll(bytes("hello, world"))
      yield* file.seek(7, "start")
      yield* file.writeAll(bytes("there"))
      yield* file.seek(-5, "current")
      assert.deepStrictEqual(yield* file.readAlloc(100), Option.some(bytes("there")))
      assert.deepStrictEqual(yield* file.readAlloc(100), Option.none())
      // FOUND A25: the position, though the platform types it as void.
      const position: unknown = yield* file.seek(0, "start")
      assert.strictEqual(position, 0n)
      const buffer = new Uint8Array(5)
      assert.strictEqual(Number(yield* file.read(buffer)), 5)
      assert.deepStrictEqual(buffer, bytes("hello"))
      yield* file.truncate(5)
      yield* file.sync
      assert.strictEqual(Number((yield* file.stat).size), 5)
      assert.strictEqual(yield* files.readFileString(path), "hello")
      const appended = yield* fs.open(path, { flag: "a" })
      yield* appended.writeAll(bytes("!"))
      yield* appended.writeAll(bytes("?"))
      assert.strictEqual(yield* files.readFileString(path), "hello!?")
    }))

  test("a stream reads to the end of the file, whatever its size says", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = `${yield* directory}/file`
      const content = Buffer.from(Array.makeBy(3_000_001, (index) => (index * 7919) % 256))
      yield* write(files, path, content)
      const read = (options?: Parameters<typeof fs.stream>[1]) =>
        Effect.map(Stream.runCollect(fs.stream(path, options)), (parts) => Buffer.concat(Chunk.toArray(parts)))
      assert.isTrue(content.equals(yield* read()))
      assert.isTrue(content.subarray(1_000_000).equals(yield* read({ offset: 1_000_000 })))
      assert.isTrue(content.subarray(5, 1_000_005).equals(yield* read({ offset: 5, bytesToRead: 1_000_000 })))
      assert.isTrue(content.subarray(0, 100_000).equals(yield* read({ bytesToRead: 100_000, chunkSize: 1000 })))
      assert.strictEqual((yield* read({ offset: 4_000_000 })).length, 0)
      const first = yield* Stream.runHead(fs.stream(path))
      assert.isTrue(Option.isSome(first))
    }))

  test("a sink writes chunks of any size in order", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = `${yield* directory}/file`
      const parts = [0, 1, 100_000, 0, 700_001, 3, 262_144].map((size, index) =>
        new Uint8Array(size).map((_, at) => (at * 31 + index) % 256)
      )
      yield* Stream.run(Stream.fromIterable(parts), fs.sink(path, { mode: 0o600 }))
      assert.isTrue(Buffer.concat(parts).equals(yield* files.readFile(path)))
      assert.strictEqual((yield* files.stat(path)).mode & 0o777, 0o600)
      yield* Stream.run(Stream.make(bytes("tail")), fs.sink(path, { flag: "a" }))
      assert.strictEqual((yield* files.readFileString(path, "latin1")).slice(-4), "tail")
      assert.strictEqual(
        yield* Effect.flip(Stream.run(Stream.fail("upstream"), fs.sink(path))),
        "upstream"
      )
    }))
}

/** @internal */
export const concurrency: Group = (test) => {
  // FOUND A18
  test("more files are read at once than a server keeps open", () =>
    Effect.gen(function*() {
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = `${yield* directory}/file`
      yield* fs.writeFileString(path, "text")
      const all = yield* Effect.all(Array.makeBy(1200, () => fs.readFileString(path)), { concurrency: "unbounded" })
      assert.isTrue(all.every((text) => text === "text"))
    }))

  test("a thousand stats at once, with an interrupted read among them", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* write(files, `${path}/large`, new Uint8Array(20_000_000))
      yield* write(files, `${path}/file`, "12345")
      const reading = yield* Effect.fork(fs.readFile(`${path}/large`))
      const opening = yield* Effect.fork(
        Effect.forEach(Array.range(1, 100), () => Effect.scoped(fs.open(`${path}/file`)), {
          concurrency: "unbounded"
        })
      )
      const stats = yield* Effect.fork(
        Effect.forEach(Array.range(1, 1000), () => fs.stat(`${path}/file`), { concurrency: "unbounded" })
      )
      yield* Effect.yieldNow()
      yield* Fiber.interrupt(reading)
      yield* Fiber.interrupt(opening)
      const sizes = (yield* Fiber.join(stats)).map(({ size }) => Number(size))
      assert.deepStrictEqual(sizes, Array.replicate(5, 1000))
      assert.strictEqual((yield* fs.readFile(`${path}/large`)).length, 20_000_000)
    }))
}

/** @internal */
export const copies: Group = (test) => {
  test("a copy is whole, keeps hard links apart, and leaves its target where it cannot be made", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      const content = Buffer.from(Array.makeBy(5_000_000, (index) => (index * 7919) % 256))
      yield* write(files, `${path}/file`, content)
      yield* files.link(`${path}/file`, `${path}/same`)
      yield* fs.copyFile(`${path}/file`, `${path}/same`)
      assert.isTrue(content.equals(yield* files.readFile(`${path}/same`)))
      yield* files.makeDirectory(`${path}/directory`)
      assert.strictEqual(yield* failsWith(fs.copyFile(`${path}/directory`, `${path}/same`)), "BadResource")
      assert.isTrue(content.equals(yield* files.readFile(`${path}/same`)))
    }))

  test("rename replaces a file in one step, and fails onto a directory", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* write(files, `${path}/old`, "old")
      yield* write(files, `${path}/new`, "new")
      yield* files.makeDirectory(`${path}/directory`)
      yield* fs.rename(`${path}/new`, `${path}/old`)
      assert.strictEqual(yield* files.readFileString(`${path}/old`), "new")
      assert.strictEqual(yield* failsWith(fs.rename(`${path}/old`, `${path}/directory`)), "BadResource")
      assert.strictEqual(yield* failsWith(fs.rename(`${path}/no`, `${path}/other`)), "NotFound")
      assert.strictEqual(yield* failsWith(fs.rename(`${path}/old`, `${path}/no/other`)), "NotFound")
    }))

  test("put and get copy a file as it is, atomically", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      const local = yield* localFiles
      const here = yield* localDirectory
      const content = Buffer.from(Array.makeBy(1_500_000, (index) => index % 253))
      yield* write(local, `${here}/file`, content)
      yield* fs.put(`${here}/file`, `${path}/new/remote`)
      assert.isTrue(content.equals(yield* files.readFile(`${path}/new/remote`)))
      yield* fs.get(`${path}/new/remote`, `${here}/back`)
      assert.isTrue(content.equals(yield* local.readFile(`${here}/back`)))
      assert.strictEqual(yield* failsWith(fs.get(`${path}/no`, `${here}/back`)), "NotFound")
      assert.strictEqual(yield* failsWith(fs.put(`${here}/no`, `${path}/new/remote`)), "NotFound")
      assert.sameMembers(yield* local.readDirectory(here), ["back", "file"])
      assert.deepStrictEqual(yield* files.readDirectory(`${path}/new`), ["remote"])
      // Without `preserve.mode` the file keeps its mode.
      yield* local.chmod(`${here}/back`, 0o640)
      yield* fs.get(`${path}/new/remote`, `${here}/back`, { preserve: { mode: false } })
      assert.strictEqual((yield* local.stat(`${here}/back`)).mode & 0o7777, 0o640)
    }))
}

/** @internal */
export const targets: Group = (test) => {
  test("code for the platform's FileSystem and Path works on them", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const at = yield* directory
      const program = Effect.gen(function*() {
        const fs = yield* FileSystem
        const path = yield* Path.Path
        const file = path.join(at, "a", "..", "b", "file")
        yield* fs.makeDirectory(path.dirname(file), { recursive: true })
        yield* fs.writeFileString(file, "by its own words")
        return yield* fs.readFileString(path.resolve(file))
      })
      assert.strictEqual(
        yield* program.pipe(Effect.provide(RemoteFileSystem.layerFileSystem)),
        "by its own words"
      )
      assert.strictEqual(yield* files.readFileString(`${at}/b/file`), "by its own words")
    }))

  test("a target of text is written and read as values", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const local = yield* localFiles
      const here = yield* localDirectory
      const path = yield* directory
      const target = RemoteTarget.make(`${path}/deep/text`, Format.text)
      assert.isFalse(yield* target.exists)
      assert.strictEqual(yield* failsWith(Stream.runDrain(target.read)), "NotFound")
      yield* Stream.run(Stream.make("grüße ", "€\n", "🚀"), target.write)
      assert.isTrue(yield* target.exists)
      assert.strictEqual(yield* Stream.mkString(target.read), "grüße €\n🚀")
      assert.strictEqual(
        yield* Effect.flip(Stream.run(Stream.concat(Stream.make("x"), Stream.fail("half")), target.write)),
        "half"
      )
      assert.strictEqual(yield* Stream.mkString(target.read), "grüße €\n🚀")
      assert.deepStrictEqual(yield* files.readDirectory(`${path}/deep`), ["text"])
      yield* write(files, `${path}/latin1`, Buffer.from([0x67, 0xfc]))
      const wrong = RemoteTarget.make(`${path}/latin1`, Format.text)
      assert.strictEqual(yield* failsWith(Stream.runDrain(wrong.read)), "BadArgument")
      const raw = RemoteTarget.make(`${path}/latin1`, Format.bytes)
      assert.deepStrictEqual(Chunk.toArray(yield* Stream.runCollect(raw.read)), [new Uint8Array([0x67, 0xfc])])
      yield* write(local, `${here}/text`, "grüße €\n🚀")
      yield* raw.put(`${here}/text`)
      yield* raw.get(`${here}/copy`)
      assert.strictEqual(yield* local.readFileString(`${here}/copy`), "grüße €\n🚀")
      const fs = yield* raw.fs
      yield* fs.remove(raw.path)
      assert.isFalse(yield* raw.exists)
    }))
}
