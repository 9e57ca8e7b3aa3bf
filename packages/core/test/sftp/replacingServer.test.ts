import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { make as makeOperations } from "../../src/internal/sftp/requests.js"
import { make as makeSession } from "../../src/internal/sftp/session.js"
import * as remoteEndpoint from "../../src/internal/transfer/remoteEndpoint.js"
import * as Sftp from "../../src/protocol/Sftp.js"
import * as scriptedSftp from "../fixtures/scriptedSftp.js"

const { attributes, eof, failure, handle, missing, ok } = scriptedSftp
const { create, exclusive, read, write } = Sftp.OpenFlags

const denied = Sftp.Response.Status({ code: Sftp.StatusCode.permissionDenied, message: "Permission denied" })

/**
 * A server with files in memory. As paramiko's and Erlang's do, it empties a file that is opened for writing alone, and its
 * rename replaces files.
 */
const make = (options: {
  readonly isReadable?: boolean
  readonly refusesRename?: boolean
  readonly extensions?: ReadonlyArray<"fsync">
} = {}) =>
  Effect.gen(function*() {
    const files = new Map<string, string>()
    const answer = (request: Sftp.Request): scriptedSftp.Answer => {
      switch (request._tag) {
        case "Open": {
          const { flags, path } = request
          if ((flags & exclusive) !== 0 && files.has(path)) return failure
          if ((flags & create) === 0 && !files.has(path)) return missing
          if ((flags & read) !== 0 && options.isReadable === false) return denied
          if ((flags & read) === 0 && (flags & write) !== 0) files.set(path, "")
          return handle(path)
        }
        case "Write": {
          const path = scriptedSftp.handleText(request.handle)
          const content = files.get(path) ?? ""
          files.set(path, content.slice(0, Number(request.offset)) + scriptedSftp.handleText(request.data))
          return ok
        }
        case "Fstat":
          return attributes(0o100644, BigInt(files.get(scriptedSftp.handleText(request.handle))?.length ?? 0))
        case "Stat":
        case "Lstat": {
          if (request.path === "/") return attributes(0o040755)
          const found = files.get(request.path)
          return found === undefined ? missing : attributes(0o100644, BigInt(found.length))
        }
        case "Rename": {
          if (options.refusesRename === true && files.has(request.to)) return failure
          const content = files.get(request.from)
          if (content === undefined) return missing
          files.delete(request.from)
          files.set(request.to, content)
          return ok
        }
        case "Remove":
          return files.delete(request.path) ? ok : missing
        case "Read":
        case "Readdir":
          return eof
        default:
          return ok
      }
    }
    const { fs, transport } = yield* scriptedSftp.make({ answer, extensions: options.extensions ?? [] })
    return { fs, files, transport }
  })

// FOUND D5
describe("a server without hard links", () => {
  it.scoped("whose rename replaces files: `ifAbsent` is refused, and nothing stays", () =>
    Effect.gen(function*() {
      const { files, fs } = yield* make()
      for (const content of ["small", "large".repeat(20_000)]) {
        const error = yield* Effect.flip(fs.atomicWrite("/new", content, { ifAbsent: true }))
        assert.include(error.message, "cannot write a file only if it is absent")
        assert.include(error.message, "/new")
        assert.deepStrictEqual([...files.keys()], [])
      }
    }))

  it.scoped("whose rename refuses: `ifAbsent` writes the file once", () =>
    Effect.gen(function*() {
      const { files, fs } = yield* make({ refusesRename: true })
      yield* fs.atomicWrite("/new", "first", { ifAbsent: true })
      const error = yield* Effect.flip(fs.atomicWrite("/new", "second", { ifAbsent: true }))
      assert(error._tag === "SystemError" && error.reason === "AlreadyExists", error.message)
      assert.deepStrictEqual([...files], [["/new", "first"]])
    }))
})

// FOUND D4, D5
describe("a server that empties a file that is opened for writing alone", () => {
  it.scoped("keeps the file when `access` looks whether it can be written", () =>
    Effect.gen(function*() {
      const { files, fs } = yield* make()
      files.set("/file", "content")
      yield* fs.access("/file", { writable: true })
      yield* fs.access("/file", { readable: true, writable: true })
      assert.strictEqual(files.get("/file"), "content")
    }))

  it.scoped("keeps a file that cannot be read, too", () =>
    Effect.gen(function*() {
      const { files, fs } = yield* make({ isReadable: false })
      files.set("/file", "content")
      const error = yield* Effect.flip(fs.access("/file", { writable: true }))
      assert(error._tag === "SystemError" && error.reason === "PermissionDenied", error.message)
      assert.strictEqual(files.get("/file"), "content")
    }))

  it.scoped("OpenSSH's server is asked about a file that cannot be read", () =>
    Effect.gen(function*() {
      const { files, fs } = yield* make({ isReadable: false, extensions: ["fsync"] })
      files.set("/file", "content")
      yield* fs.access("/file", { writable: true })
    }))

  it.scoped("keeps the part of a file that a transfer goes on with", () =>
    Effect.gen(function*() {
      const { files, transport } = yield* make()
      files.set("/part", "first ")
      const operations = makeOperations(yield* makeSession(transport), "host")
      const endpoint = remoteEndpoint.make("put", operations, () => Effect.dieMessage("not asked for"))
      const writer = yield* endpoint.write("/part", undefined, yield* endpoint.look("/part"), "/file")
      yield* writer.write(new TextEncoder().encode("second"), () => {})
      const unchanged = {
        permissions: undefined,
        limit: undefined,
        owner: undefined,
        times: undefined,
        isOptional: true
      }
      yield* writer.finish({ created: undefined, ...unchanged }, false)
      assert.strictEqual(files.get("/part"), "first second")
    }))
})
