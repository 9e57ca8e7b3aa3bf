import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Sftp from "../../src/protocol/Sftp.js"
import * as scriptedSftp from "../fixtures/scriptedSftp.js"

const { attributes, eof, handle, handleText, missing, ok } = scriptedSftp

/** A server that may empty a file before it changes its size, as `SFTPServer.set_file_attr` of paramiko does, or ignore sizes. */
const make = ({ empties, extensions = [], ignores = false }: {
  readonly empties: boolean
  readonly ignores?: boolean
  readonly extensions?: scriptedSftp.Options["extensions"]
}) =>
  Effect.gen(function*() {
    const files = new Map([["/file", Buffer.from("content")]])
    const resize = (path: string, size: bigint) => {
      if (ignores) return ok
      const before = empties ? Buffer.alloc(0) : files.get(path)!
      files.set(path, Buffer.concat([before, Buffer.alloc(Number(size))]).subarray(0, Number(size)))
      return ok
    }
    const { fs } = yield* scriptedSftp.make({
      extensions,
      answer: (request) => {
        switch (request._tag) {
          case "Open":
            if ((request.flags & Sftp.OpenFlags.create) !== 0) files.set(request.path, Buffer.alloc(0))
            return files.has(request.path) ? handle(request.path) : missing
          case "Write":
            files.set(handleText(request.handle), Buffer.from(request.data))
            return ok
          case "Read": {
            const data = files.get(handleText(request.handle))!.subarray(Number(request.offset))
            return data.length === 0 ? eof : Sftp.Response.Data({ data })
          }
          case "Setstat":
            return request.attributes.size === undefined ? ok : resize(request.path, request.attributes.size)
          case "Fsetstat":
            return request.attributes.size === undefined
              ? ok
              : resize(handleText(request.handle), request.attributes.size)
          case "Stat":
            return files.has(request.path) ? attributes(0o100644, BigInt(files.get(request.path)!.length)) : missing
          case "Remove":
            return files.delete(request.path) ? ok : missing
          default:
            return ok
        }
      }
    })
    const open = Effect.flatMap(fs.open("/file", { flag: "r+" }), (file) => file.truncate(3))
    return { files, fs, ways: { "at its path": fs.truncate("/file", 3), "that is open": open } }
  })

const ways = ["at its path", "that is open"] as const

// FOUND D5
describe("a server that empties a file before it changes its size", () => {
  for (const way of ways) {
    it.scoped(`keeps the content of a file ${way}, and the change is refused`, () =>
      Effect.gen(function*() {
        const { files, ways } = yield* make({ empties: true })
        const error = yield* Effect.flip(ways[way])
        assert.include(error.message, "empties a file")
        assert.include(error.message, "/file")
        assert.deepStrictEqual([...files], [["/file", Buffer.from("content")]])
      }))

    it.scoped(`is not suspected in an OpenSSH server, for a file ${way}`, () =>
      Effect.gen(function*() {
        const { files, ways } = yield* make({ empties: true, extensions: ["lsetstat"] })
        yield* ways[way]
        assert.deepStrictEqual([...files], [["/file", Buffer.alloc(3)]])
      }))
  }

  it.scoped("is not blamed for a missing file", () =>
    Effect.gen(function*() {
      const { fs } = yield* make({ empties: true })
      const error = yield* Effect.flip(fs.truncate("/missing", 3))
      assert(error._tag === "SystemError")
      assert.strictEqual(error.reason, "NotFound")
    }))

  it.scoped("may empty a file that is to be empty", () =>
    Effect.gen(function*() {
      const { files, fs } = yield* make({ empties: true })
      yield* fs.truncate("/file")
      assert.deepStrictEqual([...files], [["/file", Buffer.alloc(0)]])
    }))
})

describe("a server that ignores sizes", () => {
  for (const way of ways) {
    it.scoped(`reports that the size of a file ${way} was not changed`, () =>
      Effect.gen(function*() {
        const { ways } = yield* make({ empties: false, ignores: true })
        assert.include((yield* Effect.flip(ways[way])).message, "does not change the size of a file")
      }))
  }
})

describe("a server that only lacks OpenSSH's extensions", () => {
  for (const way of ways) {
    it.scoped(`changes the size of a file ${way}`, () =>
      Effect.gen(function*() {
        const { files, ways } = yield* make({ empties: false })
        yield* ways[way]
        assert.deepStrictEqual([...files], [["/file", Buffer.from("con")]])
      }))
  }
})
