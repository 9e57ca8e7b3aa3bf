/**
 * Files that another user of the host leaves in the way. Only root can make files of other users, so ordinary users skip
 * those tests.
 */
import { RemoteFileSystem, type Transfer } from "@effect-remote/core"
import { Transport } from "@effect-remote/core/Transport"
import { NodeMachine } from "@effect-remote/node"
import { InMemoryHost, Sshd } from "@effect-remote/testing"
import type { PlatformError } from "@effect/platform/Error"
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Fs from "node:fs"
import * as sftpLink from "../fixtures/sftpLink.js"
import { pairings } from "../suites/transports.js"

const filesOver = (transport: Transport) =>
  RemoteFileSystem.make.pipe(Effect.provideService(Transport, transport), Effect.provide(NodeMachine.layer))

const isRoot = process.getuid?.() === 0
const other = 12345

const reasonOf = (error: PlatformError | Transfer.TransferError): string =>
  error._tag === "SystemError" ? error.reason : error._tag

/** A directory that everybody may write to, as /tmp, and a file elsewhere. */
const shared = Effect.map(Sshd.Sshd, ({ directory }) => {
  const path = Fs.mkdtempSync(`${directory}/shared-`)
  Fs.chmodSync(path, 0o1777)
  Fs.mkdirSync(`${path}/elsewhere`)
  Fs.writeFileSync(`${path}/elsewhere/file`, "old")
  return path
})

