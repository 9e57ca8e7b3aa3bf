import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, type Scope } from "effect"
import { root } from "../src/internal/memory/accounts.js"
import { Change, type PosixError } from "../src/internal/sftp/sftpFileSystem.js"
import {
  appending,
  bytes,
  errno,
  get,
  list,
  luigi,
  make,
  mario,
  peach,
  put,
  reading,
  text,
  writing
} from "./fixtures/memoryFiles.js"

describe("a full disk", () => {
  it.scoped("stores the bytes that fit, then refuses more", () =>
    Effect.gen(function*() {
      const memory = yield* make({}, { quota: 10_000 })
      const file = yield* memory.as(root).open("/file", writing, 0o644)
      assert.strictEqual(yield* file.write(0n, new Uint8Array(9000)), 9000)
      assert.strictEqual(yield* file.write(9000n, new Uint8Array(2000)), 1000)
      assert.strictEqual(yield* errno(file.write(10_000n, bytes("x"))), "ENOSPC")
      assert.strictEqual((yield* file.stat).size, 10_000n)

      // existing content can be changed, an empty file can be created, and removing frees space
      assert.strictEqual(yield* file.write(5000n, new Uint8Array(5000)), 5000)
      yield* put(memory.as(root), "/empty", "")
      assert.strictEqual(yield* errno(put(memory.as(root), "/other", "x")), "ENOSPC")
      yield* file.change(Change.Size({ size: 9000n }))
      assert.strictEqual(yield* put(memory.as(root), "/other", "x"), 1)
    }))

  it.scoped("has room again when a removed file is closed", () =>
    Effect.gen(function*() {
      const memory = yield* make({}, { quota: 100 })
      const files = memory.as(root)
      const file = yield* files.open("/file", writing, 0o644)
      yield* file.write(0n, new Uint8Array(100))
      yield* files.unlink("/file")
      assert.strictEqual(memory.volume.space.used, 100)
      yield* file.close
      assert.strictEqual(memory.volume.space.used, 0)
    }))

  it.effect("reports its space in blocks", () =>
    Effect.gen(function*() {
      const memory = yield* make({ files: { "/file": new Uint8Array(5000) } }, { quota: 40_960 })
      const { bavail, bfree, blocks, flag, frsize } = yield* memory.as(luigi).statvfs("/")
      assert.deepStrictEqual([frsize, blocks, bfree, bavail, flag], [4096n, 10n, 8n, 8n, 0n])
      memory.volume.space.quota = 0
      assert.strictEqual((yield* memory.as(luigi).statvfs("/")).bfree, 0n)
    }))
})

describe("a hole", () => {
  it.scoped("does not use space, and reads as zeros", () =>
    Effect.gen(function*() {
      const memory = yield* make({}, { quota: 10_000 })
      const file = yield* memory.as(root).open("/file", writing, 0o644)
      yield* file.change(Change.Size({ size: 1n << 43n }))
      yield* file.write(1n << 42n, bytes("in the middle"))
      assert.strictEqual((yield* file.stat).size, 1n << 43n)
      assert.strictEqual(text(yield* file.read((1n << 42n) - 2n, 17)), "\0\0in the middle\0\0")
      assert.deepStrictEqual(yield* file.read((1n << 43n) - 3n, 100), new Uint8Array(3))
      assert.isAtMost(memory.volume.space.used, 4096)
      yield* file.change(Change.Size({ size: 5n }))
      assert.strictEqual(memory.volume.space.used, 0)
      assert.strictEqual(yield* errno(file.write(1n << 44n, bytes("x"))), "EFBIG")
      assert.strictEqual(yield* errno(file.change(Change.Size({ size: 1n << 62n }))), "EFBIG")
    }))

  it.scoped("reads as zeros after a truncated file has grown again", () =>
    Effect.gen(function*() {
      const memory = yield* make()
      const file = yield* memory.as(root).open("/file", writing, 0o644)
      yield* file.write(0n, bytes("secret"))
      yield* file.change(Change.Size({ size: 2n }))
      yield* file.change(Change.Size({ size: 6n }))
      assert.strictEqual(text(yield* file.read(0n, 10)), "se\0\0\0\0")
    }))
})

