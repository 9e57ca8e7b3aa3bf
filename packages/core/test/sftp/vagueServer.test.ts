import type { PlatformError } from "@effect/platform/Error"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as scriptedSftp from "../fixtures/scriptedSftp.js"

const { attributes, failure, names } = scriptedSftp

/** A server that answers ENOTDIR and ELOOP with "failure", as those of paramiko and `pkg/sftp`. */
const make = scriptedSftp.make({
  answer: (request) => {
    const path = "path" in request ? request.path.replace("//", "/") : ""
    if (request._tag === "Stat" || request._tag === "Lstat") {
      if (["/", "/directory"].includes(path)) return attributes(0o040755)
      if (path === "/file") return attributes()
      if (path === "/loop" && request._tag === "Lstat") return attributes(0o120777)
    }
    return request._tag === "Readlink" && path === "/loop" ? names("loop") : failure
  }
})

// FOUND D3, D5
describe("a server that answers every mistake with a failure", () => {
  it.scoped("cannot give a file the name of a directory", () =>
    Effect.gen(function*() {
      const { fs } = yield* make
      const error = yield* Effect.flip(fs.rename("/file", "/directory"))
      assert.include(error.message, "\"/directory\" is a directory")
    }))

  it.scoped("is not asked for a hard link or the space at a path with a tilde", () =>
    Effect.gen(function*() {
      const { fs } = yield* make
      for (const use of [fs.link("/file", "~"), fs.diskFree("~")]) {
        assert.strictEqual((yield* Effect.flip(use as Effect.Effect<unknown, PlatformError>))._tag, "BadArgument")
      }
    }))

  it.scoped("cannot list a file", () =>
    Effect.gen(function*() {
      const { fs } = yield* make
      const error = yield* Effect.flip(fs.readDirectory("/file"))
      assert.include(error.message, "it is not a directory")
    }))

  for (const [path, reason] of [["/file/below", "a part of its path is not a directory"], ["/loop", "loop"]] as const) {
    it.scoped(`is looked at for the reason at ${path}`, () =>
      Effect.gen(function*() {
        const { fs } = yield* make
        const uses: ReadonlyArray<Effect.Effect<unknown, PlatformError>> = [
          fs.readFile(path),
          fs.stat(path),
          fs.readDirectory(path)
        ]
        for (const effect of uses) {
          const error = yield* Effect.flip(effect)
          assert(error._tag === "SystemError")
          assert.strictEqual(error.reason, "BadResource")
          assert.include(error.message, reason)
        }
      }))
  }
})
