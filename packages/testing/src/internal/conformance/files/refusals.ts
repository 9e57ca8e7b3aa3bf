/**
 * Mistakes and missing rights.
 */
import * as RemoteError from "@effect-remote/core/RemoteError"
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import type { PlatformError } from "@effect/platform/Error"
import { assert } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { ConformanceHost } from "../../../ConformanceHost.js"
import type { Group } from "../cases.js"
import { directory, failsWith, isRoot, write } from "../support.js"

/** @internal */
export const numbers: Group = (test) => {
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

  test("invalid numbers of bytes are refused", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = `${yield* directory}/file`
      yield* write(files, path, "text")
      for (const options of [{ offset: 1.5 }, { offset: -1 }, { chunkSize: NaN }, { bytesToRead: -1n }]) {
        assert.strictEqual(yield* failsWith(Stream.runDrain(fs.stream(path, options))), "BadArgument")
      }
    }))
}

/** @internal */
export const mistakes: Group = (test) => {
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
}