describe("a read-only disk", () => {
  it.scoped("is read and not changed", () =>
    Effect.gen(function*() {
      const memory = yield* make({ files: { "/file": "text" }, links: { "/link": "file" } })
      const files = memory.as(root)
      const open = yield* files.open("/file", writing, 0)
      memory.volume.readOnly = true
      const refused: Readonly<Record<string, Effect.Effect<unknown, PosixError, Scope.Scope>>> = {
        open: files.open("/file", writing, 0),
        create: files.open("/new", writing, 0),
        write: open.write(0n, bytes("x")),
        truncate: open.change(Change.Size({ size: 0n })),
        chmod: files.change("/file", Change.Mode({ mode: 0 })),
        lchown: files.changeLink("/link", Change.Owner({ uid: 1, gid: 1 })),
        mkdir: files.mkdir("/new", 0),
        rmdir: files.rmdir("/home"),
        unlink: files.unlink("/link"),
        rename: files.rename("/file", "/new"),
        link: files.link("/file", "/new"),
        symlink: files.symlink("x", "/new")
      }
      for (const [name, call] of Object.entries(refused)) {
        assert.deepStrictEqual([name, yield* errno(call)], [name, "EROFS"])
      }
      assert.strictEqual(yield* errno(files.mkdir("/home", 0)), "EEXIST")
      assert.strictEqual(yield* get(files, "/link"), "text")
      assert.strictEqual((yield* files.statvfs("/")).flag, 1n)
    }))
})

describe("users", () => {
  it.effect("have what their owner, their group or nobody gives them", () =>
    Effect.gen(function*() {
      const memory = yield* make({
        directories: { "/team": { owner: "luigi", group: "plumbers", mode: 0o2770 } },
        files: { "/team/plan": { content: "plan", mode: 0o640 } }
      })
      assert.strictEqual(yield* get(memory.as(luigi), "/team/plan"), "plan")
      assert.strictEqual(yield* get(memory.as(peach), "/team/plan"), "plan")
      assert.strictEqual(yield* errno(get(memory.as(mario), "/team/plan")), "EACCES")
      assert.strictEqual(yield* errno(put(memory.as(peach), "/team/plan", "x")), "EACCES")
      assert.strictEqual(yield* errno(memory.as(peach).change("/team/plan", Change.Mode({ mode: 0o777 }))), "EPERM")

      // a new entry there belongs to the group of the directory
      yield* put(memory.as(peach), "/team/idea", "idea")
      const { gid, mode, uid } = yield* memory.as(root).stat("/team/idea")
      assert.deepStrictEqual([mode, uid, gid], [0o100644, peach.uid, 2000])
    }))

  it.effect("leave each other's files alone in a sticky directory", () =>
    Effect.gen(function*() {
      const memory = yield* make({ directories: { "/tmp": { mode: 0o1777 } }, links: { "/tmp/link": "/etc" } })
      yield* put(memory.as(luigi), "/tmp/file", "luigi's")
      const others = memory.as(peach)
      assert.strictEqual(yield* errno(others.unlink("/tmp/file")), "EPERM")
      assert.strictEqual(yield* errno(others.rename("/tmp/file", "/tmp/mine")), "EPERM")
      yield* put(others, "/tmp/mine", "peach's")
      assert.strictEqual(yield* errno(others.rename("/tmp/mine", "/tmp/file")), "EPERM")
      yield* memory.as(luigi).unlink("/tmp/file")
    }))

  it.effect("are protected from links of others in a shared directory", () =>
    Effect.gen(function*() {
      const memory = yield* make({
        directories: { "/tmp": { mode: 0o1777 } },
        files: { "/secret": { content: "secret", mode: 0o600 }, "/open": { content: "open", mode: 0o666 } }
      })
      const [mine, theirs] = [memory.as(mario), memory.as(luigi)]
      yield* theirs.symlink("/open", "/tmp/link")
      assert.strictEqual(yield* get(theirs, "/tmp/link"), "open")
      assert.strictEqual(yield* errno(get(mine, "/tmp/link")), "EACCES")
      assert.strictEqual(yield* errno(mine.link("/secret", "/tmp/secret")), "EPERM")
      yield* mine.link("/open", "/tmp/open")
      yield* put(theirs, "/tmp/trap", "")
      yield* theirs.change("/tmp/trap", Change.Mode({ mode: 0o666 }))
      assert.strictEqual(yield* errno(put(mine, "/tmp/trap", "x")), "EACCES")

      const trusting = yield* make(
        { directories: { "/tmp": { mode: 0o1777 } }, files: { "/open": "open" } },
        { protections: { hardlinks: false, symlinks: false, regular: 0 } }
      )
      yield* trusting.as(luigi).symlink("/open", "/tmp/link")
      assert.strictEqual(yield* get(trusting.as(mario), "/tmp/link"), "open")
    }))

  it.effect("have names, homes and a umask", () =>
    Effect.gen(function*() {
      const memory = yield* make()
      const files = memory.as(luigi, { umask: 0o077 })
      assert.strictEqual(files.home, "/home/luigi")
      yield* files.mkdir("private", 0o777)
      assert.strictEqual((yield* files.stat("/home/luigi/private")).mode, 0o040700)
      assert.deepStrictEqual(yield* files.userName(1002), Option.some("peach"))
      assert.deepStrictEqual(yield* files.groupName(2000), Option.some("plumbers"))
      assert.deepStrictEqual(yield* files.groupName(7), Option.none())
      assert.deepStrictEqual(yield* files.homeOf("peach"), Option.some("/home/peach"))
      assert.deepStrictEqual(yield* files.homeOf(""), Option.some("/home/luigi"))
      assert.deepStrictEqual(yield* files.homeOf("nobody"), Option.none())
    }))

  it.effect("begin where their home leads to, or at the root", () =>
    Effect.gen(function*() {
      const memory = yield* make({ directories: ["/mnt/disk"], links: { "/homes": "mnt/disk" } })
      assert.strictEqual(memory.as({ ...luigi, home: "/homes" }).home, "/mnt/disk")
      assert.strictEqual(memory.as({ ...luigi, home: "/missing" }).home, "/")
      assert.strictEqual(memory.as({ ...luigi, home: "/root/x" }).home, "/")
    }))
})

