import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Logger, Stream } from "effect"
import * as hiddenFile from "../src/internal/files/hiddenFile.js"
import * as errors from "../src/internal/sftp/errors.js"
import type * as Sftp from "../src/protocol/Sftp.js"
import type { RemoteFileSystem } from "../src/RemoteFileSystem.js"
import * as scriptedSftp from "./fixtures/scriptedSftp.js"

const call = { method: "open", path: "/hidden" }
const refused = Effect.fail(errors.system(call, "PermissionDenied", undefined))
const lost = Effect.fail(
  errors.connection(call)(new RemoteConnectionError({ reason: "ConnectionLost", host: "host", detail: "cut" }))
)

/** Whether the hidden file may exist after this was tried. */
const mayExistAfter = (create: Parameters<typeof hiddenFile.creating>[1], isMade?: () => boolean) =>
  Effect.gen(function*() {
    const hidden = hiddenFile.named(call.path)
    const fiber = yield* Effect.fork(hiddenFile.creating(hidden, create as Effect.Effect<unknown>, isMade))
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
      assert.isTrue(yield* mayExistAfter(refused, () => true))
    }))
})

/** A server that refuses one kind of request, and the requests and warnings after `use` has failed. */
const refusing = (tag: Sftp.Request["_tag"], use: (fs: RemoteFileSystem) => Effect.Effect<unknown, unknown>) => {
  const warnings: Array<string> = []
  const logger = Logger.make(({ message }) => {
    warnings.push(String(message))
  })
  return Effect.gen(function*() {
    const { fs, sessions } = yield* scriptedSftp.make({
      answer: (request) => {
        if (request._tag === tag) return scriptedSftp.failure
        if (request._tag === "Open") return scriptedSftp.handle("open")
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
    readonly [string, Sftp.Request["_tag"], (fs: RemoteFileSystem) => Effect.Effect<unknown, unknown>]
  > = [
    ["a temporary directory", "Mkdir", (fs) => fs.makeTempDirectory()],
    ["a temporary file", "Mkdir", (fs) => Effect.scoped(fs.makeTempFileScoped())],
    ["a small atomic write", "Open", (fs) => fs.atomicWrite("/file", "text")],
    ["an atomic write of a stream", "Open", (fs) => fs.atomicWrite("/file", Stream.make(new Uint8Array(1)))]
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

  it.scoped("removes the hidden file of a small atomic write if a later request was refused", () =>
    Effect.gen(function*() {
      const { removals, warnings } = yield* refusing("Write", (fs) => fs.atomicWrite("/file", "text"))
      assert.strictEqual(removals, 1)
      assert.strictEqual(warnings.length, 1)
    }))
})
