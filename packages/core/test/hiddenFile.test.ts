import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Logger, type Scope, Stream } from "effect"
import * as hiddenFile from "../src/internal/files/hiddenFile.js"
import * as errors from "../src/internal/sftp/errors.js"
import * as Sftp from "../src/protocol/Sftp.js"
import type { RemoteFileSystem } from "../src/RemoteFileSystem.js"
import * as scriptedSftp from "./fixtures/scriptedSftp.js"

const call = { method: "open", path: "/hidden" }
const refused = Effect.fail(errors.system(call, "PermissionDenied", undefined))
const lost = Effect.fail(
  errors.connection(call)(new RemoteConnectionError({ reason: "ConnectionLost", host: "host", detail: "cut" }))
)

/** Whether the hidden file may exist after this was tried. */
const mayExistAfter = (create: Parameters<typeof hiddenFile.creating>[1], isMade = false) =>
  Effect.gen(function*() {
    const hidden = { ...hiddenFile.named(call.path), isMade }
    const fiber = yield* Effect.fork(hiddenFile.creating(hidden, create as Effect.Effect<unknown>))
    yield* Effect.repeatN(Effect.yieldNow(), 10)
    yield* Fiber.interrupt(fiber)
    return hidden.mayExist
  })

describe("a hidden file", () => {
  it("does not exist before it is created", () => {
    assert.isFalse(hiddenFile.named(call.path).mayExist)
  })

  it.effect("may exist after its creation", () =>
    Effect.gen(function*() {
      assert.isTrue(yield* mayExistAfter(Effect.void))
    }))

  it.effect("may exist if its creation was interrupted or lost", () =>
    Effect.gen(function*() {
      assert.isTrue(yield* mayExistAfter(Effect.never))
      assert.isTrue(yield* mayExistAfter(lost))
    }))

  it.effect("does not exist if its creation was refused", () =>
    Effect.gen(function*() {
      assert.isFalse(yield* mayExistAfter(refused))
      assert.isFalse(yield* mayExistAfter(Effect.fail(errors.badArgument(call, "bad"))))
    }))

  it.effect("may exist if a later step was refused", () =>
    Effect.gen(function*() {
      assert.isTrue(yield* mayExistAfter(refused, true))
    }))
})

const directory = 0o040755
const link = 0o120777

/** One listing of a directory, then its end. */
const once = (requests: ReadonlyArray<Sftp.Request>, listing: scriptedSftp.Answer): scriptedSftp.Answer =>
  requests.filter(({ _tag }) => _tag === "Readdir").length > 1 ? scriptedSftp.eof : listing

/** The files of a put: `/source` is a file of this size, and `/tree` holds a link. */
const sources = (size: number) =>
  Effect.map(
    scriptedSftp.make({
      answer: (request, { requests }) => {
        const path = "path" in request ? request.path : ""
        switch (request._tag) {
          case "Stat":
          case "Lstat":
          case "Fstat":
            return path === "/tree"
              ? scriptedSftp.attributes(directory)
              : path === "/tree/link"
              ? scriptedSftp.attributes(link)
              : scriptedSftp.attributes(0o100644, BigInt(size))
          case "Open":
          case "Opendir":
            return scriptedSftp.handle("open")
          case "Readdir":
            return once(requests, scriptedSftp.names("link"))
          case "Readlink":
            return scriptedSftp.names("there")
          case "Read": {
            const length = Math.min(request.length, size - Number(request.offset))
            return length > 0 ? Sftp.Response.Data({ data: new Uint8Array(length) }) : scriptedSftp.eof
          }
          default:
            return scriptedSftp.ok
        }
      }
    }),
    ({ fs }) => fs
  )

const small = 4
const large = 100 * 1024

const putting = (source: string, target: string, size: number) => (fs: RemoteFileSystem) =>
  Effect.flatMap(sources(size), (local) => fs.put(source, target, { local }))

type Use = (fs: RemoteFileSystem) => Effect.Effect<unknown, unknown, Scope.Scope>

/** A server that refuses one kind of request, and the requests and warnings after `use` has failed. */
const refusing = (tag: Sftp.Request["_tag"], use: Use) => {
  const warnings: Array<string> = []
  const logger = Logger.make(({ message }) => {
    warnings.push(String(message))
  })
  return Effect.gen(function*() {
    const { fs, sessions } = yield* scriptedSftp.make({
      answer: (request, { requests }) => {
        if (request._tag === tag) return scriptedSftp.failure
        if (request._tag === "Open" || request._tag === "Opendir") return scriptedSftp.handle("open")
        if (request._tag === "Readlink" && request.path === "/directory/link") return scriptedSftp.names("elsewhere")
        if (request._tag === "Readdir") return once(requests, scriptedSftp.names("link"))
        if (request._tag === "Stat" || request._tag === "Lstat") {
          if (request.path === "/directory") return scriptedSftp.attributes(directory)
          if (request.path === "/directory/link") return scriptedSftp.attributes(link)
        }
        // Removing fails as well, as on a read-only file system.
        if (request._tag === "Remove" || request._tag === "Rmdir") return scriptedSftp.failure
        return "path" in request && request.path !== "/" ? scriptedSftp.missing : scriptedSftp.ok
      }
    })
    yield* Effect.flip(use(fs))
    const tags = sessions.flatMap(({ requests }) => requests.map(({ _tag }) => _tag))
    return { warnings, tags, removals: tags.filter((tag) => tag === "Remove" || tag === "Rmdir").length }
  }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
}

describe("the clean-up after a failure", () => {
  const refusals: ReadonlyArray<
    readonly [string, Sftp.Request["_tag"], Use]
  > = [
    ["a temporary directory", "Mkdir", (fs) => fs.makeTempDirectory()],
    ["a temporary file", "Mkdir", (fs) => Effect.scoped(fs.makeTempFileScoped())],
    ["a small atomic write", "Open", (fs) => fs.atomicWrite("/file", "text")],
    ["an atomic write of a stream", "Open", (fs) => fs.atomicWrite("/file", Stream.make(new Uint8Array(1)))],
    ["the transfer of a small file", "Open", putting("/source", "/directory/file", small)],
    ["the transfer of a large file", "Open", putting("/source", "/directory/file", large)],
    ["the transfer of a link that replaces another", "Symlink", putting("/tree", "/directory", small)]
  ]
  for (const [name, tag, use] of refusals) {
    it.scoped(`removes nothing and logs nothing if the creation of ${name} was refused`, () =>
      Effect.gen(function*() {
        const { removals, tags, warnings } = yield* refusing(tag, use)
        assert.include(tags, tag)
        assert.strictEqual(removals, 0)
        assert.deepStrictEqual(warnings, [])
      }))
  }

  it.scoped("sends nothing for a temporary file with a bad name", () =>
    Effect.gen(function*() {
      const { tags, warnings } = yield* refusing("Mkdir", (fs) => fs.makeTempFile({ directory: "~user" }))
      assert.deepStrictEqual(tags, [])
      assert.deepStrictEqual(warnings, [])
    }))

  const later: ReadonlyArray<readonly [string, Use]> = [
    ["a small atomic write", (fs) => fs.atomicWrite("/file", "text")],
    ["the transfer of a small file", putting("/source", "/directory/file", small)],
    ["the transfer of a large file", putting("/source", "/directory/file", large)]
  ]
  for (const [name, use] of later) {
    it.scoped(`removes the hidden file of ${name} if a later request was refused`, () =>
      Effect.gen(function*() {
        const { removals, warnings } = yield* refusing("Write", use)
        assert.strictEqual(removals, 1)
        assert.strictEqual(warnings.length, 1)
      }))
  }
})
