import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, Stream } from "effect"
import * as newMode from "../../src/internal/sftp/newMode.js"
import * as Sftp from "../../src/protocol/Sftp.js"
import * as scriptedSftp from "../fixtures/scriptedSftp.js"

const { attributes, handle, handleText, missing, ok } = scriptedSftp

const denied = Sftp.Response.Status({ code: Sftp.StatusCode.permissionDenied, message: "no" })

/** A server that ignores the modes of new entries, as the one of Go's `pkg/sftp`. `writtenAt`: the mode at each write. */
const make = ({ refuses = false }: { readonly refuses?: boolean } = {}) =>
  Effect.gen(function*() {
    const modes = new Map<string, number>()
    const writtenAt: Array<number> = []
    const change = (path: string, { permissions }: Sftp.Attributes) => {
      if (permissions === undefined) return ok
      if (refuses) return denied
      modes.set(path, modes.get(path)! & 0o170000 | permissions & 0o777)
      return ok
    }
    const found = (path: string) => modes.has(path) ? attributes(modes.get(path)) : missing
    const { fs } = yield* scriptedSftp.make({
      answer: (request) => {
        switch (request._tag) {
          case "Mkdir":
            modes.set(request.path, 0o040755)
            return ok
          case "Open":
            if (!modes.has(request.path)) modes.set(request.path, 0o100644)
            return handle(request.path)
          case "Write":
            writtenAt.push(modes.get(handleText(request.handle))! & 0o777)
            return ok
          case "Setstat":
            return change(request.path, request.attributes)
          case "Fsetstat":
            return change(handleText(request.handle), request.attributes)
          case "Fstat":
            return found(handleText(request.handle))
          case "Stat":
          case "Lstat":
            return found(request.path)
          case "Rename":
            modes.set(request.to, modes.get(request.from)!)
            modes.delete(request.from)
            return ok
          default:
            return ok
        }
      }
    })
    return { fs, modeOf: (path: string) => modes.get(path)! & 0o7777, modes, writtenAt }
  })

describe("the mode that a new entry lacks", () => {
  const rows: ReadonlyArray<readonly [found: number, requested: number, mode: number | undefined]> = [
    [0o100644, 0o644, undefined],
    [0o100644, 0o600, 0o600],
    [0o100644, 0o666, undefined],
    [0o100600, 0o644, undefined],
    [0o100644, 0o755, 0o755],
    [0o100600, 0o755, 0o700],
    [0o042755, 0o700, 0o2700]
  ]
  for (const [permissions, requested, mode] of rows) {
    it(`is ${mode?.toString(8) ?? "none"} for ${requested.toString(8)} and ${permissions.toString(8)}`, () =>
      assert.strictEqual(newMode.missing({ permissions }, requested), mode))
  }

  it("is unknown without the mode of the entry", () => assert.strictEqual(newMode.missing({}, 0o600), undefined))
})

// FOUND D3
describe("a server that ignores the modes of new entries", () => {
  it.scoped("has a directory with the requested mode", () =>
    Effect.gen(function*() {
      const { fs, modeOf } = yield* make()
      yield* fs.makeDirectory("/private", { mode: 0o700 })
      assert.strictEqual(modeOf("/private"), 0o700)
      const temporary = yield* fs.makeTempDirectory({ directory: "/" })
      assert.strictEqual(modeOf(temporary), 0o700)
    }))

  it.scoped("has no byte of a file while others may read it", () =>
    Effect.gen(function*() {
      const { fs, modeOf, writtenAt } = yield* make()
      yield* Stream.run(Stream.make(new Uint8Array(3)), fs.sink("/sink", { mode: 0o600 }))
      yield* fs.atomicWrite("/small", "secret", { mode: 0o600 })
      yield* fs.atomicWrite("/large", new Uint8Array(100_000), { mode: 0o600 })
      assert.deepStrictEqual(["/sink", "/small", "/large"].map(modeOf), [0o600, 0o600, 0o600])
      assert.deepStrictEqual([...new Set(writtenAt)], [0o600])
    }))

  it.scoped("fails to set bits above 0777 if they are dropped", () =>
    Effect.gen(function*() {
      const { fs, modeOf } = yield* make()
      yield* fs.makeDirectory("/shared")
      const error = yield* Effect.flip(fs.chmod("/shared", 0o2775))
      assert.include(error.message, "only the mode 775, not 2775")
      assert.strictEqual(modeOf("/shared"), 0o775)
    }))

  it.scoped("keeps the mode of an existing file", () =>
    Effect.gen(function*() {
      const { fs, modeOf, modes } = yield* make()
      modes.set("/file", 0o100640)
      yield* fs.writeFileString("/file", "content", { mode: 0o600 })
      assert.strictEqual(modeOf("/file"), 0o640)
    }))

  it.scoped("has the directory if it refuses to change modes, too, and a warning says so", () =>
    Effect.gen(function*() {
      const { fs, modeOf } = yield* make({ refuses: true })
      const logged: Array<string> = []
      const logger = Logger.make(({ message }) => void logged.push(String(message)))
      yield* fs.makeDirectory("/private", { mode: 0o700 }).pipe(
        Effect.provide(Logger.replace(Logger.defaultLogger, logger))
      )
      assert.strictEqual(modeOf("/private"), 0o755)
      assert.strictEqual(logged.length, 1)
      assert.include(logged[0], "/private")
    }))
})
