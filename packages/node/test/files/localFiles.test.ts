import { NodeMachine } from "@effect-remote/node"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

// Ends an open that waits for a writer: otherwise it would keep this process from ending.
const pipe = Effect.acquireRelease(
  Effect.sync(() => {
    const directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-remote-pipe-"))
    execFileSync("mkfifo", [`${directory}/pipe`])
    return `${directory}/pipe`
  }),
  (path) =>
    Effect.sync(() => {
      Fs.closeSync(Fs.openSync(path, "r+"))
      Fs.rmSync(Path.dirname(path), { recursive: true })
    })
)

describe("LocalFiles", () => {
  it.scopedLive("does not wait for the writer of a named pipe in a file's place", () =>
    Effect.gen(function*() {
      const { files } = yield* NodeMachine.make
      const path = yield* pipe
      // A pipe has no offsets.
      const error = yield* Effect.flip(files.read(path, 10))
      assert.include(error.message, "ESPIPE")
      const { mode } = yield* Effect.flatMap(files.open(path), ({ look }) => look)
      assert.strictEqual(mode & Fs.constants.S_IFMT, Fs.constants.S_IFIFO)
    }), 10_000)

  it.scopedLive("reads an open file from any offset, also after it has lost its name", () =>
    Effect.gen(function*() {
      const { files } = yield* NodeMachine.make
      const path = `${Path.dirname(yield* pipe)}/file`
      Fs.writeFileSync(path, "0123456789")
      const opened = yield* files.open(path)
      Fs.rmSync(path)
      const piece = new Uint8Array(4)
      const read = (offset: number) =>
        Effect.map(opened.read(piece, offset), (length) => Buffer.from(piece.subarray(0, length)).toString())
      assert.deepStrictEqual(yield* Effect.forEach([0, 8, 10, 3], read), ["0123", "89", "", "3456"])
    }))
})
