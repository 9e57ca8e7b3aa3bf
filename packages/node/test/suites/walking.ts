import { RemoteError, RemoteFileSystem } from "@effect-remote/core"
import type { WalkEntry, WalkOptions } from "@effect-remote/core/RemoteFileSystem"
import { Transport } from "@effect-remote/core/Transport"
import { Sshd } from "@effect-remote/testing"
import type { WatchEvent } from "@effect/platform/FileSystem"
import { assert, layer } from "@effect/vitest"
import { Array, Chunk, Context, Deferred, Effect, Fiber, Option, Queue, Scope, Stream } from "effect"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import { partialName } from "../../../core/src/internal/transfer/names.js"
import * as localHash from "../../src/internal/localHash.js"
import { directory, failsWith, isRoot, name } from "./files.js"
import { eventually, running, type Suite } from "./support.js"

const hostile: ReadonlyArray<string> = [
  " ",
  " leading and trailing ",
  "two words",
  "it's \"quoted\"",
  "line\nend\n",
  "-rf",
  "--help",
  "*",
  "~",
  "$(id) `id` $HOME",
  "back\\slash",
  "\\n",
  "caf\u00e9",
  "cafe\u0301",
  "x".repeat(255),
  "\u00e9".repeat(127),
  "not UTF-8: \udcff\udc80",
  "\udcfe".repeat(255)
]

const write = (path: string, content: string | Uint8Array = "") => Fs.writeFileSync(name(path), content)

const makeDirectory = (path: string) => Fs.mkdirSync(name(path), { recursive: true })

const digestOf = (algorithm: RemoteFileSystem.DigestAlgorithm, content: Uint8Array) =>
  Crypto.createHash(algorithm).update(content).digest("hex")

const algorithms = ["md5", "sha1", "sha256", "sha512"] as const

const content = Buffer.from(Array.makeBy(400_000, (index) => (index * 7919) % 251))

/** As `_tag depth path-below-the-root`, sorted. */
const walked = (path: string, options?: WalkOptions) =>
  Effect.gen(function*() {
    const fs = yield* RemoteFileSystem.RemoteFileSystem
    const entries = yield* Stream.runCollect(fs.walk(path, options))
    return Chunk.toArray(entries).map((entry) => `${entry._tag} ${entry.depth} ${entry.path.slice(path.length + 1)}`)
  })

const subdirectories = (path: string): ReadonlyArray<string> => {
  try {
    return Fs.readdirSync(path)
  } catch {
    return []
  }
}

const descriptors = (): ReadonlyArray<string> =>
  subdirectories("/proc").filter((entry) => /^\d+$/.test(entry)).flatMap((pid) =>
    subdirectories(`/proc/${pid}/fd`).flatMap((descriptor) => {
      try {
        return [Fs.readlinkSync(`/proc/${pid}/fd/${descriptor}`)]
      } catch {
        return []
      }
    })
  )

/** Files of a host whose commands are not known. */
const withoutCommands = Effect.mapInputContext(
  Effect.provide(RemoteFileSystem.make, localHash.layer),
  (context: Context.Context<Transport | Scope.Scope>) => Context.pick(Transport, Scope.Scope)(context)
)

/** Files of which no digest is computed here: the services of a layer do not tell how. */
const withoutHash = RemoteFileSystem.make