describe("an open file or directory", () => {
  it.scoped("stays usable after its name is removed", () =>
    Effect.gen(function*() {
      const memory = yield* make({ files: { "/file": "text" }, directories: ["/directory"] })
      const files = memory.as(root)
      const file = yield* files.open("/file", writing, 0)
      const directory = yield* files.openDirectory("/directory")
      yield* files.unlink("/file")
      yield* files.rmdir("/directory")
      yield* put(files, "/file", "another")
      yield* file.write(4n, bytes(" goes on"))
      assert.strictEqual(text(yield* file.read(0n, 100)), "text goes on")
      assert.strictEqual((yield* file.stat).nlink, 0)
      assert.strictEqual(yield* get(files, "/file"), "another")
      assert.deepStrictEqual(yield* directory.read(10), [])
    }))

  it.effect("is counted", () =>
    Effect.gen(function*() {
      const { as, volume } = yield* make({ files: { "/home/luigi/file": "" } })
      const open = () => [volume.openFiles, volume.openDirectories].map((some) => [...some].map(({ path }) => path))
      yield* Effect.scoped(
        Effect.gen(function*() {
          const file = yield* as(luigi).open("file", reading, 0)
          yield* as(luigi).openDirectory("/home")
          assert.deepStrictEqual(open(), [["/home/luigi/file"], ["/home"]])
          yield* file.close
          assert.deepStrictEqual(open(), [[], ["/home"]])
          assert.strictEqual(yield* errno(file.stat), "EBADF")
        })
      )
      assert.deepStrictEqual(open(), [[], []])
    }))

  it.scoped("is appended to wherever it is written", () =>
    Effect.gen(function*() {
      const memory = yield* make({ files: { "/file": "one" } })
      const file = yield* memory.as(root).open("/file", appending, 0)
      yield* put(memory.as(root), "/file", "three")
      yield* file.write(0n, bytes(" four"))
      assert.strictEqual(text(yield* file.read(0n, 100)), "three four")
    }))
})

