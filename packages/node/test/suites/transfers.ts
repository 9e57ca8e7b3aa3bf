import { RemoteError, RemoteFileSystem, Transfer } from "@effect-remote/core"
import { Sshd } from "@effect-remote/testing"
import { FileSystem } from "@effect/platform"
import { NodeFileSystem } from "@effect/platform-node"
import { isPlatformError } from "@effect/platform/Error"
import { assert, layer } from "@effect/vitest"
import { Array, Deferred, Effect, Fiber, Logger, Option } from "effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import { eventually, nasty, type Suite } from "./support.js"

const reasonOf = (error: unknown): string =>
  isPlatformError(error) ? error._tag === "SystemError" ? error.reason : error._tag : String(error)

const failsWith = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.map(Effect.flip(effect), reasonOf)

let lastDirectory = 0

/** A fresh directory, of the server's own; the host is this machine. */
const directory = Effect.map(Sshd.Sshd, (sshd) => {
  const path = `${sshd.directory}/transfers ${++lastDirectory}`
  Fs.mkdirSync(path)
  return path
})

const isRoot = process.getuid?.() === 0

/** Names as bytes, as the tests of files have them. */
const name = (path: string): Buffer =>
  Buffer.concat(
    path.split(/([\udc80-\udcff]+)/u).map((part, index) =>
      index % 2 === 0 ? Buffer.from(part) : Buffer.from([...part].map((char) => char.charCodeAt(0) - 0xdc00))
    )
  )

/** What lies below a directory: contents of files, targets of links, `/` for directories. Names as Latin-1. */
const contents = (path: string): Record<string, string> => {
  const found: Record<string, string> = {}
  const look = (directory: Buffer, below: string) => {
    for (const entry of Fs.readdirSync(directory, { withFileTypes: true, encoding: "buffer" as never })) {
      const entryName = entry.name as unknown as Buffer
      const full = Buffer.concat([directory, Buffer.from("/"), entryName])
      const key = below + entryName.toString("latin1")
      if (entry.isDirectory()) {
        found[key] = "/"
        look(full, `${key}/`)
      } else if (entry.isSymbolicLink()) found[key] = `-> ${Fs.readlinkSync(full)}`
      else if (entry.isFile()) found[key] = Fs.readFileSync(full, "latin1")
      else found[key] = "other"
    }
  }
  look(Buffer.from(path), "")
  return found
}

const modeOf = (path: string) => (Fs.statSync(path).mode & 0o7777).toString(8)

/** What became of the entries: the tag of each outcome, with what a failed one failed with. */
const outcomes = ({ entries }: Pick<Transfer.Result, "entries">): Record<string, string> =>
  Object.fromEntries(entries.map(({ outcome, path }) => [
    path,
    outcome._tag === "Failed" ? `Failed ${reasonOf(outcome.error)}` : outcome._tag
  ]))

const pseudoRandom = (size: number, seed = 1): Buffer => {
  const bytes = Buffer.alloc(size)
  let state = seed
  for (let at = 0; at < size; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[at] = state >>> 24
  }
  return bytes
}

const node = Effect.provide(FileSystem.FileSystem, NodeFileSystem.layer)

/** A file system whose open files do some things in another way. */
const changing = (
  fs: FileSystem.FileSystem,
  change: (file: FileSystem.File, path: string) => Partial<FileSystem.File>
): FileSystem.FileSystem => ({
  ...fs,
  open: (path, options) =>
    Effect.map(fs.open(path, options), (file) => {
      const changed = change(file, path)
      return new Proxy(file, {
        get: (file, key) => {
          const value = Reflect.get(key in changed ? changed : file, key)
          return typeof value === "function" && !(key in changed) ? value.bind(file) : value
        }
      })
    })
})

type Direction = "put" | "get"

const directions: ReadonlyArray<Direction> = ["put", "get"]

/**
 * A local file system on which files stall once so many bytes of one have been read or written: `reached` then, and never
 * on again.
 */
const stalling = (after: number) =>
  Effect.gen(function*() {
    const fs = yield* node
    const reached = yield* Deferred.make<void>()
    const stall = Effect.zipRight(Deferred.succeed(reached, undefined), Effect.never)
    const local = changing(fs, (file) => {
      let done = 0
      const counted = <A, E>(size: number, effect: Effect.Effect<A, E>) =>
        Effect.suspend(() => {
          if (done >= after) return stall
          done += size
          return effect
        })
      return {
        read: (buffer) => counted(buffer.length, file.read(buffer)),
        writeAll: (bytes) => counted(bytes.length, file.writeAll(bytes))
      }
    })
    return { local, reached: Deferred.await(reached) }
  })

