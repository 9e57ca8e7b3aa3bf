import { Format, RemoteError, RemoteFileSystem, RemoteTarget } from "@effect-remote/core"
import { Sshd } from "@effect-remote/testing"
import { Path } from "@effect/platform"
import { isPlatformError, type PlatformError } from "@effect/platform/Error"
import { FileSystem } from "@effect/platform/FileSystem"
import { assert, layer } from "@effect/vitest"
import { Array, Chunk, Deferred, Effect, Either, Exit, Fiber, Option, Schedule, Stream } from "effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import { nasty, type Suite } from "./support.js"

export const bytes = (text: string) => new TextEncoder().encode(text)

/** The host is this machine, so a test looks at its files without any SSH: names as bytes. */
export const name = (path: string): Buffer =>
  Buffer.concat(
    path.split(/([\udc80-\udcff]+)/u).map((part, index) =>
      index % 2 === 0 ? Buffer.from(part) : Buffer.from([...part].map((char) => char.charCodeAt(0) - 0xdc00))
    )
  )

const reasonOf = (error: unknown): string =>
  isPlatformError(error) ? error._tag === "SystemError" ? error.reason : error._tag : String(error)

export const failsWith = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.map(Effect.flip(effect), reasonOf)

let lastDirectory = 0

/** A fresh directory on the host, of the server's own. */
export const directory = Effect.map(Sshd.Sshd, (sshd) => {
  const path = `${sshd.directory}/files ${++lastDirectory}`
  Fs.mkdirSync(path)
  return path
})

export const isRoot = process.getuid?.() === 0

/** So many readers read a file again and again while it is rewritten so many times. */
export const rewriting = Effect.fnUntraced(function*(readers: number, rewrites: number) {
  const fs = yield* RemoteFileSystem.RemoteFileSystem
  const path = `${yield* directory}/file`
  const content = (version: number) => Buffer.alloc(20_000 + version * 100, version)
  yield* fs.atomicWrite(path, content(0))
  const done = yield* Deferred.make<void>()
  const seen = new Set<number>()
  const reader = Effect.gen(function*() {
    const whole = yield* fs.readFile(path)
    const version = whole[0]!
    assert.isTrue(content(version).equals(whole))
    seen.add(version)
  }).pipe(Effect.repeat({ schedule: Schedule.spaced("5 millis"), until: () => Deferred.isDone(done) }))
  const reading = yield* Effect.fork(Effect.all(Array.replicate(reader, readers), { concurrency: "unbounded" }))
  for (let version = 1; version <= rewrites; version++) yield* fs.atomicWrite(path, content(version))
  yield* Deferred.succeed(done, undefined)
  yield* Fiber.join(reading)
  assert.isAbove(seen.size, 1)
})

