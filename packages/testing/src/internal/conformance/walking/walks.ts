/**
 * Walks.
 */
import type { WalkEntry, WalkOptions } from "@effect-remote/core/RemoteFileSystem"
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import type { PlatformError } from "@effect/platform/Error"
import { assert } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { ConformanceHost } from "../../../ConformanceHost.js"
import type { Group } from "../cases.js"
import {
  directory,
  dropConnections,
  failsWith,
  isRoot,
  localDirectory,
  localFiles,
  lostBy,
  reasonOf,
  untilNothingIsOpen,
  write
} from "../support.js"

/**
 * Entries of a walk, each as `_tag depth path-below-the-root`.
 *
 * @internal
 */
export const walked = (path: string, options?: WalkOptions) =>
  Effect.gen(function*() {
    const fs = yield* RemoteFileSystem.RemoteFileSystem
    const entries = yield* Stream.runCollect(fs.walk(path, options))
    return Chunk.toArray(entries).map((entry) => `${entry._tag} ${entry.depth} ${entry.path.slice(path.length + 1)}`)
  })

/** @internal */
export const order: Group = (test) => {
  test("a walk lists a directory before its entries, and links as links", () =>
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
}

/** @internal */
export const links: Group = (test) => {
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
      assert.sameMembers(yield* walked(root, { symlinks: "follow" }), [
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
      assert.strictEqual(yield* reasonOf(`${path}/no`, { symlinks: "follow" }), "NotFound")
      assert.strictEqual(yield* reasonOf(`${path}/file`), "BadResource")
      assert.strictEqual(yield* reasonOf(`${path}/a\0b`), "BadArgument")
      assert.strictEqual(yield* reasonOf(""), "NotFound")
      assert.sameMembers(yield* walked(`${path}/link`), ["File 1 file", "SymbolicLink 1 link"])
    }))
}

/** @internal */
export const unreadable: Group = (test) => {
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
}

/** @internal */
export const endings: Group = (test) => {
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
          // Of the three, the one that is listed first is removed before it is entered.
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
}
