import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Sftp from "../src/protocol/Sftp.js"
import * as scriptedSftp from "./fixtures/scriptedSftp.js"

const { attributes, handle, ok } = scriptedSftp

/** A server with one file. It writes at the requested offset, as Go's `pkg/sftp` does, or always at the end. */
const server = (appends: boolean) => {
  let content = "first line\n"
  const answer = (request: Sftp.Request): scriptedSftp.Answer => {
    switch (request._tag) {
      case "Open":
        return handle("file")
      case "Fstat":
        return attributes(0o100644, BigInt(content.length))
      case "Read": {
        const data = new TextEncoder().encode(content).subarray(Number(request.offset)).subarray(0, request.length)
        return data.length === 0 ? scriptedSftp.eof : Sftp.Response.Data({ data })
      }
      case "Write": {
        const at = appends ? content.length : Number(request.offset)
        content = content.slice(0, at) + scriptedSftp.handleText(request.data) + content.slice(at + request.data.length)
        return ok
      }
      case "Fsetstat":
        content = content.slice(0, Number(request.attributes.size))
        return ok
      default:
        return request._tag === "Close" ? ok : attributes()
    }
  }
  return { answer, content: () => content }
}

const encode = (text: string) => new TextEncoder().encode(text)

for (const appends of [false, true]) {
  // FOUND A6
  describe(`a server that ${appends ? "appends" : "ignores the flag for appending"}`, () => {
    const file = Effect.suspend(() => {
      const { answer, content } = server(appends)
      return Effect.map(scriptedSftp.make({ answer, extensions: ["lsetstat"] }), ({ fs }) => ({ content, fs }))
    })

    it.scoped("appends to the existing content", () =>
      Effect.gen(function*() {
        const { content, fs } = yield* file
        yield* fs.writeFileString("/log", "second\n", { flag: "a" })
        yield* Stream.run(Stream.make(encode("third\n"), encode("fourth\n")), fs.sink("/log", { flag: "a" }))
        assert.strictEqual(content(), "first line\nsecond\nthird\nfourth\n")
      }))

    it.scoped("writes at the end of a file that is opened for appending, and reads it anywhere", () =>
      Effect.gen(function*() {
        const { content, fs } = yield* file
        const log = yield* fs.open("/log", { flag: "a+" })
        yield* log.writeAll(encode("second\n"))
        yield* log.seek(6, "start")
        yield* log.write(encode("third\n"))
        assert.strictEqual(content(), "first line\nsecond\nthird\n")
        const read = yield* Effect.flatten(log.readAlloc(4))
        assert.strictEqual(scriptedSftp.handleText(read), "line")
        yield* log.truncate(5)
        yield* log.writeAll(encode("!"))
        assert.strictEqual(content(), "first!")
      }))
  })
}

describe("a file's position", () => {
  // FOUND A25
  it.scoped("is what seek gives, and ends where the file is cut", () =>
    Effect.gen(function*() {
      const { fs } = yield* Effect.suspend(() =>
        scriptedSftp.make({ answer: server(false).answer, extensions: ["lsetstat"] })
      )
      const file = yield* fs.open("/file", { flag: "r+" })
      const seek = (offset: number, from: "start" | "current"): Effect.Effect<unknown> => file.seek(offset, from)
      assert.strictEqual(yield* seek(6, "start"), 6n)
      yield* file.truncate(8)
      assert.strictEqual(yield* seek(0, "current"), 6n)
      yield* file.truncate(3)
      assert.strictEqual(yield* seek(0, "current"), 3n)
    }))
})
