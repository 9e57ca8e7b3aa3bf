/**
 * Paths, names and types.
 */
import * as RemoteContext from "@effect-remote/core/RemoteContext"
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import type * as Transfer from "@effect-remote/core/Transfer"
import * as Command from "@effect/platform/Command"
import type { PlatformError } from "@effect/platform/Error"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { ConformanceHost } from "../../../ConformanceHost.js"
import { words as nasty } from "../../../unstable/Words.js"
import type { Group } from "../cases.js"
import { bytes, directory, failsWith, localDirectory, localFiles, write } from "../support.js"

/** @internal */
export const tildes: Group = (test) => {
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
      // The target of a link is not resolved by the library, so "./" is not added.
      yield* fs.symlink("~", `${path}/link`)
      assert.strictEqual(yield* fs.readLink(`${path}/link`), "~")
      assert.isFalse(yield* fs.exists("./~ of no such name"))
    }))
}

/** @internal */
export const fileNames: Group = (test) => {
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
}

/** @internal */
export const questions: Group = (test) => {
  test("are distinguished by stat, lstat, exists and isDirectory", () =>
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

  test("the home of a user is found, and the space on a disk", () =>
    Effect.gen(function*() {
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const home = yield* fs.realPath(".")
      assert.strictEqual(yield* fs.expandPath("~"), home)
      assert.strictEqual(yield* fs.expandPath("~/x"), `${home}/x`)
      assert.strictEqual(yield* fs.expandPath("/tmp/../~"), "/~")
      // servers before OpenSSH 8.7 lack the extension: the failure names it
      const ofRoot = yield* Effect.either(fs.expandPath("~root"))
      if (Either.isLeft(ofRoot)) assert.include(ofRoot.left.message, "expand-path@openssh.com")
      else {
        assert.strictEqual(ofRoot.right, yield* fs.realPath("/root"))
        assert.strictEqual(yield* failsWith(fs.expandPath("~nobody-of-that-name")), "NotFound")
      }
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
}
