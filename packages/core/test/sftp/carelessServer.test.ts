import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { findConnectionError } from "../../src/RemoteError.js"
import * as scriptedSftp from "../fixtures/scriptedSftp.js"

const { attributes, handle, handleText, missing, ok } = scriptedSftp

/** The lowest number that the first of these is not, and so on, as Erlang's `ssh_sftpd` takes it for the next handle. */
const nextHandle = (taken: ReadonlyArray<number>): number =>
  taken.reduce((next, number) => number === next ? next + 1 : next, 0)

/**
 * A server that has two open files at most, as Erlang's: the third one gets the handle of another one. It ignores `exclusive`.
 */
const make = Effect.suspend(() => {
  const files = new Map<string, string>()
  let open: ReadonlyArray<readonly [number: number, path: string]> = []
  const pathOf = (bytes: Uint8Array) => open.find(([number]) => String(number) === handleText(bytes))?.[1] ?? ""
  return Effect.map(
    scriptedSftp.make({
      answer: (request) => {
        switch (request._tag) {
          case "Open": {
            const number = nextHandle(open.map(([number]) => number))
            open = [[number, request.path], ...open]
            files.set(request.path, "")
            return handle(String(number))
          }
          case "Close":
            open = open.filter((entry) =>
              entry !== open.find(([number]) => String(number) === handleText(request.handle))
            )
            return ok
          case "Write":
            files.set(pathOf(request.handle), handleText(request.data))
            return ok
          case "Fstat":
            return attributes(0o100644, BigInt(files.get(pathOf(request.handle))?.length ?? 0))
          case "Stat":
          case "Lstat": {
            const content = files.get(request.path)
            return content === undefined ? missing : attributes(0o100644, BigInt(content.length))
          }
          case "Rename":
            files.set(request.to, files.get(request.from)!)
            files.delete(request.from)
            return ok
          case "Remove":
            return files.delete(request.path) ? ok : missing
          default:
            return ok
        }
      }
    }),
    ({ fs, sessions }) => ({ files, fs, sessions })
  )
})

const numbers = Array.from({ length: 20 }, (_, index) => index)

// FOUND D4
describe("a server that gives one handle to two open files", () => {
  it.scoped("never confirms wrong bytes, and then has one file to write at a time", () =>
    Effect.gen(function*() {
      const { files, fs, sessions } = yield* make
      const write = (number: number) => Effect.exit(fs.atomicWrite(`/${number}`, `content ${number}`))
      const wrong = () => numbers.filter((number) => files.get(`/${number}`) !== `content ${number}`)
      const first = yield* Effect.forEach(numbers, write, { concurrency: 8 })
      const failed = numbers.filter((number) => first[number]!._tag === "Failure")
      assert.isAbove(failed.length, 0)
      assert.deepStrictEqual(wrong(), failed)
      const second = yield* Effect.forEach(numbers, write, { concurrency: 8 })
      assert.isTrue(second.every(({ _tag }) => _tag === "Success"))
      assert.deepStrictEqual(wrong(), [])
      assert.strictEqual(sessions.length, 2)
    }))

  it.scoped("fails with the reason", () =>
    Effect.gen(function*() {
      const { fs } = yield* make
      const write = (number: number) => fs.writeFileString(`/${number}`, `content ${number}`)
      const error = yield* Effect.flip(Effect.forEach(numbers, write, { concurrency: 8 }))
      const cause = findConnectionError(error)
      assert(cause._tag === "Some")
      assert.strictEqual(cause.value.reason, "Protocol")
      assert.include(cause.value.detail, "one handle to two open files")
    }))
})

describe("a server that ignores the flag for exclusive creation", () => {
  it.scoped("keeps a file that exists", () =>
    Effect.gen(function*() {
      const { files, fs } = yield* make
      files.set("/file", "before")
      const error = yield* Effect.flip(fs.writeFileString("/file", "after", { flag: "wx" }))
      assert(error._tag === "SystemError")
      assert.strictEqual(error.reason, "AlreadyExists")
      assert.deepStrictEqual([...files], [["/file", "before"]])
      yield* fs.writeFileString("/new", "new", { flag: "wx" })
      assert.strictEqual(files.get("/new"), "new")
    }))
})
