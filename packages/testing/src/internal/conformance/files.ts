import * as Format from "@effect-remote/core/Format"
import * as RemoteContext from "@effect-remote/core/RemoteContext"
import * as RemoteError from "@effect-remote/core/RemoteError"
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import * as RemoteTarget from "@effect-remote/core/RemoteTarget"
import type * as Transfer from "@effect-remote/core/Transfer"
import * as Command from "@effect/platform/Command"
import type { PlatformError } from "@effect/platform/Error"
import { FileSystem } from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import { assert } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { ConformanceHost } from "../../ConformanceHost.js"
import { cases } from "./cases.js"
import { bytes, directory, failsWith, isRoot, localDirectory, localFiles, makePipe, nasty, write } from "./support.js"

/** @internal */
export const files = cases("files", (test) => {
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

  // FOUND A20
  test("refuse a path that begins with ~, whatever is to be done with it", () =>
    Effect.gen(function*() {
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      const here = yield* localDirectory
      yield* fs.writeFileString(`${path}/file`, "")
      yield* write(yield* localFiles, `${here}/file`)
      for (const home of ["~", "~/er/x", "~root", "~root/er/x"]) {
        const verbs: Readonly<Record<string, Effect.Effect<unknown, PlatformError | Transfer.TransferError>>> = {
          access: fs.access(home),
          atomicSink: Stream.run(Stream.make(bytes("x")), fs.atomicSink(home)),
          atomicWrite: fs.atomicWrite(home, "x"),
          chmod: fs.chmod(home, 0o600),
          copy: fs.copy(path, home),
          "copy from": fs.copy(home, path),
          copyFile: fs.copyFile(`${path}/file`, home),
          digest: fs.digest(home),
          diskFree: fs.diskFree(home),
          exists: fs.exists(home),
          get: fs.get(`${path}/file`, home),
          "get from": fs.get(home, `${here}/got`),
          link: fs.link(`${path}/file`, home),
          listFiles: fs.listFiles(home),
          lstat: fs.lstat(home),
          makeDirectory: fs.makeDirectory(home),
          "makeDirectory, recursive": fs.makeDirectory(home, { recursive: true }),
          makeTempDirectory: fs.makeTempDirectory({ directory: home }),
          makeTempFile: fs.makeTempFile({ directory: home }),
          open: Effect.scoped(fs.open(home, { flag: "w" })),
          put: fs.put(`${here}/file`, home),
          "put from": fs.put(home, `${path}/put`),
          readDirectory: fs.readDirectory(home),
          readFile: fs.readFile(home),
          readLink: fs.readLink(home),
          realPath: fs.realPath(home),
          remove: fs.remove(home, { recursive: true, force: true }),
          rename: fs.rename(home, `${path}/renamed`),
          "rename to": fs.rename(`${path}/file`, home),
          sink: Stream.run(Stream.make(bytes("x")), fs.sink(home)),
          stat: fs.stat(home),
          stream: Stream.runDrain(fs.stream(home)),
          sweepTemporary: fs.sweepTemporary(home, 0),
          symlink: fs.symlink("file", home),
          truncate: fs.truncate(home),
          utimes: fs.utimes(home, 0, 0),
          walk: Stream.runDrain(fs.walk(home)),
          watch: Stream.runDrain(fs.watch(home)),
          writeFile: fs.writeFileString(home, "x")
        }
        for (const [name, verb] of Object.entries(verbs)) {
          const error = yield* Effect.flip(verb)
          assert.strictEqual(error._tag, "BadArgument", `${name} of ${home}: ${error.message}`)
          assert.include(error.message, "expandPath", name)
        }
      }
      assert.deepStrictEqual(yield* fs.readDirectory(path), ["file"])
      // What a link names is not a path of ours, and "./" is said.
      yield* fs.symlink("~", `${path}/link`)
      assert.strictEqual(yield* fs.readLink(`${path}/link`), "~")
      assert.isFalse(yield* fs.exists("./~ of no such name"))
    }))

  test("are told apart by stat, lstat, exists and isDirectory", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* write(files, `${path}/file`, "1234", { mode: 0o604 })
      yield* files.symlink("file", `${path}/link`)
      yield* files.symlink("nowhere", `${path}/dangling`)
      const info = yield* fs.stat(`${path}/link`)
      assert.strictEqual(info.type, "File")
      assert.strictEqual(Number(info.size), 4)
      assert.strictEqual(info.mode & 0o777, 0o604)
      const mtime = Option.getOrThrow(info.mtime).getTime()
      const written = Option.getOrThrow((yield* files.stat(`${path}/file`)).mtime).getTime()
      assert.strictEqual(mtime, Math.floor(written / 1000) * 1000)
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

  test("have names of any bytes", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
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
      // By another way: each is there as the shell has it, and nothing else is.
      const each = "for name do test -e \"$name\" || exit 1; done"
      const paths = names.map((part) => `${path}/${part}`)
      assert.strictEqual(yield* RemoteContext.exitCode(Command.make("sh", "-c", each, "sh", ...paths)), 0)
      assert.strictEqual((yield* files.readDirectory(path)).length, names.length)
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

  test("directories are made, with parents where asked, and removed", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* fs.makeDirectory(`${path}/one`, { mode: 0o710 })
      assert.strictEqual((yield* files.stat(`${path}/one`)).mode & 0o777, 0o710)
      assert.strictEqual(yield* failsWith(fs.makeDirectory(`${path}/one`)), "AlreadyExists")
      assert.strictEqual(yield* failsWith(fs.makeDirectory(`${path}/no/two`)), "NotFound")
      yield* fs.makeDirectory(`${path}/a/b/c/`, { recursive: true })
      yield* Effect.all(Array.makeBy(8, () => fs.makeDirectory(`${path}/at/the/same/time`, { recursive: true })), {
        concurrency: "unbounded"
      })
      yield* write(files, `${path}/file`, "")
      assert.strictEqual(yield* failsWith(fs.makeDirectory(`${path}/file`, { recursive: true })), "AlreadyExists")
      assert.strictEqual(yield* failsWith(fs.makeDirectory(`${path}/file/x`, { recursive: true })), "BadResource")
      yield* files.symlink(path, `${path}/a/up`)
      assert.strictEqual(yield* failsWith(fs.remove(`${path}/a`)), "Unknown")
      yield* fs.remove(`${path}/a`, { recursive: true })
      assert.strictEqual(yield* failsWith(fs.remove(`${path}/a`, { recursive: true })), "NotFound")
      yield* fs.remove(`${path}/a`, { recursive: true, force: true })
      assert.sameMembers(yield* files.readDirectory(path), ["at", "file", "one"])
    }))

  test("what nobody means to remove is refused, and a link is not followed", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      const home = yield* fs.realPath(".")
      yield* files.makeDirectory(`${path}/kept`)
      yield* write(files, `${path}/kept/file`, "")
      yield* files.symlink("kept", `${path}/link`)
      yield* files.symlink(home, `${path}/home`)
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
      assert.deepStrictEqual(yield* files.readDirectory(path), ["kept"])
      assert.deepStrictEqual(yield* files.readDirectory(`${path}/kept`), ["file"])
      yield* files.symlink("../kept", `${path}/kept/in a circle`)
      yield* files.symlink(`${path}/outside`, `${path}/kept/outside`)
      yield* files.makeDirectory(`${path}/outside`)
      yield* fs.remove(`${path}/kept`, { recursive: true })
      assert.deepStrictEqual(yield* files.readDirectory(path), ["outside"])
    }))

  test("the home of a user is found, and the space on a disk", () =>
    Effect.gen(function*() {
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const home = yield* fs.realPath(".")
      assert.strictEqual(yield* fs.expandPath("~"), home)
      assert.strictEqual(yield* fs.expandPath("~/x"), `${home}/x`)
      assert.strictEqual(yield* fs.expandPath("/tmp/../~"), "/~")
      assert.strictEqual(yield* fs.expandPath("~root"), yield* fs.realPath("/root"))
      assert.strictEqual(yield* failsWith(fs.expandPath("~nobody-of-that-name")), "NotFound")
      const { available, size } = yield* fs.diskFree("/")
      assert.isTrue(available > 0n && available <= size)
      assert.strictEqual(yield* failsWith(fs.diskFree("/no/such/path")), "NotFound")
    }))

  test("asking whether a directory can be written to leaves nothing in it", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* fs.access(path, { readable: true, writable: true })
      assert.deepStrictEqual(yield* files.readDirectory(path), [])
    }))

  test(
    "named pipes are asked about, and written to by no atomic write, without being opened",
    () =>
      Effect.gen(function*() {
        const { files } = yield* ConformanceHost
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        yield* makePipe(`${path}/pipe`)
        // Its other end is open nowhere.
        yield* fs.access(`${path}/pipe`, { readable: true, writable: true })
        assert.strictEqual(yield* failsWith(fs.atomicWrite(`${path}/pipe`, "x")), "BadResource")
        assert.deepStrictEqual(yield* files.readDirectory(path), ["pipe"])
      }),
    "specialFiles"
  )

  // FOUND E13
  test("a pipe that nobody writes to holds up no other operation", () =>
    Effect.gen(function*() {
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* makePipe(`${path}/pipe`)
      yield* fs.writeFileString(`${path}/file`, "text")
      // Abandoned, and while somebody waits for it. A server that cannot read from pipes fails at once.
      yield* Effect.exit(Effect.timeoutOption(fs.readFile(`${path}/pipe`), "100 millis"))
      assert.strictEqual(yield* fs.readFileString(`${path}/file`), "text")
      const reading = yield* Effect.fork(fs.readFile(`${path}/pipe`))
      yield* Effect.sleep("100 millis")
      assert.strictEqual(yield* fs.readFileString(`${path}/file`), "text")
      yield* Fiber.interrupt(reading)
    }), "specialFiles")

  // FOUND A18
  test("more files are read at once than a server keeps open", () =>
    Effect.gen(function*() {
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = `${yield* directory}/file`
      yield* fs.writeFileString(path, "text")
      const all = yield* Effect.all(Array.makeBy(1200, () => fs.readFileString(path)), { concurrency: "unbounded" })
      assert.isTrue(all.every((text) => text === "text"))
    }))

  test("files of the system are read and copied to their end, whatever their size says", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* fs.copyFile("/proc/self/status", `${path}/status`)
      assert.include(yield* files.readFileString(`${path}/status`), "Name:")
      assert.include(yield* fs.readFileString("/proc/self/status"), "Name:")
      assert.strictEqual((yield* fs.readFile("/dev/null")).length, 0)
      assert.strictEqual(yield* failsWith(fs.writeFileString("/dev/full", "some")), "Unknown")
    }), "specialFiles")

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

  test("numbers that SFTP cannot carry are refused", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = `${yield* directory}/file`
      yield* write(files, path, "text")
      const before = yield* files.stat(path)
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
      assert.deepStrictEqual((yield* files.stat(path)).mtime, before.mtime)
      assert.strictEqual(yield* files.readFileString(path), "text")
    }))

  test("two that remove the same tree leave nothing of it", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = `${yield* directory}/tree`
      for (let index = 0; index < 40; index++) {
        yield* files.makeDirectory(`${path}/${index % 5}/${index}`, { recursive: true })
        yield* write(files, `${path}/${index % 5}/${index}/file`, "")
      }
      const remove = fs.remove(path, { recursive: true, force: true })
      const results = yield* Effect.all([Effect.either(remove), Effect.either(remove)], { concurrency: 2 })
      assert.isTrue(results.every(Either.isRight))
      assert.isFalse(yield* files.exists(path))
    }))

  test("numbers of bytes that are none are refused", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = `${yield* directory}/file`
      yield* write(files, path, "text")
      for (const options of [{ offset: 1.5 }, { offset: -1 }, { chunkSize: NaN }, { bytesToRead: -1n }]) {
        assert.strictEqual(yield* failsWith(Stream.runDrain(fs.stream(path, options))), "BadArgument")
      }
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

  test("what Node's file system says to a mistake is said here", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* write(files, `${path}/file`, "")
      yield* files.symlink("loop", `${path}/loop`)
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
        ["Unknown", fs.writeFileString(`${path}/${"x".repeat(256)}`, "")]
      ]
      for (const [index, [reason, effect]] of cases.entries()) {
        assert.strictEqual(yield* failsWith(effect), reason, `case ${index}`)
      }
      const error = yield* Effect.flip(fs.readFile(`${path}/no`))
      assert(error._tag === "SystemError" && error.cause instanceof RemoteError.SftpStatusError)
      assert.strictEqual(error.cause.code, 2)
      assert.strictEqual(error.pathOrDescriptor, `${path}/no`)
    }))

  test("what the host does not permit is PermissionDenied, and root is permitted everything", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* write(files, `${path}/secret`, "", { mode: 0 })
      yield* files.makeDirectory(`${path}/closed`, { mode: 0o500 })
      const attempts = [
        fs.readFile(`${path}/secret`),
        fs.writeFileString(`${path}/closed/file`, ""),
        fs.atomicWrite(`${path}/closed/file`, "")
      ]
      if (yield* isRoot) {
        yield* Effect.all(attempts)
        assert.deepStrictEqual(yield* files.readDirectory(`${path}/closed`), ["file"])
      } else {
        assert.deepStrictEqual(
          yield* Effect.forEach(attempts, failsWith),
          Array.replicate("PermissionDenied", attempts.length)
        )
        assert.deepStrictEqual(yield* files.readDirectory(`${path}/closed`), [])
      }
      yield* files.chmod(`${path}/closed`, 0o700)
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
      // The mode of what was there, where that of the source is not wanted.
      yield* local.chmod(`${here}/back`, 0o640)
      yield* fs.get(`${path}/new/remote`, `${here}/back`, { preserve: { mode: false } })
      assert.strictEqual((yield* local.stat(`${here}/back`)).mode & 0o7777, 0o640)
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
})