for (const { suite } of pairings) {
  describe.skipIf(!isRoot)(`files of other users (left out: only root makes them), ${suite.name}`, () => {
    layer(suite.layer, { excludeTestServices: true, timeout: "60 seconds" })((it) => {
      // FOUND E7
      it.scoped("refuses to write through another user's link in a sticky directory", () =>
        Effect.gen(function*() {
          const fs = yield* RemoteFileSystem.RemoteFileSystem
          const path = yield* shared
          const text = () => Fs.readFileSync(`${path}/elsewhere/file`, "utf8")
          const source = `${path}/elsewhere/source`
          Fs.writeFileSync(source, "put")
          for (const [link, leads] of [["link", "elsewhere/file"], ["dangling", "elsewhere/new"]] as const) {
            Fs.symlinkSync(leads, `${path}/${link}`)
            Fs.lchownSync(`${path}/${link}`, other, other)
          }
          Fs.symlinkSync(`${path}/link`, `${path}/elsewhere/to link`)
          for (const name of ["link", "dangling", "elsewhere/to link"]) {
            const target = `${path}/${name}`
            const attempts: ReadonlyArray<Effect.Effect<unknown, PlatformError | Transfer.TransferError>> = [
              fs.atomicWrite(target, "secret"),
              fs.atomicWrite(target, new Uint8Array(100_000)),
              fs.copyFile(source, target),
              fs.put(source, target),
              fs.put(source, target, { resume: true })
            ]
            for (const attempt of attempts) {
              const error = yield* Effect.flip(attempt)
              assert.strictEqual(reasonOf(error), "PermissionDenied", error.message)
              assert(error._tag === "SystemError")
              assert.strictEqual(error.pathOrDescriptor, target)
              assert.include(error.message, "a link of another user")
            }
          }
          assert.strictEqual(text(), "old")
          assert.deepStrictEqual(Fs.readdirSync(`${path}/elsewhere`).sort(), ["file", "source", "to link"])
          // Nothing is left of the file that showed who this user is.
          assert.deepStrictEqual(Fs.readdirSync(path).sort(), ["dangling", "elsewhere", "link"])
        }))

      it.scoped("follows a link that this user, or the owner of the directory, has made", () =>
        Effect.gen(function*() {
          const fs = yield* RemoteFileSystem.RemoteFileSystem
          for (const [directoryOwner, linkOwner] of [[0, 0], [other, 0], [other, other]] as const) {
            const path = yield* shared
            Fs.symlinkSync("elsewhere/file", `${path}/link`)
            Fs.lchownSync(`${path}/link`, linkOwner, linkOwner)
            Fs.chownSync(path, directoryOwner, directoryOwner)
            yield* fs.atomicWrite(`${path}/link`, "new")
            assert.strictEqual(Fs.readFileSync(`${path}/elsewhere/file`, "utf8"), "new")
            assert.deepStrictEqual(Fs.readdirSync(path).sort(), ["elsewhere", "link"])
          }
        }))

      it.scoped("does not give a file to another user who took its name in a sticky directory", () =>
        Effect.gen(function*() {
          const fs = yield* RemoteFileSystem.RemoteFileSystem
          const path = yield* shared
          const source = `${path}/elsewhere/source`
          const target = `${path}/taken`
          const large = new Uint8Array(100_000)
          Fs.writeFileSync(source, "secret", { mode: 0o600 })
          const attempts: ReadonlyArray<readonly [Effect.Effect<unknown, PlatformError>, mode: number]> = [
            [fs.atomicWrite(target, "secret", { mode: 0o640 }), 0o640],
            [fs.atomicWrite(target, large, { mode: 0o640 }), 0o640],
            // Others keep what they had, within the umask; the group is another one, and gets no more than others.
            [fs.atomicWrite(target, "secret"), 0o600],
            [fs.atomicWrite(target, large), 0o600],
            [fs.copyFile(source, target), 0o600],
            [fs.copy(source, target, { overwrite: true }), 0o600]
          ]
          for (const [attempt, mode] of attempts) {
            Fs.rmSync(target, { force: true })
            Fs.writeFileSync(target, "theirs")
            Fs.chmodSync(target, 0o660)
            Fs.chownSync(target, other, other)
            yield* attempt
            const found = Fs.statSync(target)
            assert.deepStrictEqual([found.uid, found.gid, found.mode & 0o777], [0, 0, mode])
          }
          // Files of the directory's owner are kept as everywhere.
          Fs.chownSync(path, other, other)
          Fs.chownSync(target, other, other)
          yield* fs.atomicWrite(target, "new")
          assert.strictEqual(Fs.statSync(target).uid, other)
        }))

      // FOUND E8
      it.scoped("takes over neither owner nor mode of another user's file in a sticky directory", () =>
        Effect.gen(function*() {
          const fs = yield* RemoteFileSystem.RemoteFileSystem
          const known = (path: string) => {
            const { gid, mode, uid } = Fs.statSync(path)
            return [uid, gid, (mode & 0o7777).toString(8)]
          }
          const large = new Uint8Array(100_000)
          const writes: ReadonlyArray<
            readonly [string, (target: string, source: string) => Effect.Effect<unknown, unknown>]
          > = [
            ["small", (target) => fs.atomicWrite(target, "new")],
            ["large", (target) => fs.atomicWrite(target, large)],
            ["stream", (target) => fs.atomicWrite(target, Stream.make(large))],
            ["sink", (target) => Stream.run(Stream.make(large), fs.atomicSink(target))],
            ["mode", (target) => fs.atomicWrite(target, "new", { mode: 0o644 })],
            ["copyFile", (target, source) => fs.copyFile(source, target)],
            ["put", (target, source) => fs.put(source, target)]
          ]
          const path = yield* shared
          const source = `${path}/elsewhere/source`
          yield* fs.writeFile(source, large)
          const own = known(source)
          assert.deepStrictEqual(own, [0, 0, "644"])
          const before = (target: string, owner: number, mode: number) => {
            Fs.writeFileSync(target, "old")
            Fs.chownSync(target, owner, owner)
            Fs.chmodSync(target, mode)
          }
          for (const [name, write] of writes) {
            const isGiven = name === "mode" || name === "copyFile"
            const target = `${path}/${name}`
            for (
              const [mode, expected] of [[0o666, "644"], [0o777, "644"], [0o600, isGiven ? "644" : "600"]] as const
            ) {
              before(target, other, mode)
              yield* write(target, source)
              assert.deepStrictEqual(known(target), [0, 0, expected], `${name}, ${mode.toString(8)}`)
              assert.notStrictEqual(Fs.readFileSync(target, "utf8"), "old")
              Fs.rmSync(target)
            }
            // Nobody else has made these: they stay as they were.
            const kept = isGiven ? "644" : "660"
            before(target, 0, 0o660)
            yield* write(target, source)
            assert.deepStrictEqual(known(target), [0, 0, kept], `${name}, own`)
            before(`${path}/elsewhere/${name}`, other, 0o660)
            yield* write(`${path}/elsewhere/${name}`, source)
            assert.deepStrictEqual(known(`${path}/elsewhere/${name}`), [other, other, kept], `${name}, elsewhere`)
          }
          const theirs = yield* shared
          Fs.chownSync(theirs, other, other)
          before(`${theirs}/file`, other, 0o660)
          yield* fs.atomicWrite(`${theirs}/file`, "new")
          assert.deepStrictEqual(known(`${theirs}/file`), [other, other, "660"])
        }))
    })
  })
}

