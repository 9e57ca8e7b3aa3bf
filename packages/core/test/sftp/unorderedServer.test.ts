import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import * as Sftp from "../../src/protocol/Sftp.js"
import * as scriptedSftp from "../fixtures/scriptedSftp.js"

const { attributes, handle, missing, ok } = scriptedSftp

const { create } = Sftp.OpenFlags

/** A server that answers later requests before it has written, as Go's `pkg/sftp` can. */
const make = Effect.gen(function*() {
  const files = new Map<string, Buffer>()
  const order: Array<Sftp.Request["_tag"]> = []
  const write = ({ data, handle, offset }: Extract<Sftp.Request, { readonly _tag: "Write" }>) => {
    const path = scriptedSftp.handleText(handle)
    const before = files.get(path) ?? Buffer.alloc(0)
    const content = Buffer.alloc(Math.max(before.length, Number(offset) + data.length))
    before.copy(content)
    content.set(data, Number(offset))
    files.set(path, content)
    order.push("Write")
  }
  const found = (path: string) => attributes(0o100644, BigInt(files.get(path)?.length ?? 0))
  const { fs } = yield* scriptedSftp.make({
    answer: (request, session, id) => {
      switch (request._tag) {
        case "Write":
          setImmediate(() => {
            write(request)
            session.send(id, ok)
          })
          return undefined
        case "Open":
          if ((request.flags & create) === 0 && !files.has(request.path)) return missing
          files.set(request.path, files.get(request.path) ?? Buffer.alloc(0))
          return handle(request.path)
        case "Fsetstat":
        case "Fstat":
          order.push(request._tag)
          return request._tag === "Fstat" ? found(scriptedSftp.handleText(request.handle)) : ok
        case "Stat":
        case "Lstat":
          return files.has(request.path) ? found(request.path) : missing
        case "Rename": {
          const content = files.get(request.from)
          if (content === undefined) return missing
          files.delete(request.from)
          files.set(request.to, content)
          return ok
        }
        default:
          return ok
      }
    }
  })
  return { files, fs, order }
})

// D3
describe("a server that takes other requests ahead of writes", () => {
  for (const size of [5, 50_000, 300_000]) {
    it.scoped(`gets attributes once ${size} bytes are written`, () =>
      Effect.gen(function*() {
        const { files, fs, order } = yield* make
        const content = Buffer.alloc(size, "content")
        yield* fs.atomicWrite("/file", content, { mode: 0o644 })
        assert.isTrue(content.equals(files.get("/file") ?? Buffer.alloc(0)))
        assert.deepStrictEqual(
          order.slice(order.indexOf("Write"), order.lastIndexOf("Write")).filter((name) => name !== "Write"),
          []
        )
        assert.include(order, "Fstat")
      }))
  }

  it.scoped("gets them after a stream", () =>
    Effect.gen(function*() {
      const { files, fs, order } = yield* make
      const content = Buffer.alloc(100_000, "content")
      yield* Stream.run(Stream.make(content.subarray(0, 60_000), content.subarray(60_000)), fs.atomicSink("/file"))
      assert.isTrue(content.equals(files.get("/file") ?? Buffer.alloc(0)))
      assert.deepStrictEqual(
        order.slice(order.indexOf("Write"), order.lastIndexOf("Write")).filter((name) => name !== "Write"),
        []
      )
    }))
})