/** What files do on every transport. */
export const files = ({ layer: live, name: suite }: Suite) =>
  layer(live, { excludeTestServices: true, timeout: "60 seconds" })(`files on ${suite}`, (it) => {
    it.scoped("are opened, read and written at offsets", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = `${yield* directory}/file`
        const file = yield* fs.open(path, { flag: "w+", mode: 0o640 })
        yield* file.writeAll(bytes("hello, world"))
        yield* file.seek(7, "start")
        yield* file.writeAll(bytes("there"))
        yield* file.seek(-5, "current")
        assert.deepStrictEqual(yield* file.readAlloc(100), Option.some(bytes("there")))
        assert.deepStrictEqual(yield* file.readAlloc(100), Option.none())
        yield* file.seek(0, "start")
        const buffer = new Uint8Array(5)
        assert.strictEqual(Number(yield* file.read(buffer)), 5)
        assert.deepStrictEqual(buffer, bytes("hello"))
        yield* file.truncate(5)
        yield* file.sync
        assert.strictEqual(Number((yield* file.stat).size), 5)
        assert.strictEqual(Fs.readFileSync(path, "utf8"), "hello")
        const appended = yield* fs.open(path, { flag: "a" })
        yield* appended.writeAll(bytes("!"))
        yield* appended.writeAll(bytes("?"))
        assert.strictEqual(Fs.readFileSync(path, "utf8"), "hello!?")
      }))

    it.effect("are told apart by stat, lstat, exists and isDirectory", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        Fs.writeFileSync(`${path}/file`, "1234", { mode: 0o604 })
        Fs.symlinkSync("file", `${path}/link`)
        Fs.symlinkSync("nowhere", `${path}/dangling`)
        const info = yield* fs.stat(`${path}/link`)
        assert.strictEqual(info.type, "File")
        assert.strictEqual(Number(info.size), 4)
        assert.strictEqual(info.mode & 0o777, 0o604)
        const mtime = Option.getOrThrow(info.mtime).getTime()
        assert.strictEqual(mtime, Math.floor(Fs.statSync(`${path}/file`).mtimeMs / 1000) * 1000)
        assert.strictEqual((yield* fs.lstat(`${path}/link`)).type, "SymbolicLink")
        assert.strictEqual((yield* fs.stat(path)).type, "Directory")
        assert.deepStrictEqual(
          yield* Effect.all([
            fs.exists(`${path}/file`),
            fs.exists(`${path}/dangling`),
            fs.exists(`${path}/no`),
            fs.isDirectory(path),
            fs.isDirectory(`${path}/file`),
            fs.isDirectory(`${path}/no`)
          ]),
          [true, false, false, true, false, false]
        )
      }))

    it.effect("have names of any bytes", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        const names = [
          ...nasty.filter((part) => part.length > 0 && !part.includes("/") && part !== "."),
          "-rf",
          "x".repeat(255),
          "é".repeat(127),
          " leading and trailing ",
          "\udcff".repeat(255)
        ]
        for (const part of names) yield* fs.writeFileString(`${path}/${part}`, `in ${part.length}`)
        const found = Fs.readdirSync(path, { encoding: "buffer" }).map((entry) => entry.toString("latin1"))
        assert.sameMembers(found, names.map((part) => name(part).toString("latin1")))
        assert.sameMembers(yield* fs.readDirectory(path), names)
        for (const part of names) {
          yield* fs.atomicWrite(`${path}/${part}`, `again ${part.length}`)
          assert.strictEqual(yield* fs.readFileString(`${path}/${part}`), `again ${part.length}`)
          yield* fs.rename(`${path}/${part}`, `${path}/moved`)
          yield* fs.rename(`${path}/moved`, `${path}/${part}`)
          yield* fs.chmod(`${path}/${part}`, 0o600)
          yield* fs.utimes(`${path}/${part}`, 1, 2)
          yield* fs.truncate(`${path}/${part}`, 2)
          yield* fs.access(`${path}/${part}`, { readable: true, writable: true })
          yield* fs.copyFile(`${path}/${part}`, `${path}/copy`)
          yield* fs.remove(`${path}/copy`)
          assert.strictEqual(yield* fs.realPath(`${path}/${part}`), `${yield* fs.realPath(path)}/${part}`)
          yield* fs.link(`${path}/${part}`, `${path}/link`)
          yield* fs.remove(`${path}/${part}`)
          yield* fs.symlink(part, `${path}/symlink`)
          assert.strictEqual(yield* fs.readLink(`${path}/symlink`), part)
          yield* fs.copy(`${path}/link`, `${path}/symlink`)
          yield* fs.remove(`${path}/symlink`)
          yield* fs.rename(`${path}/link`, `${path}/${part}`)
          const info = yield* fs.lstat(`${path}/${part}`)
          assert.deepStrictEqual([Number(info.size), info.mode & 0o777], [2, 0o600])
          yield* fs.remove(`${path}/${part}`)
          yield* fs.makeDirectory(`${path}/${part}/${part.slice(0, 40)}`, { recursive: true })
          yield* fs.copy(`${path}/${part}`, `${path}/tree`)
          assert.deepStrictEqual(yield* fs.readDirectory(`${path}/tree`), [part.slice(0, 40)])
          yield* fs.remove(`${path}/tree`, { recursive: true })
          yield* fs.remove(`${path}/${part}`, { recursive: true })
        }
        assert.deepStrictEqual(yield* fs.readDirectory(path), [])
      }))

    it.effect("directories are made, with parents where asked, and removed", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        yield* fs.makeDirectory(`${path}/one`, { mode: 0o710 })
        assert.strictEqual(Fs.statSync(`${path}/one`).mode & 0o777, 0o710)
        assert.strictEqual(yield* failsWith(fs.makeDirectory(`${path}/one`)), "AlreadyExists")
        assert.strictEqual(yield* failsWith(fs.makeDirectory(`${path}/no/two`)), "NotFound")
        yield* fs.makeDirectory(`${path}/a/b/c/`, { recursive: true })
        yield* Effect.all(Array.makeBy(8, () => fs.makeDirectory(`${path}/at/the/same/time`, { recursive: true })), {
          concurrency: "unbounded"
        })
        Fs.writeFileSync(`${path}/file`, "")
        assert.strictEqual(yield* failsWith(fs.makeDirectory(`${path}/file`, { recursive: true })), "AlreadyExists")
        assert.strictEqual(yield* failsWith(fs.makeDirectory(`${path}/file/x`, { recursive: true })), "BadResource")
        Fs.symlinkSync(path, `${path}/a/up`)
        assert.strictEqual(yield* failsWith(fs.remove(`${path}/a`)), "Unknown")
        yield* fs.remove(`${path}/a`, { recursive: true })
        assert.strictEqual(yield* failsWith(fs.remove(`${path}/a`, { recursive: true })), "NotFound")
        yield* fs.remove(`${path}/a`, { recursive: true, force: true })
        assert.sameMembers(Fs.readdirSync(path), ["at", "file", "one"])
      }))

    it.effect("what nobody means to remove is refused, and a link is not followed", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        const home = yield* fs.realPath(".")
        Fs.mkdirSync(`${path}/kept`)
        Fs.writeFileSync(`${path}/kept/file`, "")
        Fs.symlinkSync("kept", `${path}/link`)
        Fs.symlinkSync(home, `${path}/home`)
        const up = home.split("/").slice(1).map(() => "..").join("/")
        for (const options of [{ recursive: true }, { recursive: true, force: true }, {}]) {
          for (
            const refused of ["", "/", "//", ".", "..", "./", up, home, `${home}/`, `${home}/.`, "/./", `/${up}`]
              .concat(home.split("/").slice(1).map((_, index) => home.split("/").slice(0, index + 1).join("/") || "/"))
          ) {
            assert.strictEqual(yield* failsWith(fs.remove(refused, options)), "BadArgument", refused)
          }
        }
        assert.strictEqual(yield* failsWith(fs.remove(`${path}/link/`, { recursive: true })), "BadResource")
        yield* fs.remove(`${path}/link`, { recursive: true })
        yield* fs.remove(`${path}/home`, { recursive: true })
        assert.deepStrictEqual(Fs.readdirSync(path), ["kept"])
        assert.deepStrictEqual(Fs.readdirSync(`${path}/kept`), ["file"])
        Fs.symlinkSync("../kept", `${path}/kept/in a circle`)
        Fs.symlinkSync(`${path}/outside`, `${path}/kept/outside`)
        Fs.mkdirSync(`${path}/outside`)
        yield* fs.remove(`${path}/kept`, { recursive: true })
        assert.deepStrictEqual(Fs.readdirSync(path), ["outside"])
      }))

    it.effect("the home of a user is found, and the space on a disk", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const home = yield* fs.realPath(".")
        assert.strictEqual(yield* fs.expandPath("~"), home)
        assert.strictEqual(yield* fs.expandPath("~/x"), `${home}/x`)
        assert.strictEqual(yield* fs.expandPath("/tmp/../~"), "/~")
        assert.strictEqual(yield* fs.expandPath("~root"), Fs.realpathSync("/root"))
        assert.strictEqual(yield* failsWith(fs.expandPath("~nobody-of-that-name")), "NotFound")
        const { bavail, blocks, bsize } = Fs.statfsSync("/", { bigint: true })
        const free = yield* fs.diskFree("/")
        assert.strictEqual(free.size, blocks * bsize)
        // Others write to it meanwhile.
        assert.isBelow(Math.abs(Number(free.available - bavail * bsize)), 2 ** 30)
        assert.strictEqual(yield* failsWith(fs.diskFree("/no/such/path")), "NotFound")
      }))

    it.effect("asking whether a directory can be written to leaves nothing in it", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        execFileSync("mkfifo", [`${path}/pipe`])
        yield* fs.access(path, { readable: true, writable: true })
        // Its other end is open nowhere.
        yield* fs.access(`${path}/pipe`, { readable: true, writable: true })
        assert.deepStrictEqual(Fs.readdirSync(path), ["pipe"])
      }))

    it.effect("a copy is whole, keeps hard links apart, and leaves its target where it cannot be made", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        const content = Buffer.from(Array.makeBy(5_000_000, (index) => (index * 7919) % 256))
        Fs.writeFileSync(`${path}/file`, content)
        Fs.linkSync(`${path}/file`, `${path}/same`)
        yield* fs.copyFile(`${path}/file`, `${path}/same`)
        assert.isTrue(content.equals(Fs.readFileSync(`${path}/same`)))
        yield* fs.copyFile("/proc/self/status", `${path}/status`)
        assert.include(Fs.readFileSync(`${path}/status`, "utf8"), "Name:")
        Fs.mkdirSync(`${path}/directory`)
        assert.strictEqual(yield* failsWith(fs.copyFile(`${path}/directory`, `${path}/same`)), "BadResource")
        assert.isTrue(content.equals(Fs.readFileSync(`${path}/same`)))
      }))

    it.effect("code for the platform's FileSystem and Path works on them", () =>
      Effect.gen(function*() {
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
        assert.strictEqual(Fs.readFileSync(`${at}/b/file`, "utf8"), "by its own words")
      }))

    it.effect("numbers that SFTP cannot carry are refused", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = `${yield* directory}/file`
        Fs.writeFileSync(path, "text")
        const before = Fs.statSync(path)
        for (
          const effect of [
            fs.utimes(path, -1, 0),
            fs.utimes(path, 0, 2 ** 32),
            fs.utimes(path, Number.NaN, 0),
            fs.utimes(path, new Date(Number.NaN), 0),
            fs.chown(path, -1, 0),
            fs.chown(path, 0, 1.5),
            fs.truncate(path, -1),
            fs.truncate(path, 0.5),
            fs.makeTempDirectory({ prefix: "../x" }),
            fs.makeTempFile({ suffix: "/x" })
          ]
        ) {
          assert.strictEqual(yield* failsWith(effect), "BadArgument")
        }
        assert.strictEqual(Fs.statSync(path).mtimeMs, before.mtimeMs)
        assert.strictEqual(Fs.readFileSync(path, "utf8"), "text")
      }))

    it.effect("two that remove the same tree leave nothing of it", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = `${yield* directory}/tree`
        for (let index = 0; index < 40; index++) {
          Fs.mkdirSync(`${path}/${index % 5}/${index}`, { recursive: true })
          Fs.writeFileSync(`${path}/${index % 5}/${index}/file`, "")
        }
        const remove = fs.remove(path, { recursive: true, force: true })
        const results = yield* Effect.all([Effect.either(remove), Effect.either(remove)], { concurrency: 2 })
        assert.isTrue(results.every(Either.isRight) && !Fs.existsSync(path))
      }))

    it.effect("numbers of bytes that are none are refused", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        for (const options of [{ offset: 1.5 }, { offset: -1 }, { chunkSize: NaN }, { bytesToRead: -1n }]) {
          assert.strictEqual(yield* failsWith(Stream.runDrain(fs.stream("/etc/passwd", options))), "BadArgument")
        }
      }))

    it.effect("rename replaces a file in one step, and fails onto a directory", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        Fs.writeFileSync(`${path}/old`, "old")
        Fs.writeFileSync(`${path}/new`, "new")
        Fs.mkdirSync(`${path}/directory`)
        yield* fs.rename(`${path}/new`, `${path}/old`)
        assert.strictEqual(Fs.readFileSync(`${path}/old`, "utf8"), "new")
        assert.strictEqual(yield* failsWith(fs.rename(`${path}/old`, `${path}/directory`)), "BadResource")
        assert.strictEqual(yield* failsWith(fs.rename(`${path}/no`, `${path}/other`)), "NotFound")
        assert.strictEqual(yield* failsWith(fs.rename(`${path}/old`, `${path}/no/other`)), "NotFound")
      }))

    it.effect("what Node's file system says to a mistake is said here", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        Fs.writeFileSync(`${path}/file`, "")
        Fs.symlinkSync("loop", `${path}/loop`)
        const cases: ReadonlyArray<readonly [string, Effect.Effect<unknown, PlatformError>]> = [
          ["NotFound", fs.readFile("")],
          ["BadArgument", fs.readFile(`${path}/a\0b`)],
          ["BadArgument", fs.readFile(`${path}/\ud800`)],
          ["NotFound", fs.readFile(`${path}/no`)],
          ["NotFound", fs.writeFileString(`${path}/no/file`, "")],
          ["BadResource", fs.readFile(`${path}/file/below`)],
          ["BadResource", fs.stat(`${path}/file/below/it`)],
          ["BadResource", fs.writeFileString(`${path}/file/below`, "")],
          ["BadResource", fs.readFile(path)],
          ["BadResource", fs.writeFileString(path, "")],
          ["BadResource", fs.readDirectory(`${path}/file`)],
          ["BadResource", fs.readFile(`${path}/loop`)],
          ["AlreadyExists", fs.writeFileString(`${path}/file`, "", { flag: "wx" })],
          ["Unknown", fs.writeFileString(`${path}/${"x".repeat(256)}`, "")],
          ["Unknown", fs.writeFileString("/dev/full", "some")]
        ]
        for (const [index, [reason, effect]] of cases.entries()) {
          assert.strictEqual(yield* failsWith(effect), reason, `case ${index}`)
        }
        const error = yield* Effect.flip(fs.readFile(`${path}/no`))
        assert(error._tag === "SystemError" && error.cause instanceof RemoteError.SftpStatusError)
        assert.strictEqual(error.cause.code, 2)
        assert.strictEqual(error.pathOrDescriptor, `${path}/no`)
      }))

    // Root may do anything; CI runs the tests as an ordinary user, too.
    it.effect.skipIf(isRoot)("what the host does not permit is PermissionDenied", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        Fs.writeFileSync(`${path}/secret`, "", { mode: 0 })
        Fs.mkdirSync(`${path}/closed`, { mode: 0o500 })
        assert.strictEqual(yield* failsWith(fs.readFile(`${path}/secret`)), "PermissionDenied")
        assert.strictEqual(yield* failsWith(fs.writeFileString(`${path}/closed/file`, "")), "PermissionDenied")
        assert.strictEqual(yield* failsWith(fs.atomicWrite(`${path}/closed/file`, "")), "PermissionDenied")
        assert.deepStrictEqual(Fs.readdirSync(`${path}/closed`), [])
      }))

    it.effect("a stream reads to the end of the file, whatever its size says", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = `${yield* directory}/file`
        const content = Buffer.from(Array.makeBy(3_000_001, (index) => (index * 7919) % 256))
        Fs.writeFileSync(path, content)
        const read = (options?: Parameters<typeof fs.stream>[1]) =>
          Effect.map(Stream.runCollect(fs.stream(path, options)), (parts) => Buffer.concat(Chunk.toArray(parts)))
        assert.isTrue(content.equals(yield* read()))
        assert.isTrue(content.subarray(1_000_000).equals(yield* read({ offset: 1_000_000 })))
        assert.isTrue(content.subarray(5, 1_000_005).equals(yield* read({ offset: 5, bytesToRead: 1_000_000 })))
        assert.isTrue(content.subarray(0, 100_000).equals(yield* read({ bytesToRead: 100_000, chunkSize: 1000 })))
        assert.strictEqual((yield* read({ offset: 4_000_000 })).length, 0)
        assert.include(yield* fs.readFileString("/proc/self/status"), "Name:")
        assert.strictEqual((yield* fs.readFile("/dev/null")).length, 0)
        const first = yield* Stream.runHead(fs.stream(path))
        assert.isTrue(Option.isSome(first))
      }))

    it.effect("a sink writes chunks of any size in order", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = `${yield* directory}/file`
        const parts = [0, 1, 100_000, 0, 700_001, 3, 262_144].map((size, index) =>
          new Uint8Array(size).map((_, at) => (at * 31 + index) % 256)
        )
        yield* Stream.run(Stream.fromIterable(parts), fs.sink(path, { mode: 0o600 }))
        assert.isTrue(Buffer.concat(parts).equals(Fs.readFileSync(path)))
        assert.strictEqual(Fs.statSync(path).mode & 0o777, 0o600)
        yield* Stream.run(Stream.make(bytes("tail")), fs.sink(path, { flag: "a" }))
        assert.strictEqual(Fs.readFileSync(path).subarray(-4).toString(), "tail")
        assert.strictEqual(
          yield* Effect.flip(Stream.run(Stream.fail("upstream"), fs.sink(path))),
          "upstream"
        )
      }))

    it.effect("a thousand stats at once, with an interrupted read among them", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        Fs.writeFileSync(`${path}/large`, new Uint8Array(20_000_000))
        Fs.writeFileSync(`${path}/file`, "12345")
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

    it.effect("an atomic write shows nothing before its commit, and then all", () =>
      Effect.gen(function*() {
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
        const [temporary] = Fs.readdirSync(parent)
        assert.match(temporary ?? "", /^\.effect-remote-[0-9a-f]{32}\.tmp$/)
        yield* Deferred.succeed(half, undefined)
        yield* Fiber.join(writing)
        assert.deepStrictEqual(Fs.readdirSync(parent), ["file"])
        assert.strictEqual(Fs.readFileSync(target, "utf8"), "first half, second half")
      }))

    it.effect("an atomic write that fails, or is interrupted, leaves the old file and nothing beside it", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        const target = `${path}/file`
        const untouched = () => {
          assert.deepStrictEqual(Fs.readdirSync(path), ["file"])
          assert.strictEqual(Fs.readFileSync(target, "utf8"), "old")
        }
        Fs.writeFileSync(target, "old")
        const some = Stream.make(new Uint8Array(300_000))
        assert.strictEqual(
          yield* Effect.flip(fs.atomicWrite(target, Stream.concat(some, Stream.fail("body")))),
          "body"
        )
        untouched()
        const died = yield* Effect.exit(fs.atomicWrite(target, Stream.concat(some, Stream.die("bug"))))
        assert.isTrue(Exit.isFailure(died))
        untouched()
        const reached = yield* Deferred.make<void>()
        const endless = Stream.concat(
          some,
          Stream.execute(Effect.zipRight(Deferred.succeed(reached, undefined), Effect.never))
        )
        const fiber = yield* Effect.fork(Stream.run(endless, fs.atomicSink(target)))
        yield* Deferred.await(reached)
        yield* Fiber.interrupt(fiber)
        untouched()
      }))

    it.effect("an atomic write onto a directory is refused, with nothing in it", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        Fs.mkdirSync(`${path}/directory`)
        for (const target of [`${path}/directory`, `${path}/directory/`, `${path}/directory/.`, `${path}/new/`]) {
          assert.strictEqual(yield* failsWith(fs.atomicWrite(target, "x")), "BadResource", target)
        }
        execFileSync("mkfifo", [`${path}/pipe`])
        assert.strictEqual(yield* failsWith(fs.atomicWrite(`${path}/pipe`, "x")), "BadResource")
        assert.deepStrictEqual(Fs.readdirSync(path), ["directory", "pipe"])
        assert.deepStrictEqual(Fs.readdirSync(`${path}/directory`), [])
      }))

    it.effect("a commit that fails is a failure of the write, and removes what was written", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        // The target becomes a directory while the write is under way.
        const content = Stream.concat(
          Stream.make(bytes("half")),
          Stream.execute(Effect.sync(() => Fs.mkdirSync(`${path}/target`)))
        )
        assert.strictEqual(yield* failsWith(fs.atomicWrite(`${path}/target`, content)), "BadResource")
        assert.deepStrictEqual(Fs.readdirSync(path), ["target"])
        assert.deepStrictEqual(Fs.readdirSync(`${path}/target`), [])
      }))

    it.effect("an atomic write keeps the mode of what it replaces, and follows a link", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        Fs.writeFileSync(`${path}/file`, "old")
        Fs.chmodSync(`${path}/file`, 0o4751)
        Fs.writeFileSync(`${path}/mine`, "")
        Fs.chmodSync(`${path}/mine`, 0o640)
        Fs.symlinkSync("file", `${path}/link`)
        yield* fs.atomicWrite(`${path}/link`, "new")
        assert.strictEqual(Fs.readFileSync(`${path}/file`, "utf8"), "new")
        // Set-user-id is for the owner that the old file had.
        assert.strictEqual(Fs.statSync(`${path}/file`).mode & 0o7777, 0o751)
        yield* fs.get(`${path}/file`, `${path}/mine`, { preserve: { mode: false } })
        assert.strictEqual(Fs.statSync(`${path}/mine`).mode & 0o7777, 0o640)
        assert.isTrue(Fs.lstatSync(`${path}/link`).isSymbolicLink())
        yield* fs.atomicWrite(`${path}/file`, "newer", { mode: 0o600 })
        assert.strictEqual(Fs.statSync(`${path}/file`).mode & 0o7777, 0o600)
        yield* fs.atomicWrite(`${path}/fresh`, "")
        Fs.writeFileSync(`${path}/plain`, "")
        assert.strictEqual(Fs.statSync(`${path}/fresh`).mode, Fs.statSync(`${path}/plain`).mode)
      }))

    it.effect("readers during rewrites never see a torn file", () => rewriting(10, 25))

    it.effect("a connection lost in the middle of a write leaves the old file, and is found in the error", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const { dropConnections } = yield* Sshd.Sshd
        const path = yield* directory
        Fs.writeFileSync(`${path}/file`, "old")
        const content = Stream.concat(Stream.make(new Uint8Array(100_000)), Stream.execute(dropConnections)).pipe(
          Stream.concat(Stream.repeatValue(new Uint8Array(100_000)))
        )
        const error = yield* Effect.flip(fs.atomicWrite(`${path}/file`, content))
        assert(error._tag === "SystemError")
        assert.strictEqual(Option.getOrThrow(RemoteError.connectionError(error)).reason, "ConnectionLost")
        // The next use connects again; so did the clean-up.
        assert.strictEqual(yield* fs.readFileString(`${path}/file`), "old")
        assert.deepStrictEqual(yield* fs.readDirectory(path), ["file"])
      }))

    it.scoped("put and get copy a file as it is, atomically", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        const content = Buffer.from(Array.makeBy(1_500_000, (index) => index % 253))
        Fs.writeFileSync(`${path}/local`, content)
        yield* fs.put(`${path}/local`, `${path}/new/remote`)
        assert.isTrue(content.equals(Fs.readFileSync(`${path}/new/remote`)))
        yield* fs.get(`${path}/new/remote`, `${path}/back`)
        assert.isTrue(content.equals(Fs.readFileSync(`${path}/back`)))
        assert.strictEqual(yield* failsWith(fs.get(`${path}/no`, `${path}/back`)), "NotFound")
        assert.strictEqual(yield* failsWith(fs.put(`${path}/no`, `${path}/new/remote`)), "NotFound")
        assert.deepStrictEqual(Fs.readdirSync(path).sort(), ["back", "local", "new"])
        assert.deepStrictEqual(Fs.readdirSync(`${path}/new`), ["remote"])
      }))

    it.effect("a target of text is written and read as values", () =>
      Effect.gen(function*() {
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
        assert.deepStrictEqual(Fs.readdirSync(`${path}/deep`), ["text"])
        Fs.writeFileSync(`${path}/latin1`, Buffer.from([0x67, 0xfc]))
        const wrong = RemoteTarget.make(`${path}/latin1`, Format.text)
        assert.strictEqual(yield* failsWith(Stream.runDrain(wrong.read)), "BadArgument")
        const raw = RemoteTarget.make(`${path}/latin1`, Format.bytes)
        assert.deepStrictEqual(Chunk.toArray(yield* Stream.runCollect(raw.read)), [new Uint8Array([0x67, 0xfc])])
        yield* raw.put(`${path}/deep/text`)
        yield* raw.get(`${path}/copy`)
        assert.strictEqual(Fs.readFileSync(`${path}/copy`, "utf8"), "grüße €\n🚀")
        const fs = yield* raw.fs
        yield* fs.remove(raw.path)
        assert.isFalse(yield* raw.exists)
      }))
  })