describe("a file of another user that is replaced", () => {
  // FOUND E8
  it.effect("never opens the new one more than the umask, nor more than its own mode allows", () =>
    Effect.gen(function*() {
      const { files, transport } = yield* InMemoryHost.InMemoryHost
      const seen: Array<number> = []
      const look = Effect.gen(function*() {
        for (const name of yield* files.readDirectory("/shared")) {
          if (name.startsWith(".")) seen.push((yield* files.stat(`/shared/${name}`)).mode & 0o777)
        }
      })
      const wire = sftpLink.make(transport, { delay: 0, before: () => Effect.orDie(look) })
      const fs = yield* filesOver(wire.transport)
      for (const content of ["secret", new Uint8Array(100_000)]) {
        for (const [name, mode] of [["open", 0o666], ["odd", 0o664]] as const) {
          yield* files.writeFileString(`/shared/${name}`, "")
          yield* files.chown(`/shared/${name}`, 4242, 4242)
          yield* files.chmod(`/shared/${name}`, mode)
          yield* fs.atomicWrite(`/shared/${name}`, content)
          assert.strictEqual((yield* files.stat(`/shared/${name}`)).mode & 0o777, 0o600)
        }
      }
      assert.isAbove(seen.length, 4)
      assert.deepStrictEqual(seen.filter((mode) => mode !== 0o600), [])
      // Of one's own the mode is kept, whatever the umask.
      yield* fs.chmod("/shared/open", 0o664)
      yield* fs.atomicWrite("/shared/open", "new")
      assert.strictEqual((yield* files.stat("/shared/open")).mode & 0o777, 0o664)
    }).pipe(
      Effect.scoped,
      Effect.provide(InMemoryHost.layer({ umask: 0o077, directories: { "/shared": { mode: 0o777 } } }))
    ))
})

describe("a directory that another user swaps for a link while it is removed", () => {
  // FOUND E11
  it.effect("is not followed, and the removal says so", () =>
    Effect.gen(function*() {
      const { expectFile, files, transport } = yield* InMemoryHost.InMemoryHost
      let swap: Effect.Effect<void, PlatformError> = Effect.void
      const wire = sftpLink.make(transport, {
        delay: 0,
        before: () =>
          Effect.suspend(() => {
            if (wire.sent().at(-1)?.name !== "Opendir") return Effect.void
            const now = swap
            swap = Effect.void
            return Effect.orDie(now)
          })
      })
      const fs = yield* filesOver(wire.transport)
      yield* files.makeDirectory("/home/user/tree/below", { recursive: true })
      yield* files.chown("/home/user/tree", 1000, 1000)
      yield* files.chown("/home/user/tree/below", 1000, 1000)
      // The first directory that is listed is the tree, which is left alone.
      for (const path of ["/home/user/tree/below", "/home/user/tree"]) {
        let left = path === "/home/user/tree" ? 0 : 1
        const swapped = Effect.zipRight(
          files.rename(path, "/home/user/moved"),
          files.symlink("/home/user/precious", path)
        )
        const later: Effect.Effect<void, PlatformError> = Effect.suspend(() => {
          if (left-- === 0) return swapped
          swap = later
          return Effect.void
        })
        swap = later
        const error = yield* Effect.flip(fs.remove("/home/user/tree", { recursive: true }))
        assert(error._tag === "SystemError")
        assert.strictEqual(error.reason, "BadResource", error.message)
        assert.strictEqual(error.pathOrDescriptor, path)
        yield* expectFile("/home/user/precious/file", "kept")
        yield* files.remove(path)
        yield* files.rename("/home/user/moved", path)
      }
    }).pipe(
      Effect.scoped,
      Effect.provide(InMemoryHost.layer({ files: { "/home/user/precious/file": "kept" } }))
    ))
})