/** What walks, digests and watchers do on every transport. */
export const walking = ({ layer: live, name: suite }: Suite) =>
  layer(live, { excludeTestServices: true, timeout: "60 seconds" })(`walking on ${suite}`, (it) => {
    it.effect("a walk tells a directory before what is in it, and links as links", () =>
      Effect.gen(function*() {
        const path = yield* directory
        makeDirectory(`${path}/a/b`)
        write(`${path}/a/b/file`, "12345")
        write(`${path}/top`)
        Fs.symlinkSync("a", `${path}/link`)
        Fs.symlinkSync("nowhere", `${path}/dangling`)
        const found = yield* walked(path)
        assert.sameMembers(found, [
          "Directory 1 a",
          "Directory 2 a/b",
          "File 3 a/b/file",
          "File 1 top",
          "SymbolicLink 1 link",
          "SymbolicLink 1 dangling"
        ])
        const at = (entry: string) => found.indexOf(entry)
        assert.isTrue(
          at("Directory 2 a/b") === at("Directory 1 a") + 1 && at("File 3 a/b/file") === at("Directory 1 a") + 2
        )
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const file = Option.getOrThrow(
          yield* Stream.runHead(
            Stream.filter(fs.walk(`${path}/a/`), ({ _tag }) => _tag === "File")
          )
        )
        assert(file._tag === "File")
        assert.strictEqual(file.path, `${path}/a/b/file`)
        assert.strictEqual(Number(file.info.size), 5)
        assert.deepStrictEqual(yield* fs.listFiles(path), [`${path}/a/b/file`, `${path}/top`])
        assert.sameMembers(yield* fs.readDirectory(path, { recursive: true }), [
          "a",
          "a/b",
          "a/b/file",
          "top",
          "link",
          "dangling"
        ])
        assert.deepStrictEqual(yield* fs.readDirectory(`${path}/a/`, { recursive: true }), ["b", "b/file"])
      }))

    it.effect("names of any bytes are told as they are, digested and removed", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        for (const part of hostile) {
          makeDirectory(`${path}/${part}`)
          write(`${path}/${part}/${part}`, content)
        }
        const paths = hostile.map((part) => `${part}/${part}`)
        assert.sameMembers(yield* fs.readDirectory(path, { recursive: true }), [...hostile, ...paths])
        const files = yield* fs.listFiles(path)
        assert.deepStrictEqual(files, paths.map((part) => `${path}/${part}`).sort())
        const digests = yield* Effect.forEach(files, (file) => fs.digest(file), { concurrency: 4 })
        assert.deepStrictEqual(digests, files.map(() => digestOf("sha256", content)))
      }))

    it.effect("a walk that follows links goes into no circle", () =>
      Effect.gen(function*() {
        const path = yield* directory
        makeDirectory(`${path}/a/b`)
        makeDirectory(`${path}/c`)
        write(`${path}/c/file`)
        Fs.symlinkSync(".", `${path}/a/self`)
        Fs.symlinkSync("..", `${path}/a/b/up`)
        Fs.symlinkSync(path, `${path}/a/root`)
        Fs.symlinkSync("/", `${path}/a/everything`)
        Fs.symlinkSync("loop", `${path}/a/loop`)
        Fs.symlinkSync("nowhere", `${path}/a/dangling`)
        Fs.symlinkSync("../c", `${path}/a/c`)
        Fs.symlinkSync("../a", `${path}/c/a`)
        Fs.symlinkSync("file", `${path}/c/link`)
        const inA = (above: string, depth: number) => [
          `Directory ${depth} ${above}b`,
          `SymbolicLink ${depth + 1} ${above}b/up`,
          ...["self", "root", "everything", "loop", "dangling"].map((link) => `SymbolicLink ${depth} ${above}${link}`)
        ]
        const inC = (above: string, depth: number) => [`File ${depth} ${above}file`, `File ${depth} ${above}link`]
        const root = `${path}/../${path.slice(path.lastIndexOf("/") + 1)}`
        assert.sameMembers(yield* walked(root, { followLinks: true }), [
          "Directory 1 a",
          ...inA("a/", 2),
          "Directory 2 a/c",
          ...inC("a/c/", 3),
          "SymbolicLink 3 a/c/a",
          "Directory 1 c",
          ...inC("c/", 2),
          "Directory 2 c/a",
          ...inA("c/a/", 3),
          "SymbolicLink 3 c/a/c"
        ])
      }))

    it.effect("only a root that cannot be read fails a walk", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        write(`${path}/file`)
        Fs.symlinkSync(".", `${path}/link`)
        const reasonOf = (path: string, options?: WalkOptions) => failsWith(Stream.runDrain(fs.walk(path, options)))
        assert.strictEqual(yield* reasonOf(`${path}/no`), "NotFound")
        assert.strictEqual(yield* reasonOf(`${path}/no`, { followLinks: true }), "NotFound")
        assert.strictEqual(yield* reasonOf(`${path}/file`), "BadResource")
        assert.strictEqual(yield* reasonOf(`${path}/a\0b`), "BadArgument")
        assert.strictEqual(yield* reasonOf(""), "NotFound")
        assert.sameMembers(yield* walked(`${path}/link`), ["File 1 file", "SymbolicLink 1 link"])
      }))

    // Root may read anything; CI runs the tests as an ordinary user, too.
    it.effect.skipIf(isRoot)(
      "a directory that cannot be read is Failed, and fails what leaves nothing out",
      () =>
        Effect.gen(function*() {
          const fs = yield* RemoteFileSystem.RemoteFileSystem
          const path = yield* directory
          Fs.mkdirSync(`${path}/closed`)
          Fs.chmodSync(`${path}/closed`, 0)
          makeDirectory(`${path}/open/deep`)
          yield* Effect.addFinalizer(() => Effect.sync(() => Fs.chmodSync(`${path}/closed`, 0o700)))
          assert.sameMembers(yield* walked(path), [
            "Directory 1 closed",
            "Failed 1 closed",
            "Directory 1 open",
            "Directory 2 open/deep"
          ])
          assert.strictEqual(yield* failsWith(fs.listFiles(path)), "PermissionDenied")
          assert.strictEqual(yield* failsWith(fs.readDirectory(path, { recursive: true })), "PermissionDenied")
          assert.strictEqual(yield* failsWith(Stream.runDrain(fs.walk(`${path}/closed`))), "PermissionDenied")
        }).pipe(Effect.scoped)
    )

    it.effect("a directory that vanishes in the middle of a walk is Failed, and the walk goes on", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        for (const part of ["a", "b", "c"]) makeDirectory(`${path}/${part}/below`)
        const entries: Array<WalkEntry> = []
        yield* Stream.runForEach(fs.walk(path), (entry) =>
          Effect.sync(() => {
            // Of the three, the one that is told first is gone before it is entered.
            if (entries.length === 0) Fs.rmSync(entry.path, { recursive: true })
            entries.push(entry)
          }))
        assert.deepStrictEqual(entries.map(({ _tag }) => _tag), [
          "Directory",
          "Failed",
          ...Array.replicate("Directory" as const, 4)
        ])
        const failed = entries[1]!
        assert(failed._tag === "Failed" && failed.error._tag === "SystemError")
        assert.strictEqual(failed.error.reason, "NotFound")
        assert.strictEqual(failed.path, entries[0]!.path)
      }))

    it.effect("a walk that is left early, or interrupted, leaves no handle open", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        makeDirectory(`${path}/a/b/c`)
        for (let round = 0; round < 20; round++) {
          assert.strictEqual(Chunk.size(yield* Stream.runCollect(Stream.take(fs.walk(path), 2))), 2)
          const reached = yield* Deferred.make<void>()
          const fiber = yield* Effect.fork(Stream.runForEach(
            Stream.forever(fs.walk(path)),
            () => Deferred.succeed(reached, undefined)
          ))
          yield* Deferred.await(reached)
          yield* Fiber.interrupt(fiber)
        }
        // The server is on this machine, where Linux shows what a process holds open.
        const held = Effect.sync(() => descriptors().filter((target) => target.startsWith(path)))
        yield* eventually(held, ({ length }) => length === 0)
      }))

    it.effect("a wide directory, and a deep one", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        makeDirectory(`${path}/wide`)
        for (let index = 0; index < 3000; index++) Fs.closeSync(Fs.openSync(`${path}/wide/${index}`, "w"))
        makeDirectory(`${path}/deep/${"d/".repeat(100)}`)
        const count = yield* Stream.runCount(fs.walk(path))
        assert.strictEqual(count, 3_102)
      }))

    it.effect("a lost connection fails the walk, and is found in the error", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const { dropConnections } = yield* Sshd.Sshd
        const path = yield* directory
        makeDirectory(`${path}/${"d/".repeat(50)}`)
        const begun = yield* Deferred.make<void>()
        const walk = yield* Effect.fork(Effect.flip(
          Stream.runForEach(Stream.forever(fs.walk(path)), () => Deferred.succeed(begun, undefined))
        ))
        yield* Deferred.await(begun)
        const error = yield* Effect.raceFirst(Fiber.join(walk), Effect.forever(dropConnections))
        assert.isTrue(Option.isSome(RemoteError.connectionError(error)))
        assert.strictEqual((yield* walked(path)).length, 50)
      }))

    it.effect("a digest is the same on the host and here", () =>
      Effect.gen(function*() {
        const path = `${yield* directory}/file`
        write(path, content)
        const here = yield* withoutCommands
        const there = yield* withoutHash
        for (const algorithm of algorithms) {
          const expected = digestOf(algorithm, content)
          assert.strictEqual(yield* here.digest(path, { algorithm }), expected)
          assert.strictEqual(yield* there.digest(path, { algorithm }), expected)
        }
        write(path, "small")
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        assert.strictEqual(yield* fs.digest(path), digestOf("sha256", Buffer.from("small")))
        assert.strictEqual(yield* there.digest(path), digestOf("sha256", Buffer.from("small")))
        assert.match(yield* fs.digest("/proc/self/status"), /^[0-9a-f]{64}$/)
      }).pipe(Effect.scoped))

    it.effect("a digest fails alike, wherever it is computed", () =>
      Effect.gen(function*() {
        const path = yield* directory
        write(`${path}/secret`, content)
        Fs.chmodSync(`${path}/secret`, 0)
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        for (const files of [fs, yield* withoutCommands]) {
          assert.strictEqual(yield* failsWith(files.digest(`${path}/no`)), "NotFound")
          assert.strictEqual(yield* failsWith(files.digest(path)), "BadResource")
          assert.strictEqual(yield* failsWith(files.digest("/dev/null")), "BadResource")
          assert.strictEqual(yield* failsWith(files.digest("")), "NotFound")
          if (!isRoot) assert.strictEqual(yield* failsWith(files.digest(`${path}/secret`)), "PermissionDenied")
        }
      }).pipe(Effect.scoped))

    it.effect("a digest that is interrupted ends its process on the host", () =>
      Effect.gen(function*() {
        const path = `${yield* directory}/sparse`
        write(path)
        Fs.truncateSync(path, 1024 ** 4)
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const fiber = yield* Effect.fork(fs.digest(path))
        yield* eventually(running("sha256sum"), (processes) => processes.length === 1)
        yield* Fiber.interrupt(fiber)
        yield* eventually(running("sha256sum"), (processes) => processes.length === 0)
      }))

    it.effect("changes are told as they are seen", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        write(`${path}/old`)
        const events = yield* Queue.unbounded<WatchEvent>()
        const watching = yield* Effect.fork(
          Stream.runForEach(fs.watch(path, { recursive: true, interval: "10 millis" }), (event) =>
            Queue.offer(events, event))
        )
        const next = Effect.map(Queue.take(events), ({ _tag, path }) =>
          `${_tag} ${path}`)
        // The first look is known to be over when a change is seen.
        let last = 0
        yield* eventually(
          Effect.zipRight(Effect.sync(() => write(`${path}/ready`, "x".repeat(++last))), Queue.size(events)),
          (size) => size > 0
        )
        Fs.rmSync(`${path}/ready`)
        yield* Effect.repeat(next, { until: (event) => event === "Remove ready" })
        makeDirectory(`${path}/made`)
        assert.strictEqual(yield* next, "Create made")
        write(`${path}/made/ü`)
        assert.strictEqual(yield* next, "Create made/ü")
        write(`${path}/old`, "more")
        assert.strictEqual(yield* next, "Update old")
        Fs.renameSync(`${path}/old`, `${path}/new`)
        assert.sameMembers([yield* next, yield* next], ["Remove old", "Create new"])
        yield* Fiber.interrupt(watching)
        assert.strictEqual(yield* failsWith(Stream.runDrain(fs.watch(`${path}/no`))), "NotFound")
        assert.strictEqual(yield* failsWith(Stream.runDrain(fs.watch(path, { interval: 0 }))), "BadArgument")
      }))

    it.effect("a lost connection fails a watch", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const { dropConnections } = yield* Sshd.Sshd
        const path = yield* directory
        write(`${path}/file`)
        const change = (count: number) => Effect.sync(() => write(`${path}/file`, "x".repeat(count)))
        const seen = yield* Deferred.make<void>()
        const watching = yield* Effect.fork(Effect.flip(Stream.runForEach(
          fs.watch(`${path}/file`, { interval: "1 millis" }),
          ({ path }) => {
            assert.strictEqual(path, "file")
            return Deferred.succeed(seen, undefined)
          }
        )))
        let last = 0
        yield* eventually(
          Effect.zipRight(Effect.suspend(() => change(++last)), Deferred.isDone(seen)),
          (isSeen) => isSeen
        )
        // One look may fall between two connections: the next cut meets another.
        const error = yield* Effect.raceFirst(
          Fiber.join(watching),
          Effect.forever(dropConnections)
        )
        assert.isTrue(Option.isSome(RemoteError.connectionError(error)))
      }))

    it.effect("what killed clients left is swept when it is old, and nothing else", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        const temporary = (digit: string) => `.effect-remote-${digit.repeat(32)}.tmp`
        const partial = partialName("file", { size: 1_000_000n, mtime: -5_000 })
        const old = [temporary("a"), partial]
        const kept = [".effect-remote-.tmp", `${temporary("a")}x`, `x${temporary("a")}`, temporary("g"), "file.tmp"]
        for (const part of [...old, ...kept]) {
          write(`${path}/${part}`)
          Fs.utimesSync(`${path}/${part}`, 0, Date.now() / 1000 - 3600)
        }
        makeDirectory(`${path}/${temporary("c")}`)
        Fs.symlinkSync("file.tmp", `${path}/${temporary("d")}`)
        write(`${path}/${temporary("e")}`)
        const before = Fs.readdirSync(path)
        assert.deepStrictEqual(yield* fs.sweepTemporary(path, "2 hours"), [])
        assert.sameMembers(Fs.readdirSync(path), before)
        assert.sameMembers(yield* fs.sweepTemporary(path, "59 minutes"), old)
        assert.sameMembers(Fs.readdirSync(path), before.filter((part) => !old.includes(part)))
        assert.deepStrictEqual(yield* fs.sweepTemporary(path, 0), [temporary("e")])
        for (const wrong of [-1, Infinity, NaN, "-1 seconds", "infinity"] as const) {
          assert.strictEqual(yield* failsWith(fs.sweepTemporary(path, wrong as number)), "BadArgument", String(wrong))
        }
        assert.strictEqual(yield* failsWith(fs.sweepTemporary(`${path}/no`, 0)), "NotFound")
      }))
  })