/** What transfers do on every transport. */
export const transfers = ({ layer: live, name: suite }: Suite) =>
  layer(live, { excludeTestServices: true, timeout: "60 seconds" })(`transfers on ${suite}`, (it) => {
    const each = (
      title: string,
      test: (
        fs: RemoteFileSystem.RemoteFileSystem,
        transfer: RemoteFileSystem.RemoteFileSystem["put"],
        direction: Direction
      ) => Effect.Effect<void, unknown, RemoteFileSystem.RemoteFileSystem | Sshd.Sshd>
    ) => {
      for (const direction of directions) {
        it.effect(`${direction}: ${title}`, () =>
          Effect.flatMap(RemoteFileSystem.RemoteFileSystem, (fs) => test(fs, fs[direction], direction)))
      }
    }

    each(
      "a tree arrives as it is, with dotfiles, empty directories and links",
      (_, transfer) =>
        Effect.gen(function*() {
          const path = yield* directory
          Fs.mkdirSync(`${path}/from/.hidden/deep/er`, { recursive: true })
          Fs.mkdirSync(`${path}/from/empty`)
          Fs.writeFileSync(`${path}/from/.dotfile`, "dot")
          Fs.writeFileSync(`${path}/from/empty file`, "")
          Fs.writeFileSync(`${path}/from/.hidden/deep/er/file`, "deep", { mode: 0o640 })
          Fs.writeFileSync(`${path}/from/large`, pseudoRandom(700_001))
          Fs.writeFileSync(`${path}/from/script`, "#!", { mode: 0o755 })
          Fs.symlinkSync(".dotfile", `${path}/from/link`)
          Fs.symlinkSync("/no/such thing", `${path}/from/dangling`)
          Fs.symlinkSync("..", `${path}/from/.hidden/up`)
          const result = yield* transfer(`${path}/from`, `${path}/made/to`)
          assert.deepStrictEqual(contents(`${path}/made/to`), contents(`${path}/from`))
          assert.deepStrictEqual(outcomes(result), {
            "": "Made",
            ".dotfile": "Copied",
            ".hidden": "Made",
            ".hidden/deep": "Made",
            ".hidden/deep/er": "Made",
            ".hidden/deep/er/file": "Copied",
            ".hidden/up": "Linked",
            "dangling": "Linked",
            "empty": "Made",
            "empty file": "Copied",
            "large": "Copied",
            "link": "Linked",
            "script": "Copied"
          })
          assert.deepStrictEqual(
            result.entries.map((entry) => entry.path),
            result.entries.map(({ path }) => path).sort()
          )
          assert.strictEqual(result.files, 5)
          assert.strictEqual(result.bytes, 700_010n)
          assert.strictEqual(modeOf(`${path}/made/to/script`), "755")
          assert.strictEqual(modeOf(`${path}/made/to/.hidden/deep/er/file`), "640")
          // Once more, onto what is there.
          Fs.writeFileSync(`${path}/from/script`, "#!/bin/sh")
          Fs.rmSync(`${path}/from/link`)
          Fs.symlinkSync("large", `${path}/from/link`)
          yield* transfer(`${path}/from/`, `${path}/made/to/`)
          assert.deepStrictEqual(contents(`${path}/made/to`), contents(`${path}/from`))
        })
    )

    each("names of any kind arrive", (fs, transfer, direction) =>
      Effect.gen(function*() {
        const path = yield* directory
        const names = [
          ...nasty.filter((part) => part !== "" && !part.includes("/")),
          "-rf",
          "$(x)",
          "e\u0301",
          "\u00e9",
          "x".repeat(255),
          "é".repeat(127)
        ].filter((part) => !/\p{Surrogate}/u.test(part) || direction === "get")
        Fs.mkdirSync(`${path}/from`)
        for (const part of names) {
          Fs.writeFileSync(name(`${path}/from/${part}`), `in ${part.length}`)
          Fs.mkdirSync(name(`${path}/from/${part.slice(0, 100)}.d`), { recursive: true })
        }
        yield* transfer(`${path}/from`, `${path}/to`, { local: fs })
        assert.deepStrictEqual(contents(`${path}/to`), contents(`${path}/from`))
        if (direction === "put") {
          yield* transfer(`${path}/from`, `${path}/again`, { resume: true, verify: "digest" })
          assert.deepStrictEqual(contents(`${path}/again`), contents(`${path}/from`))
        }
      }))

    it.effect("names that are no UTF-8 are carried between hosts, and refused by a file system that has none", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        Fs.mkdirSync(`${path}/from`)
        Fs.writeFileSync(`${path}/from/fine`, "fine")
        Fs.writeFileSync(name(`${path}/from/bad \udcff`), "bad")
        const down = yield* Effect.flip(fs.get(`${path}/from`, `${path}/down`))
        assert(down._tag === "TransferError")
        assert.deepStrictEqual(outcomes(down), { "": "Made", "bad \udcff": "Failed BadArgument", "fine": "Copied" })
        assert.deepStrictEqual(contents(`${path}/down`), { fine: "fine" })
        const up = yield* Effect.flip(fs.put(`${path}/from`, `${path}/up`))
        assert(up._tag === "TransferError")
        assert.include(Object.values(outcomes(up)), "Failed BadArgument")
        assert.deepStrictEqual(contents(`${path}/up`), { fine: "fine" })
        yield* fs.put(`${path}/from`, `${path}/both`, { local: fs, verify: "digest" })
        assert.deepStrictEqual(contents(`${path}/both`), contents(`${path}/from`))
        yield* fs.get(`${path}/from`, `${path}/back`, { local: fs, resume: true })
        assert.deepStrictEqual(contents(`${path}/back`), contents(`${path}/from`))
      }))

    each(
      "links are followed where asked, loops survived, and left out where asked",
      (_, transfer) =>
        Effect.gen(function*() {
          const path = yield* directory
          Fs.mkdirSync(`${path}/from/sub`, { recursive: true })
          Fs.mkdirSync(`${path}/elsewhere`)
          Fs.writeFileSync(`${path}/elsewhere/file`, "elsewhere")
          Fs.symlinkSync("..", `${path}/from/sub/up`)
          Fs.symlinkSync("itself", `${path}/from/itself`)
          Fs.symlinkSync("nowhere", `${path}/from/dangling`)
          Fs.symlinkSync("../elsewhere", `${path}/from/directory`)
          Fs.symlinkSync("../elsewhere/file", `${path}/from/file`)
          const failed = yield* Effect.flip(transfer(`${path}/from`, `${path}/followed`, { links: "follow" }))
          assert(failed._tag === "TransferError")
          assert.deepStrictEqual(outcomes(failed), {
            "": "Made",
            "dangling": "Failed NotFound",
            "directory": "Made",
            "directory/file": "Copied",
            "file": "Copied",
            "itself": "Failed BadResource",
            "sub": "Made",
            "sub/up": "Failed BadResource"
          })
          assert.deepStrictEqual(contents(`${path}/followed`), {
            "directory": "/",
            "directory/file": "elsewhere",
            "file": "elsewhere",
            "sub": "/"
          })
          const result = yield* transfer(`${path}/from`, `${path}/without`, { links: "leaveOut" })
          assert.deepStrictEqual(contents(`${path}/without`), { sub: "/" })
          assert.strictEqual(outcomes(result)["sub/up"], "LeftOut")
          // The one that is named is what its link names.
          yield* transfer(`${path}/from/directory`, `${path}/named`)
          assert.deepStrictEqual(contents(`${path}/named`), { file: "elsewhere" })
        })
    )

    each(
      "a pipe and a socket are left out, with the reason, and never opened",
      (_, transfer) =>
        Effect.gen(function*() {
          const path = yield* directory
          Fs.mkdirSync(`${path}/from`)
          execFileSync("mkfifo", [`${path}/from/pipe`])
          Fs.writeFileSync(`${path}/from/file`, "file")
          const result = yield* transfer(`${path}/from`, `${path}/to`)
          assert.deepStrictEqual(result.entries.find((entry) => entry.path === "pipe")?.outcome, {
            _tag: "LeftOut",
            why: "it is a named pipe"
          })
          assert.deepStrictEqual(contents(`${path}/to`), { file: "file" })
          assert.strictEqual(yield* failsWith(transfer(`${path}/from/pipe`, `${path}/no`)), "BadResource")
          // Nor is one at the target.
          execFileSync("mkfifo", [`${path}/to/other`])
          Fs.writeFileSync(`${path}/from/other`, "other")
          const failed = yield* Effect.flip(transfer(`${path}/from`, `${path}/to`))
          assert(failed._tag === "TransferError")
          assert.strictEqual(outcomes(failed)["other"], "Failed BadResource")
          assert.strictEqual(contents(`${path}/to`)["other"], "other")
        })
    )

    each("what cannot begin fails before anything is sent", (_, transfer) =>
      Effect.gen(function*() {
        const path = yield* directory
        Fs.mkdirSync(`${path}/tree`)
        Fs.writeFileSync(`${path}/file`, "file")
        const cases: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown>]> = [
          ["NotFound", transfer(`${path}/no`, `${path}/to`)],
          ["NotFound", transfer("", `${path}/to`)],
          ["NotFound", transfer(`${path}/file`, "")],
          ["BadArgument", transfer(`${path}/a\0b`, `${path}/to`)],
          ["BadArgument", transfer(`${path}/file`, `${path}/t\0o`)],
          ["BadArgument", transfer(`${path}/file`, `${path}/to`, { concurrency: 0 })],
          ["BadArgument", transfer(`${path}/file`, `${path}/to`, { concurrency: 1.5 })],
          ["BadResource", transfer(`${path}/file`, `${path}/tree`)],
          ["BadResource", transfer(`${path}/file`, `${path}/to/`)],
          ["BadResource", transfer(`${path}/tree`, `${path}/file`)]
        ]
        for (const [index, [reason, effect]] of cases.entries()) {
          assert.strictEqual(yield* failsWith(effect), reason, `case ${index}`)
        }
        assert.deepStrictEqual(contents(path), { file: "file", tree: "/" })
      }))

    each("an entry that fails does not stop the others, unless asked", (_, transfer) =>
      Effect.gen(function*() {
        const path = yield* directory
        Fs.mkdirSync(`${path}/from/taken`, { recursive: true })
        Fs.writeFileSync(`${path}/from/taken/below`, "")
        Fs.mkdirSync(`${path}/to/blocked`, { recursive: true })
        Fs.writeFileSync(`${path}/from/blocked`, "a file, where a directory is")
        Fs.writeFileSync(`${path}/to/taken`, "a directory, where a file is")
        Fs.writeFileSync(`${path}/from/fine`, "fine")
        const error = yield* Effect.flip(transfer(`${path}/from`, `${path}/to`))
        assert(error._tag === "TransferError")
        assert.deepStrictEqual(outcomes(error), {
          "": "Made",
          "blocked": "Failed BadResource",
          "fine": "Copied",
          "taken": "Failed BadResource"
        })
        assert.include(error.message, "2 of 4 entries failed")
        assert.include(error.message, "blocked")
        assert.deepStrictEqual(contents(`${path}/to`), {
          blocked: "/",
          fine: "fine",
          taken: "a directory, where a file is"
        })
        Fs.mkdirSync(`${path}/many`)
        for (let index = 0; index < 40; index++) Fs.writeFileSync(`${path}/many/${index}`, "")
        for (let index = 0; index < 40; index++) Fs.mkdirSync(`${path}/full/${index}`, { recursive: true })
        const stopped = yield* Effect.flip(
          transfer(`${path}/many`, `${path}/full`, { stopOnFailure: true, concurrency: 2 })
        )
        assert(stopped._tag === "TransferError")
        const became = Object.values(outcomes(stopped))
        assert.strictEqual(became.length, 41)
        assert.isBelow(became.filter((outcome) => outcome.startsWith("Failed")).length, 5)
        assert.isAbove(became.filter((outcome) => outcome === "LeftOut").length, 30)
      }))

    // Root may do anything; CI runs the tests as an ordinary user, too.
    for (const direction of directions) {
      it.effect.skipIf(isRoot)(`${direction}: what cannot be read is a failed entry`, () =>
        Effect.gen(function*() {
          const fs = yield* RemoteFileSystem.RemoteFileSystem
          const path = yield* directory
          Fs.mkdirSync(`${path}/from/closed`, { recursive: true })
          Fs.writeFileSync(`${path}/from/secret`, "", { mode: 0 })
          Fs.writeFileSync(`${path}/from/fine`, "fine")
          Fs.chmodSync(`${path}/from/closed`, 0)
          const error = yield* Effect.flip(fs[direction](`${path}/from`, `${path}/to`))
          Fs.chmodSync(`${path}/from/closed`, 0o700)
          assert(error._tag === "TransferError")
          assert.deepStrictEqual(outcomes(error), {
            "": "Made",
            "closed": "Failed PermissionDenied",
            "fine": "Copied",
            "secret": "Failed PermissionDenied"
          })
        }))
    }

    each("modes and times are kept as asked, those of directories last", (_, transfer) =>
      Effect.gen(function*() {
        const path = yield* directory
        const then = new Date("2020-02-03T04:05:06Z")
        Fs.mkdirSync(`${path}/from/closed`, { recursive: true })
        Fs.writeFileSync(`${path}/from/closed/file`, "inside", { mode: 0o604 })
        Fs.chmodSync(`${path}/from/closed/file`, 0o604)
        Fs.writeFileSync(`${path}/from/open`, pseudoRandom(100_000))
        Fs.chmodSync(`${path}/from/open`, 0o666)
        for (const entry of ["closed/file", "open", "closed", ""]) Fs.utimesSync(`${path}/from/${entry}`, then, then)
        Fs.chmodSync(`${path}/from/closed`, 0o555)
        for (let round = 0; round < 2; round++) {
          yield* transfer(`${path}/from`, `${path}/to`, { preserve: { times: true } })
          assert.strictEqual(modeOf(`${path}/to/closed`), "555")
          assert.strictEqual(modeOf(`${path}/to/closed/file`), "604")
          assert.strictEqual(modeOf(`${path}/to/open`), "666")
          for (const entry of ["closed/file", "open", "closed"]) {
            assert.strictEqual(Fs.statSync(`${path}/to/${entry}`).mtimeMs, then.getTime(), entry)
          }
        }
        yield* transfer(`${path}/from`, `${path}/plain`, { preserve: { mode: false } })
        Fs.writeFileSync(`${path}/fresh`, "")
        assert.strictEqual(modeOf(`${path}/plain/open`), modeOf(`${path}/fresh`))
        assert.isAbove(Fs.statSync(`${path}/plain/open`).mtimeMs, then.getTime())
        // The old mode stays where none is kept, and what would give somebody else's rights never comes.
        Fs.chmodSync(`${path}/plain/open`, 0o640)
        yield* transfer(`${path}/from/open`, `${path}/plain/open`, { preserve: { mode: false } })
        assert.strictEqual(modeOf(`${path}/plain/open`), "640")
        Fs.chmodSync(`${path}/from/open`, 0o4755)
        yield* transfer(`${path}/from/open`, `${path}/plain/open`)
        assert.strictEqual(modeOf(`${path}/plain/open`), "755")
        for (const entry of ["from", "to", "plain"]) Fs.chmodSync(`${path}/${entry}/closed`, 0o755)
      }))

    each(
      "the filter leaves out, with a reason, and a directory with all that is in it",
      (_, transfer) =>
        Effect.gen(function*() {
          const path = yield* directory
          Fs.mkdirSync(`${path}/from/node_modules/deep`, { recursive: true })
          Fs.writeFileSync(`${path}/from/node_modules/deep/file`, "")
          Fs.writeFileSync(`${path}/from/large`, "123456")
          Fs.writeFileSync(`${path}/from/small`, "1")
          const result = yield* transfer(`${path}/from`, `${path}/to`, {
            filter: (source) =>
              source.path === "node_modules" && source.type === "Directory"
                ? "made by npm"
                : source.size > 5n
                ? "too large"
                : undefined
          })
          assert.deepStrictEqual(contents(`${path}/to`), { small: "1" })
          assert.deepStrictEqual(
            result.entries.flatMap(({ outcome, path }) => outcome._tag === "LeftOut" ? [[path, outcome.why]] : []),
            [["large", "too large"], ["node_modules", "made by npm"]]
          )
        })
    )

    each("update leaves the same alone", (_, transfer) =>
      Effect.gen(function*() {
        const path = yield* directory
        Fs.mkdirSync(`${path}/from`)
        Fs.writeFileSync(`${path}/from/same`, "same")
        Fs.writeFileSync(`${path}/from/longer`, "long")
        Fs.writeFileSync(`${path}/from/later`, "late")
        Fs.symlinkSync("same", `${path}/from/link`)
        yield* transfer(`${path}/from`, `${path}/to`, { update: true })
        Fs.writeFileSync(`${path}/from/longer`, "longer")
        Fs.writeFileSync(`${path}/from/later`, "LATE")
        Fs.utimesSync(`${path}/from/later`, 1e9, 1e9)
        const inode = Fs.statSync(`${path}/to/same`).ino
        const result = yield* transfer(`${path}/from`, `${path}/to`, { update: true })
        assert.deepStrictEqual(outcomes(result), {
          "": "Made",
          "later": "Copied",
          "link": "Unchanged",
          "longer": "Copied",
          "same": "Unchanged"
        })
        assert.strictEqual(Fs.statSync(`${path}/to/same`).ino, inode)
        assert.strictEqual(result.bytes, 10n)
        assert.deepStrictEqual(contents(`${path}/to`), contents(`${path}/from`))
      }))

    each(
      "delete removes what the source has not, but nothing that is left out, and never through a link",
      (_, transfer) =>
        Effect.gen(function*() {
          const path = yield* directory
          const prepare = () => {
            Fs.rmSync(`${path}/to`, { recursive: true, force: true })
            Fs.mkdirSync(`${path}/to/old/deep`, { recursive: true })
            Fs.mkdirSync(`${path}/to/both`)
            Fs.writeFileSync(`${path}/to/old/deep/file`, "")
            Fs.writeFileSync(`${path}/to/old/precious.log`, "kept by the filter")
            Fs.writeFileSync(`${path}/to/both/extra`, "")
            Fs.writeFileSync(`${path}/to/both/here.log`, "counterpart")
            Fs.symlinkSync("../outside", `${path}/to/way out`)
          }
          Fs.mkdirSync(`${path}/outside`)
          Fs.writeFileSync(`${path}/outside/file`, "safe")
          Fs.mkdirSync(`${path}/from/both`, { recursive: true })
          Fs.writeFileSync(`${path}/from/both/here.log`, "left out")
          Fs.writeFileSync(`${path}/from/file`, "file")
          prepare()
          const filter = ({ path }: Transfer.Source) => path.endsWith(".log") ? "a log" : undefined
          const result = yield* transfer(`${path}/from`, `${path}/to`, { delete: true, filter })
          assert.deepStrictEqual(contents(`${path}/to`), {
            "both": "/",
            "both/here.log": "counterpart",
            "file": "file",
            "old": "/",
            "old/precious.log": "kept by the filter"
          })
          assert.deepStrictEqual(outcomes(result), {
            "": "Made",
            "both": "Made",
            "both/extra": "Deleted",
            "both/here.log": "LeftOut",
            "file": "Copied",
            "old/deep": "Deleted",
            "old/deep/file": "Deleted",
            "old/precious.log": "LeftOut",
            "way out": "Deleted"
          })
          assert.deepStrictEqual(contents(`${path}/outside`), { file: "safe" })
          // Not where something failed.
          prepare()
          Fs.mkdirSync(`${path}/to/file`)
          yield* Effect.flip(transfer(`${path}/from`, `${path}/to`, { delete: true }))
          assert.isTrue(Fs.existsSync(`${path}/to/old/deep/file`))
        })
    )

    each(
      "one file onto a link replaces what it names, one of a tree replaces the link",
      (_, transfer) =>
        Effect.gen(function*() {
          const path = yield* directory
          Fs.mkdirSync(`${path}/from`)
          Fs.mkdirSync(`${path}/to`)
          Fs.writeFileSync(`${path}/from/file`, "new")
          Fs.writeFileSync(`${path}/named`, "old")
          Fs.symlinkSync("../named", `${path}/to/file`)
          yield* transfer(`${path}/from/file`, `${path}/to/file`)
          assert.isTrue(Fs.lstatSync(`${path}/to/file`).isSymbolicLink())
          assert.strictEqual(Fs.readFileSync(`${path}/named`, "utf8"), "new")
          Fs.writeFileSync(`${path}/named`, "old")
          yield* transfer(`${path}/from`, `${path}/to`)
          assert.deepStrictEqual(contents(`${path}/to`), { file: "new" })
          assert.strictEqual(Fs.readFileSync(`${path}/named`, "utf8"), "old")
          // A link where a directory must go leads elsewhere.
          Fs.mkdirSync(`${path}/from/sub`)
          Fs.writeFileSync(`${path}/from/sub/file`, "")
          Fs.mkdirSync(`${path}/outside`)
          Fs.symlinkSync("../outside", `${path}/to/sub`)
          const error = yield* Effect.flip(transfer(`${path}/from`, `${path}/to`))
          assert(error._tag === "TransferError")
          assert.strictEqual(outcomes(error)["sub"], "Failed BadResource")
          assert.deepStrictEqual(contents(`${path}/outside`), {})
        })
    )

    each("an interrupted one leaves nothing beside the target", (_, transfer, direction) =>
      Effect.gen(function*() {
        const path = yield* directory
        Fs.mkdirSync(`${path}/from`)
        for (const file of ["one", "two", "three"]) Fs.writeFileSync(`${path}/from/${file}`, pseudoRandom(900_000))
        const { local, reached } = yield* stalling(300_000)
        const running = yield* Effect.fork(transfer(`${path}/from`, `${path}/to`, { local }))
        yield* reached
        assert.isAbove(Fs.readdirSync(`${path}/to`).length, 0, direction)
        yield* Fiber.interrupt(running)
        assert.deepStrictEqual(contents(`${path}/to`), {})
        const single = yield* stalling(300_000)
        const one = yield* Effect.fork(transfer(`${path}/from/one`, `${path}/one`, { local: single.local }))
        yield* single.reached
        yield* Fiber.interrupt(one)
        assert.sameMembers(Fs.readdirSync(path), ["from", "to"])
      }))

    each("resume goes on where an interrupted one was cut off", (_, transfer) =>
      Effect.gen(function*() {
        const path = yield* directory
        const content = pseudoRandom(900_000)
        Fs.mkdirSync(`${path}/to`)
        Fs.writeFileSync(`${path}/from`, content)
        const target = `${path}/to/${"long name ".repeat(25)}`
        const interrupted = Effect.gen(function*() {
          const { local, reached } = yield* stalling(500_000)
          const running = yield* Effect.fork(transfer(`${path}/from`, target, { local, resume: true }))
          yield* reached
          yield* eventually(
            Effect.sync(() => Fs.readdirSync(`${path}/to`).map((name) => Fs.statSync(`${path}/to/${name}`).size)),
            ([size = 0]) => size > 200_000
          )
          yield* Fiber.interrupt(running)
          const [partial = "", ...others] = Fs.readdirSync(`${path}/to`)
          assert.match(partial, /^\.effect-remote-.*\.part$/)
          assert.deepStrictEqual(others, [])
          return `${path}/to/${partial}`
        })
        const size = Fs.statSync(yield* interrupted).size
        const result = yield* transfer(`${path}/from`, target, { resume: true, verify: "digest" })
        const outcome = result.entries[0]!.outcome
        assert(outcome._tag === "Copied")
        assert.strictEqual(outcome.resumedAt, BigInt(size))
        assert.strictEqual(result.bytes, BigInt(content.length - size))
        assert.isTrue(content.equals(Fs.readFileSync(target)))
        assert.strictEqual(Fs.readdirSync(`${path}/to`).length, 1)
        // A partial file that holds something else is none to go on with.
        Fs.rmSync(target)
        Fs.writeFileSync(yield* interrupted, Buffer.alloc(300_000, "x"))
        const again = yield* transfer(`${path}/from`, target, { resume: true })
        assert.deepStrictEqual(again.entries[0]!.outcome, Transfer.Outcome.Copied({ resumedAt: 0n }))
        assert.isTrue(content.equals(Fs.readFileSync(target)))
        // Nor is that of another time, which is removed.
        Fs.rmSync(target)
        yield* interrupted
        Fs.writeFileSync(`${path}/from`, content.subarray(1))
        yield* transfer(`${path}/from`, target, { resume: true })
        assert.isTrue(content.subarray(1).equals(Fs.readFileSync(target)))
        assert.strictEqual(Fs.readdirSync(`${path}/to`).length, 1)
      }))

    each(
      "a connection lost on the way fails what is left at once, and is found in the error",
      (_, transfer) =>
        Effect.gen(function*() {
          const { dropConnections } = yield* Sshd.Sshd
          const path = yield* directory
          Fs.mkdirSync(`${path}/from`)
          for (const file of Array.range(1, 20)) Fs.writeFileSync(`${path}/from/${file}`, pseudoRandom(600_000, file))
          let pieces = 0
          // With a file half way, so that its handle is lost with the connection.
          const drop = Effect.suspend(() => ++pieces === 20 ? dropConnections : Effect.void)
          const local = changing(yield* node, (file) => ({
            read: (buffer) => Effect.tap(file.read(buffer), drop),
            writeAll: (bytes) => Effect.zipRight(drop, file.writeAll(bytes))
          }))
          const error = yield* Effect.flip(transfer(`${path}/from`, `${path}/to`, { concurrency: 2, local }))
          assert(error._tag === "TransferError")
          const failed = error.entries.flatMap(({ outcome }) => outcome._tag === "Failed" ? [outcome.error] : [])
          assert.isAbove(failed.length, 0)
          assert.isTrue(failed.every((error) => Option.isSome(RemoteError.connectionError(error))))
          assert.strictEqual(error.entries.length, 21)
          // With all that is left, the next one is whole.
          yield* transfer(`${path}/from`, `${path}/to`, { resume: true })
          assert.deepStrictEqual(contents(`${path}/to`), contents(`${path}/from`))
        })
    )

    it.effect("a source that changes, or vanishes, while it is copied is a failed entry", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        const local = yield* node
        const content = pseudoRandom(700_000)
        Fs.mkdirSync(`${path}/from`)
        // As soon as it is read from, it is something else.
        const touched = (touch: (path: string) => void) =>
          changing(local, (file, path) => ({
            read: (buffer) => Effect.tap(file.read(buffer), () => Effect.sync(() => touch(path)))
          }))
        const cases: ReadonlyArray<readonly [string, (path: string) => void]> = [
          ["Failed InvalidData", (path) => Fs.appendFileSync(path, "more")],
          ["Failed InvalidData", (path) => Fs.utimesSync(path, 1, 1)],
          ["Failed InvalidData", (path) => Fs.truncateSync(path, 100_000)],
          ["Failed NotFound", (path) => Fs.rmSync(path, { force: true })]
        ]
        for (const [expected, touch] of cases) {
          Fs.writeFileSync(`${path}/from/file`, content)
          const error = yield* Effect.flip(fs.put(`${path}/from`, `${path}/to`, { local: touched(touch) }))
          assert(error._tag === "TransferError")
          assert.strictEqual(outcomes(error)["file"], expected)
          assert.deepStrictEqual(contents(`${path}/to`), {})
        }
      }))

    each("files of /proc, which have no size, arrive with what they hold", (_, transfer) =>
      Effect.gen(function*() {
        const path = yield* directory
        yield* transfer("/proc/version", `${path}/version`)
        assert.strictEqual(Fs.readFileSync(`${path}/version`, "utf8"), Fs.readFileSync("/proc/version", "utf8"))
      }))

    each("progress is told, the end always, and holds nothing up", (_, transfer, direction) =>
      Effect.gen(function*() {
        const path = yield* directory
        Fs.mkdirSync(`${path}/from`)
        for (const file of Array.range(1, 20)) Fs.writeFileSync(`${path}/from/${file}`, pseudoRandom(100_000, file))
        const seen: Array<Transfer.Progress> = []
        yield* transfer(`${path}/from`, `${path}/to`, {
          onProgress: (progress) => Effect.sync(() => void seen.push(progress))
        })
        const last = seen[seen.length - 1]!
        assert.deepStrictEqual(
          [last.files, last.totalFiles, last.bytes, last.totalBytes, last.isCounted, last.isDone],
          [20, 20, 2_000_000n, 2_000_000n, true, true]
        )
        assert.strictEqual(seen.filter(({ isDone }) => isDone).length, 1)
        for (const [index, progress] of seen.entries()) {
          assert.isTrue(index === 0 || progress.bytes >= seen[index - 1]!.bytes)
        }
        // One that never returns, and one that is broken.
        if (direction === "put") yield* transfer(`${path}/from`, `${path}/to`, { onProgress: () => Effect.never })
        yield* transfer(`${path}/from`, `${path}/to`, { onProgress: () => Effect.die("broken") }).pipe(
          Effect.provide(Logger.remove(Logger.defaultLogger))
        )
        // A failed one ends, too.
        const ends: Array<boolean> = []
        Fs.mkdirSync(`${path}/from/1.d`)
        Fs.writeFileSync(`${path}/to/1.d`, "")
        yield* Effect.flip(transfer(`${path}/from`, `${path}/to`, {
          onProgress: ({ isDone }) => Effect.sync(() => void ends.push(isDone))
        }))
        assert.isTrue(ends[ends.length - 1])
      }))

    each("a digest that is not the source's is a failure", (fs, transfer, direction) =>
      Effect.gen(function*() {
        const path = yield* directory
        Fs.mkdirSync(`${path}/from`)
        Fs.writeFileSync(`${path}/from/small`, "small")
        Fs.writeFileSync(`${path}/from/large`, pseudoRandom(500_000))
        yield* transfer(`${path}/from`, `${path}/to`, { verify: "digest" })
        assert.deepStrictEqual(contents(`${path}/to`), contents(`${path}/from`))
        if (direction === "put") return
        const local = yield* node
        const corrupt = changing(local, (file) => ({
          writeAll: (bytes) => file.writeAll(new Uint8Array(bytes).fill(0, 0, 1))
        }))
        const error = yield* Effect.flip(
          fs.get(`${path}/from`, `${path}/corrupt`, { local: corrupt, verify: "digest" })
        )
        assert(error._tag === "TransferError")
        assert.deepStrictEqual(outcomes(error), {
          "": "Made",
          "large": "Failed InvalidData",
          "small": "Failed InvalidData"
        })
        assert.deepStrictEqual(contents(`${path}/corrupt`), {})
      }))
  })
