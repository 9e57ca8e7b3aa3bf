import { FileSystem } from "@effect/platform"
import type { PlatformError } from "@effect/platform/Error"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Option, Stream, TestClock } from "effect"
import * as Sftp from "../src/protocol/Sftp.js"
import type { RemoteFileSystem } from "../src/RemoteFileSystem.js"
import * as scriptedSftp from "./fixtures/scriptedSftp.js"

const content = "x".repeat(100_000)

/** Operations that open handles, and that end if the server answers. */
const uses: Readonly<Record<string, (fs: RemoteFileSystem) => Effect.Effect<unknown, unknown>>> = {
  "a small atomic write": (fs) => fs.atomicWrite("/directory/new", "content"),
  "an atomic write of a stream": (fs) => fs.atomicWrite("/directory/new", Stream.make(new Uint8Array(100_000))),
  "a write": (fs) => fs.writeFileString("/directory/new", content),
  "a read": (fs) => fs.readFileString("/directory/file"),
  "a stream": (fs) => Stream.runDrain(fs.stream("/directory/file")),
  "a copy": (fs) => fs.copyFile("/directory/file", "/directory/new"),
  "a listing": (fs) => fs.readDirectory("/directory"),
  "a temporary file": (fs) => Effect.scoped(fs.makeTempFileScoped({ directory: "/directory" }))
}

const noSuchFile = Sftp.Response.Status({ code: Sftp.StatusCode.noSuchFile, message: "No such file" })

/** A server that gives each opening a handle of its own, and answers nothing after the first `count` requests. */
const holding = (count: number) => {
  const opened: Array<string> = []
  const closed: Array<string> = []
  const held: Array<() => void> = []
  let isHolding = true
  let listed = false
  const answerTo = (request: Sftp.Request): scriptedSftp.Answer => {
    switch (request._tag) {
      case "Open":
      case "Opendir":
        opened.push(String(opened.length))
        return scriptedSftp.handle(opened.at(-1)!)
      case "Close":
        closed.push(scriptedSftp.handleText(request.handle))
        return scriptedSftp.ok
      case "Read":
        return request.offset === 0n ? Sftp.Response.Data({ data: new Uint8Array(10) }) : scriptedSftp.eof
      case "Readdir":
        listed = !listed
        return listed ? scriptedSftp.names("file") : scriptedSftp.eof
      case "Fstat":
        return scriptedSftp.attributes(0o100644, 7n)
      case "Stat":
      case "Lstat":
        return request.path.endsWith("file")
          ? scriptedSftp.attributes(0o100644, 10n)
          : request.path.endsWith("directory")
          ? scriptedSftp.attributes(0o040755)
          : noSuchFile
      case "Realpath":
        return scriptedSftp.names(request.path)
      default:
        return scriptedSftp.ok
    }
  }
  let answered = 0
  return {
    opened,
    closed,
    answer: (request: Sftp.Request, session: scriptedSftp.Served, id: number): scriptedSftp.Answer => {
      if (!isHolding || answered++ < count) return answerTo(request)
      held.push(() => session.send(id, answerTo(request)))
      return undefined
    },
    /** Answers what waits, and everything from now on. */
    release: () => {
      isHolding = false
      for (const answer of held) answer()
    }
  }
}

const settle = Effect.repeatN(Effect.yieldNow(), 300)

describe("each handle is closed once", () => {
  for (const [name, use] of Object.entries(uses)) {
    it.scoped(`when ${name} is interrupted after any number of answers`, () =>
      Effect.gen(function*() {
        let isDone = false
        for (let count = 0; !isDone; count++) {
          const server = holding(count)
          const { fs } = yield* scriptedSftp.make({ answer: server.answer, extensions: ["posixRename", "fsync"] })
          const fiber = yield* Effect.fork(use(fs))
          yield* settle
          isDone = Option.isSome(yield* Fiber.poll(fiber))
          yield* Fiber.interruptFork(fiber)
          yield* settle
          server.release()
          yield* settle
          yield* TestClock.adjust("10 seconds")
          yield* settle
          assert.isTrue(Option.isSome(yield* Fiber.poll(fiber)), `it has not ended after ${count} answers`)
          assert.deepStrictEqual([...server.closed].sort(), [...server.opened].sort(), `after ${count} answers`)
        }
      }))
  }
})

describe("a file that is used after its scope", () => {
  it.scoped("fails, and nothing is sent", () =>
    Effect.gen(function*() {
      const server = holding(Infinity)
      const { fs, sessions } = yield* scriptedSftp.make({ answer: server.answer, extensions: ["fsync"] })
      const file = yield* Effect.scoped(fs.open("/directory/file", { flag: "r+" }))
      yield* settle
      const sent = sessions[0]!.requests.length
      const uses: Readonly<Record<string, Effect.Effect<unknown, PlatformError>>> = {
        stat: file.stat,
        read: file.read(new Uint8Array(10)),
        readAlloc: file.readAlloc(FileSystem.Size(10)),
        write: file.write(new Uint8Array(10)),
        writeAll: file.writeAll(new Uint8Array(10)),
        truncate: file.truncate(),
        sync: file.sync
      }
      for (const [name, use] of Object.entries(uses)) {
        const error = yield* Effect.flip(use)
        assert.strictEqual(error._tag === "SystemError" && error.reason, "BadResource", name)
        assert.include(error.message, "the file is closed")
      }
      assert.strictEqual(sessions[0]!.requests.length, sent)
    }))
})

it.scoped("a failure is explained without a handle if the caller holds the last one", () =>
  Effect.gen(function*() {
    const limits = Sftp.encodeLimits({ packet: 0n, read: 0n, write: 0n, handles: 2n })
    const server = holding(Infinity)
    const { fs, sessions } = yield* scriptedSftp.make({
      extensions: ["fsync", "limits"],
      answer: (request, session, id) => {
        if (request._tag === "Limits") return Sftp.Response.ExtendedReply({ data: limits })
        const writes = request._tag === "Open" && (request.flags & Sftp.OpenFlags.write) !== 0
        return writes ? scriptedSftp.failure : server.answer(request, session, id)
      }
    })
    yield* fs.open("/directory/file", { flag: "r" })
    const error = yield* Effect.flip(fs.open("/directory/file", { flag: "r+" }))
    assert.include(error.message, "FileSystem.open (/directory/file): the SFTP server said: ")
    assert.isFalse(sessions[0]!.requests.some(({ _tag }) => _tag === "Opendir"))
  }))