describe("names", () => {
  it.effect("are bytes, of which there may be 255", () =>
    Effect.gen(function*() {
      const files = (yield* make({ directories: ["/d"] })).as(root)
      const names = [
        "\udcff\udcfe",
        "\udcff",
        "é",
        "e\u0301",
        "x".repeat(255),
        `${"é".repeat(127)}x`,
        "\udcff".repeat(255)
      ]
      for (const name of names) yield* put(files, `/d/${name}`, name.slice(0, 9))
      assert.deepStrictEqual([...yield* list(files, "/d")].sort(), [".", "..", ...names].sort())
      for (const name of ["x".repeat(256), "é".repeat(128), "\udcff".repeat(256)]) {
        assert.strictEqual(yield* errno(put(files, `/d/${name}`, "")), "ENAMETOOLONG")
        assert.strictEqual(yield* errno(files.stat(`/d/${name}`)), "ENAMETOOLONG")
      }
      assert.strictEqual(yield* get(files, "/d/é"), "é")
      // the same bytes, escaped one by one
      assert.strictEqual(yield* get(files, "/d/\udcc3\udca9"), "é")
      assert.strictEqual(yield* errno(files.stat("/d/e\0")), "EINVAL")
      assert.strictEqual(yield* errno(files.stat(`/${"./".repeat(2047)}`)), "none")
      assert.strictEqual(yield* errno(files.stat(`/${"./".repeat(2047)}d`)), "ENAMETOOLONG")
    }))

  it.effect("resolve over forty links, not over forty-one", () =>
    Effect.gen(function*() {
      const links = Object.fromEntries(Array.from({ length: 41 }, (_, index) => [`/l${index + 1}`, `l${index}`]))
      const files = (yield* make({ files: { "/l0": "there" }, links })).as(luigi)
      assert.strictEqual(yield* get(files, "/l40"), "there")
      assert.strictEqual(yield* errno(files.stat("/l41")), "ELOOP")
      assert.strictEqual((yield* files.lstat("/l41")).size, 3n)
    }))
})

describe("times", () => {
  it.effect("are of the clock, and of what sets them", () =>
    Effect.gen(function*() {
      let now = 1_000_000
      const files = (yield* make({}, { now: () => now })).as(root)
      yield* put(files, "/file", "text")
      now = 2_000_999
      const times = Effect.map(files.stat("/file"), ({ atime, mtime }) => [atime, mtime])
      assert.deepStrictEqual(yield* times, [1000, 1000])
      yield* get(files, "/file")
      assert.deepStrictEqual(yield* times, [2000, 1000])
      yield* files.change("/file", Change.Times({ atime: 5, mtime: 6 }))
      assert.deepStrictEqual(yield* times, [5, 6])
      assert.strictEqual((yield* files.stat("/")).mtime, 1000)
      yield* files.rename("/file", "/other")
      assert.strictEqual((yield* files.stat("/")).mtime, 2000)
    }))
})

describe("the hook", () => {
  it.scoped("is called for each operation and may fail it", () =>
    Effect.gen(function*() {
      const memory = yield* make({ files: { "/home/luigi/file": "text" } })
      const files = memory.as(luigi)
      const told: Array<string> = []
      memory.volume.fault = (operation, path, to) => {
        told.push([operation, path, to].join(" ").trim())
        return operation === "write" || to === "/bad" ? "EIO" : undefined
      }
      const file = yield* files.open("file", writing, 0)
      assert.strictEqual(yield* errno(file.write(0n, bytes("x"))), "EIO")
      yield* file.read(0n, 1)
      yield* file.close
      assert.strictEqual(yield* errno(files.rename("file", "/bad")), "EIO")
      yield* files.symlink("anything", "link")
      assert.strictEqual(yield* errno(files.change("missing", Change.Size({ size: 0n }))), "ENOENT")
      assert.deepStrictEqual(told, [
        "open /home/luigi/file",
        "write /home/luigi/file",
        "read /home/luigi/file",
        "close /home/luigi/file",
        "rename /home/luigi/file /bad",
        "symlink /home/luigi/link",
        "truncate /home/luigi/missing"
      ])
      memory.volume.fault = undefined
      assert.strictEqual(yield* get(files, "file"), "text")
    }))

  it.scoped("may fail a close, and the file is closed nevertheless", () =>
    Effect.gen(function*() {
      const memory = yield* make({ files: { "/file": "text" } })
      const file = yield* memory.as(root).open("/file", reading, 0)
      memory.volume.fault = (operation) => operation === "close" ? "EIO" : undefined
      assert.strictEqual(yield* errno(file.close), "EIO")
      assert.strictEqual(memory.volume.openFiles.size, 0)
    }))
})