describe("a file of another user that is swapped for a link while it is copied", () => {
  it.effect("is not copied, nor is what the link names", () =>
    Effect.gen(function*() {
      const { files, transport } = yield* InMemoryHost.InMemoryHost
      const key = "/home/user/precious/key"
      let isArmed = false
      const swap = Effect.zipRight(files.rename("/shared/file", "/aside"), files.symlink(key, "/shared/file"))
      const wire = sftpLink.make(transport, {
        delay: 0,
        before: () =>
          Effect.suspend(() => {
            if (!isArmed || wire.sent().at(-1)?.name !== "Open") return Effect.void
            isArmed = false
            return Effect.orDie(swap)
          })
      })
      const plain = yield* filesOver(transport)
      const fs = yield* filesOver(wire.transport)
      const attempts: Record<string, (to: string) => Effect.Effect<unknown, PlatformError | Transfer.TransferError>> = {
        copyFile: (to) => fs.copyFile("/shared/file", to),
        copy: (to) => fs.copy("/shared", to),
        get: (to) => fs.get("/shared", to, { local: plain }),
        "get one": (to) => fs.get("/shared/file", to, { local: plain }),
        put: (to) => plain.put("/shared", to, { local: fs })
      }
      for (const size of [10, 100_000]) {
        yield* files.writeFile(key, new Uint8Array(size).fill(1))
        yield* files.chown(key, 1000, 1000)
        yield* files.chmod(key, 0o600)
        yield* files.writeFile("/shared/file", new Uint8Array(size).fill(2))
        yield* files.chown("/shared/file", 4242, 4242)
        for (const [name, attempt] of Object.entries(attempts)) {
          const target = `/home/user/${name} ${size}`
          isArmed = true
          yield* Effect.flip(attempt(target))
          assert.isFalse(isArmed, name)
          for (const path of [target, `${target}/file`]) {
            const isFile = Effect.map(files.stat(path), ({ type }) => type === "File")
            assert.isFalse(yield* Effect.orElseSucceed(isFile, () => false), path)
          }
          yield* files.remove("/shared/file")
          yield* files.rename("/aside", "/shared/file")
        }
      }
    }).pipe(
      Effect.scoped,
      Effect.provide(InMemoryHost.layer({
        files: { "/home/user/precious/key": "" },
        directories: { "/shared": { mode: 0o777 } }
      }))
    ))
})

describe("a directory that another user swaps for a link while a tree is mirrored to it", () => {
  it.effect("has nothing removed through the link", () =>
    Effect.gen(function*() {
      const { expectFile, files, transport } = yield* InMemoryHost.InMemoryHost
      let isArmed = true
      // The first new file: all directories have been listed, and nothing is removed yet.
      const wire = sftpLink.make(transport, {
        delay: 0,
        before: () =>
          Effect.suspend(() => {
            if (!isArmed || wire.sent().at(-1)?.name !== "Open") return Effect.void
            isArmed = false
            return Effect.orDie(Effect.zipRight(
              files.rename("/shared/site/sub", "/shared/aside"),
              files.symlink("/home/user/precious", "/shared/site/sub")
            ))
          })
      })
      const plain = yield* filesOver(transport)
      const fs = yield* filesOver(wire.transport)
      const error = yield* Effect.flip(fs.put("/home/user/source", "/shared/site", { delete: true, local: plain }))
      assert.isFalse(isArmed)
      yield* expectFile("/home/user/precious/key", "kept")
      assert(error._tag === "TransferError")
      assert.deepStrictEqual(
        error.entries.flatMap(({ outcome, path }) =>
          outcome._tag === "Failed" ? [[path, reasonOf(outcome.error)]] : []
        ),
        [["sub/key", "BadResource"]]
      )
    }).pipe(
      Effect.scoped,
      Effect.provide(InMemoryHost.layer({
        files: {
          "/home/user/precious/key": "kept",
          "/home/user/source/new": "new",
          "/home/user/source/sub/same": "same",
          "/shared/site/sub/key": "theirs"
        },
        directories: {
          "/shared": { mode: 0o777 },
          "/shared/site": { mode: 0o777 },
          "/shared/site/sub": { mode: 0o777 }
        }
      }))
    ))
})
