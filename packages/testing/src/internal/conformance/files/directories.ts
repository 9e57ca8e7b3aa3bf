/**
 * Making and removing directories.
 */
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import { assert } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { ConformanceHost } from "../../../ConformanceHost.js"
import type { Group } from "../cases.js"
import { directory, failsWith, write } from "../support.js"

/** @internal */
export const directories: Group = (test) => {
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
}
