import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import type { WalkEntry, WalkOptions } from "@effect-remote/core/RemoteFileSystem"
import { Transport } from "@effect-remote/core/Transport"
import * as NodeLocal from "@effect-remote/node/NodeLocal"
import type { PlatformError } from "@effect/platform/Error"
import type { WatchEvent } from "@effect/platform/FileSystem"
import { assert } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Crypto from "node:crypto"
import { ConformanceHost } from "../../ConformanceHost.js"
import { cases } from "./cases.js"
import {
  directory,
  dropConnections,
  eventually,
  failsWith,
  isRoot,
  localDirectory,
  localFiles,
  lostBy,
  reasonOf,
  unlessLost,
  untilNothingIsOpen,
  write
} from "./support.js"

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

/** Files of a host whose commands are not known. */
const withoutCommands = Effect.mapInputContext(
  Effect.provide(RemoteFileSystem.make, NodeLocal.layerFiles),
  (context: Context.Context<Transport | Scope.Scope>) => Context.pick(Transport, Scope.Scope)(context)
)

/** Files of which no digest is computed here: the services of a layer do not tell how. */
const withoutHash = RemoteFileSystem.make

/** @internal */
export const walking = cases("walking", (test) => {
  test("a walk tells a directory before what is in it, and links as links", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const path = yield* directory
      yield* files.makeDirectory(`${path}/a/b`, { recursive: true })
      yield* write(files, `${path}/a/b/file`, "12345")
      yield* write(files, `${path}/top`)
      yield* files.symlink("a", `${path}/link`)
      yield* files.symlink("nowhere", `${path}/dangling`)
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

  test("names of any bytes are told as they are, digested and removed", () =>
    Effect.gen(function*() {
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      for (const part of hostile) {
        yield* fs.makeDirectory(`${path}/${part}`, { recursive: true })
        yield* write(fs, `${path}/${part}/${part}`, content)
      }
      const paths = hostile.map((part) => `${part}/${part}`)
      assert.sameMembers(yield* fs.readDirectory(path, { recursive: true }), [...hostile, ...paths])
      const files = yield* fs.listFiles(path)
      assert.deepStrictEqual(files, paths.map((part) => `${path}/${part}`).sort())
      const digests = yield* Effect.forEach(files, (file) => fs.digest(file), { concurrency: 4 })
      assert.deepStrictEqual(digests, files.map(() => digestOf("sha256", content)))
    }))

  test("a walk that follows links goes into no circle", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const path = yield* directory
      yield* files.makeDirectory(`${path}/a/b`, { recursive: true })
      yield* files.makeDirectory(`${path}/c`, { recursive: true })
      yield* write(files, `${path}/c/file`)
      yield* files.symlink(".", `${path}/a/self`)
      yield* files.symlink("..", `${path}/a/b/up`)
      yield* files.symlink(path, `${path}/a/root`)
      yield* files.symlink("/", `${path}/a/everything`)
      yield* files.symlink("loop", `${path}/a/loop`)
      yield* files.symlink("nowhere", `${path}/a/dangling`)
      yield* files.symlink("../c", `${path}/a/c`)
      yield* files.symlink("../a", `${path}/c/a`)
      yield* files.symlink("file", `${path}/c/link`)
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

  test("only a root that cannot be read fails a walk", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* write(files, `${path}/file`)
      yield* files.symlink(".", `${path}/link`)
      const reasonOf = (path: string, options?: WalkOptions) => failsWith(Stream.runDrain(fs.walk(path, options)))
      assert.strictEqual(yield* reasonOf(`${path}/no`), "NotFound")
      assert.strictEqual(yield* reasonOf(`${path}/no`, { followLinks: true }), "NotFound")
      assert.strictEqual(yield* reasonOf(`${path}/file`), "BadResource")
      assert.strictEqual(yield* reasonOf(`${path}/a\0b`), "BadArgument")
      assert.strictEqual(yield* reasonOf(""), "NotFound")
      assert.sameMembers(yield* walked(`${path}/link`), ["File 1 file", "SymbolicLink 1 link"])
    }))

  test(
    "a directory that cannot be read is Failed, and fails what leaves nothing out",
    () =>
      Effect.gen(function*() {
        const { files } = yield* ConformanceHost
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = yield* directory
        yield* files.makeDirectory(`${path}/closed`)
        yield* files.chmod(`${path}/closed`, 0)
        yield* files.makeDirectory(`${path}/open/deep`, { recursive: true })
        yield* Effect.addFinalizer(() => Effect.orDie(files.chmod(`${path}/closed`, 0o700)))
        if (yield* isRoot) {
          // Who may read anything.
          assert.sameMembers(yield* walked(path), ["Directory 1 closed", "Directory 1 open", "Directory 2 open/deep"])
          return
        }
        assert.sameMembers(yield* walked(path), [
          "Directory 1 closed",
          "Failed 1 closed",
          "Directory 1 open",
          "Directory 2 open/deep"
        ])
        assert.strictEqual(yield* failsWith(fs.listFiles(path)), "PermissionDenied")
        assert.strictEqual(yield* failsWith(fs.readDirectory(path, { recursive: true })), "PermissionDenied")
        assert.strictEqual(yield* failsWith(Stream.runDrain(fs.walk(`${path}/closed`))), "PermissionDenied")
      })
  )

  // FOUND A5
  test("a directory that may be listed and not entered is a failure of whatever lists it, and nothing is deleted", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      // Who may enter any.
      if (yield* isRoot) return
      yield* files.makeDirectory(`${path}/tree/blind`, { recursive: true })
      for (const name of ["top", "blind/file"]) yield* write(files, `${path}/tree/${name}`, name)
      const local = yield* localFiles
      const here = `${yield* localDirectory}/mirror`
      yield* fs.get(`${path}/tree`, here)
      yield* files.chmod(`${path}/tree/blind`, 0o644)
      yield* Effect.addFinalizer(() => Effect.orDie(files.chmod(`${path}/tree/blind`, 0o700)))
      assert.sameMembers(yield* walked(`${path}/tree`), ["File 1 top", "Directory 1 blind", "Failed 1 blind"])
      const failing = {
        listFiles: fs.listFiles(`${path}/tree`),
        readDirectory: fs.readDirectory(`${path}/tree/blind`),
        "readDirectory, recursive": fs.readDirectory(`${path}/tree`, { recursive: true }),
        copy: fs.copy(`${path}/tree`, `${path}/copy`),
        remove: fs.remove(`${path}/tree`, { recursive: true })
      }
      for (const [name, verb] of Object.entries<Effect.Effect<unknown, PlatformError>>(failing)) {
        assert.strictEqual(yield* failsWith(verb), "PermissionDenied", name)
      }
      yield* write(files, `${path}/tree/top`, "top")
      const error = yield* Effect.flip(fs.get(`${path}/tree`, here, { delete: true }))
      assert(error._tag === "TransferError")
      const failed = error.entries.flatMap(({ outcome, path }) =>
        outcome._tag === "Failed" ? [`${path} ${reasonOf(outcome.error)}`] : []
      )
      assert.deepStrictEqual(failed, ["blind PermissionDenied"])
      assert.strictEqual(yield* local.readFileString(`${here}/blind/file`), "blind/file")
    }))

  test("a directory that vanishes in the middle of a walk is Failed, and the walk goes on", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      for (const part of ["a", "b", "c"]) yield* files.makeDirectory(`${path}/${part}/below`, { recursive: true })
      const entries: Array<WalkEntry> = []
      yield* Stream.runForEach(fs.walk(path), (entry) =>
        Effect.suspend(() => {
          entries.push(entry)
          // Of the three, the one that is told first is gone before it is entered.
          return entries.length === 1 ? files.remove(entry.path, { recursive: true }) : Effect.void
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

  test("a walk that is left early, or interrupted, leaves no handle open", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* files.makeDirectory(`${path}/a/b/c`, { recursive: true })
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
      yield* untilNothingIsOpen
    }))

  test("a directory of 10,000 entries, and a deep one", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* files.makeDirectory(`${path}/wide`, { recursive: true })
      const names = Array.makeBy(10_000, String)
      yield* Effect.forEach(names, (name) => write(files, `${path}/wide/${name}`), { concurrency: 50, discard: true })
      yield* files.makeDirectory(`${path}/deep/${"d/".repeat(100)}`, { recursive: true })
      const listed = yield* fs.readDirectory(`${path}/wide`)
      assert.deepStrictEqual(listed.map(Number).sort((a, b) => a - b), Array.makeBy(10_000, (index) => index))
      assert.strictEqual(yield* Stream.runCount(fs.walk(path)), 10_102)
    }))

  test("a lost connection fails the walk, and is found in the error", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* files.makeDirectory(`${path}/${"d/".repeat(50)}`, { recursive: true })
      const begun = yield* Deferred.make<void>()
      const walk = yield* Effect.fork(Effect.flip(
        Stream.runForEach(Stream.forever(fs.walk(path)), () => Deferred.succeed(begun, undefined))
      ))
      yield* Deferred.await(begun)
      const error = yield* Effect.raceFirst(Fiber.join(walk), Effect.forever(dropConnections))
      assert.isDefined(lostBy(error))
      assert.strictEqual((yield* walked(path)).length, 50)
    }))

  test("a digest is the same on the host and here", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const path = `${yield* directory}/file`
      yield* write(files, path, content)
      const here = yield* withoutCommands
      const there = yield* withoutHash
      for (const algorithm of algorithms) {
        const expected = digestOf(algorithm, content)
        assert.strictEqual(yield* here.digest(path, { algorithm }), expected)
        assert.strictEqual(yield* there.digest(path, { algorithm }), expected)
      }
      yield* write(files, path, "small")
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      assert.strictEqual(yield* fs.digest(path), digestOf("sha256", Buffer.from("small")))
      assert.strictEqual(yield* there.digest(path), digestOf("sha256", Buffer.from("small")))
    }))

  test("a digest fails alike, wherever it is computed", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const path = yield* directory
      yield* write(files, `${path}/secret`, content)
      yield* files.chmod(`${path}/secret`, 0)
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      for (const files of [fs, yield* withoutCommands]) {
        assert.strictEqual(yield* failsWith(files.digest(`${path}/no`)), "NotFound")
        assert.strictEqual(yield* failsWith(files.digest(path)), "BadResource")
        assert.strictEqual(yield* failsWith(files.digest("")), "NotFound")
        const secret = files.digest(`${path}/secret`)
        if (yield* isRoot) assert.strictEqual(yield* secret, digestOf("sha256", content))
        else assert.strictEqual(yield* failsWith(secret), "PermissionDenied")
      }
    }))

  test("a digest of a file of the system is one of what it holds, and of a device none", () =>
    Effect.gen(function*() {
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      assert.match(yield* fs.digest("/proc/self/status"), /^[0-9a-f]{64}$/)
      for (const files of [fs, yield* withoutCommands]) {
        assert.strictEqual(yield* failsWith(files.digest("/dev/null")), "BadResource")
      }
    }), "specialFiles")

  test("a digest that is interrupted ends its process on the host", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const path = `${yield* directory}/sparse`
      yield* write(files, path)
      yield* files.truncate(path, 1024 ** 4)
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const fiber = yield* Effect.fork(fs.digest(path))
      const { leftOpen } = yield* ConformanceHost
      yield* eventually(leftOpen, Array.isNonEmptyReadonlyArray)
      yield* Fiber.interrupt(fiber)
      yield* untilNothingIsOpen
    }))

  // FOUND A9
  test("a write that is under way is seen by readDirectory alone", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* files.makeDirectory(`${path}/tree`)
      yield* write(files, `${path}/tree/file`, "old")
      const events = yield* Queue.unbounded<WatchEvent>()
      yield* Effect.fork(
        Stream.runForEach(fs.watch(path, { recursive: true, interval: "10 millis" }), (event) =>
          Queue.offer(events, event))
      )
      // The first look is known to be over when a change is seen.
      let last = 0
      yield* eventually(
        Effect.zipRight(
          Effect.suspend(() =>
            write(files, `${path}/tree/file`, "x".repeat(++last))
          ),
          Queue.size(events)
        ),
        (size) => size > 0
      )
      const reached = yield* Deferred.make<void>()
      const seen = yield* Deferred.make<void>()
      const content = Stream.concat(
        Stream.make(new Uint8Array(100_000)),
        Stream.execute(Effect.zipRight(Deferred.succeed(reached, undefined), Deferred.await(seen)))
      )
      const writing = yield* Effect.fork(fs.atomicWrite(`${path}/tree/new`, content))
      yield* Deferred.await(reached)
      assert.sameMembers(yield* walked(`${path}/tree`), ["File 1 file"])
      assert.deepStrictEqual(yield* fs.listFiles(path), [`${path}/tree/file`])
      yield* fs.copy(`${path}/tree`, `${path}/copy`)
      assert.deepStrictEqual(yield* files.readDirectory(`${path}/copy`), ["file"])
      const hidden = (yield* fs.readDirectory(`${path}/tree`)).filter((name) => name !== "file")
      assert.lengthOf(hidden, 1)
      assert.match(hidden[0]!, /^\.effect-remote-[0-9a-f]{32}\.tmp$/)
      assert.sameMembers(yield* fs.readDirectory(path, { recursive: true }), [
        ...["copy", "copy/file", "tree", "tree/file"],
        `tree/${hidden[0]!}`
      ])
      // Made after the hidden file, so that it is not seen before.
      yield* write(files, `${path}/last`)
      yield* Effect.repeat(Queue.take(events), {
        until: (event) => {
          assert.notMatch(event.path, /\.effect-remote-/)
          return event.path === "last"
        }
      })
      yield* Deferred.succeed(seen, undefined)
      yield* Fiber.join(writing)
      assert.sameMembers(yield* walked(`${path}/tree`), ["File 1 file", "File 1 new"])
    }))

  test("changes are told as they are seen", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      yield* write(files, `${path}/old`)
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
        Effect.zipRight(Effect.suspend(() => write(files, `${path}/ready`, "x".repeat(++last))), Queue.size(events)),
        (size) => size > 0
      )
      yield* files.remove(`${path}/ready`)
      yield* Effect.repeat(next, { until: (event) => event === "Remove ready" })
      yield* files.makeDirectory(`${path}/made`, { recursive: true })
      assert.strictEqual(yield* next, "Create made")
      yield* write(files, `${path}/made/ü`)
      assert.strictEqual(yield* next, "Create made/ü")
      yield* write(files, `${path}/old`, "more")
      assert.strictEqual(yield* next, "Update old")
      yield* files.rename(`${path}/old`, `${path}/new`)
      assert.sameMembers([yield* next, yield* next], ["Remove old", "Create new"])
      yield* Fiber.interrupt(watching)
      assert.strictEqual(yield* failsWith(Stream.runDrain(fs.watch(`${path}/no`))), "NotFound")
      assert.strictEqual(yield* failsWith(Stream.runDrain(fs.watch(path, { interval: 0 }))), "BadArgument")
    }))

  test("a connection lost during a look fails a watch", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      // So many that a look takes its time, and is cut: what is lost between two looks is nobody's loss.
      yield* Effect.forEach(Array.range(1, 400), (number) => files.makeDirectory(`${path}/${number}`), {
        concurrency: 50,
        discard: true
      })
      yield* unlessLost(fs.exists(path))
      const watching = yield* Effect.fork(
        Effect.flip(Stream.runDrain(fs.watch(path, { recursive: true, interval: "1 millis" })))
      )
      // Where a cut finds nothing under way after all, the next one does.
      const strike = Effect.zipRight(Effect.repeatN(Effect.yieldNow(), 20), dropConnections)
      const error = yield* Effect.raceFirst(
        Effect.flatten(Fiber.await(watching)),
        Effect.zipRight(Effect.repeat(strike, Schedule.spaced("7 millis")), Effect.never)
      )
      assert.strictEqual(lostBy(error), "ConnectionLost")
    }))

  test("a watch goes on where the connection is lost between two looks", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      const events = yield* Queue.unbounded<WatchEvent>()
      yield* Effect.fork(
        Stream.runForEach(fs.watch(path, { interval: "2 seconds" }), (event) => Queue.offer(events, event))
      )
      // A change is told when a look is over; the next one is two seconds away.
      let last = 0
      yield* eventually(
        Effect.zipRight(
          Effect.suspend(() => write(files, `${path}/file`, "x".repeat(++last))),
          Queue.size(events)
        ),
        (size) => size > 0
      )
      yield* dropConnections
      yield* write(files, `${path}/other`)
      const told = yield* Stream.fromQueue(events).pipe(
        Stream.filter(({ path }) => path === "other"),
        Stream.runHead
      )
      assert.deepStrictEqual(told, Option.some({ _tag: "Create", path: "other" }))
    }))

  test("what killed clients left is swept when it is old, and nothing else", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      const temporary = (digit: string) => `.effect-remote-${digit.repeat(32)}.tmp`
      const partial = ".effect-remote-0123456789abcdef-lfls--3uw.part"
      const old = [temporary("a"), partial]
      const kept = [".effect-remote-.tmp", `${temporary("a")}x`, `x${temporary("a")}`, temporary("g"), "file.tmp"]
      for (const part of [...old, ...kept]) {
        yield* write(files, `${path}/${part}`)
        yield* files.utimes(`${path}/${part}`, 0, Date.now() / 1000 - 3600)
      }
      yield* files.makeDirectory(`${path}/${temporary("c")}`, { recursive: true })
      yield* files.symlink("file.tmp", `${path}/${temporary("d")}`)
      yield* write(files, `${path}/${temporary("e")}`)
      const before = yield* files.readDirectory(path)
      assert.deepStrictEqual(yield* fs.sweepTemporary(path, "2 hours"), [])
      assert.sameMembers(yield* files.readDirectory(path), before)
      assert.sameMembers(yield* fs.sweepTemporary(path, "59 minutes"), old)
      assert.sameMembers(yield* files.readDirectory(path), before.filter((part) => !old.includes(part)))
      assert.deepStrictEqual(yield* fs.sweepTemporary(path, 0), [temporary("e")])
      for (const wrong of [-1, Infinity, NaN, "-1 seconds", "infinity"] as const) {
        assert.strictEqual(yield* failsWith(fs.sweepTemporary(path, wrong as number)), "BadArgument", String(wrong))
      }
      assert.strictEqual(yield* failsWith(fs.sweepTemporary(`${path}/no`, 0)), "NotFound")
    }))
})
