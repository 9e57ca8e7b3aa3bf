import { LocalMachine, RemoteFileSystem, Transfer } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { InMemoryHost, Sshd } from "@effect-remote/testing"
import { NodeFileSystem } from "@effect/platform-node"
import type { PlatformError } from "@effect/platform/Error"
import { FileSystem } from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import { partialName } from "../../../core/src/internal/files/hiddenNames.js"
import * as cutUploads from "../fixtures/cutUploads.js"
import { servers } from "../suites/servers.js"

const size = 900_003

const content = new Uint8Array(size).map((_, at) => (at * 7919 + (at >> 8)) % 251)

const changedAt = (bytes: Uint8Array, at: number) => bytes.map((byte, index) => index === at ? byte ^ 1 : byte)

interface Case {
  readonly title: string
  /** Content under the partial file's name. */
  readonly partial: Uint8Array
  readonly resumedAt: number
}

const cases: ReadonlyArray<Case> = [
  { title: "the beginning", partial: content.slice(0, 400_001), resumedAt: 400_001 },
  { title: "one byte", partial: content.slice(0, 1), resumedAt: 1 },
  { title: "all of it", partial: content, resumedAt: size },
  { title: "nothing", partial: new Uint8Array(), resumedAt: 0 },
  { title: "more than there is", partial: new Uint8Array([...content, 1]), resumedAt: 0 },
  { title: "another first byte", partial: changedAt(content.slice(0, 400_001), 0), resumedAt: 0 },
  { title: "another byte in the middle", partial: changedAt(content.slice(0, 400_001), 262_144), resumedAt: 0 },
  { title: "another last byte", partial: changedAt(content.slice(0, 400_001), 400_000), resumedAt: 0 },
  { title: "something else", partial: content.slice(1, 400_001), resumedAt: 0 }
]

/** Two file systems, and a transfer from the one to the other. */
interface Way {
  readonly from: FileSystem
  readonly to: FileSystem
  /** A directory of each. */
  readonly source: string
  readonly target: string
  readonly transfer: (from: string, to: string) => ReturnType<RemoteFileSystem.RemoteFileSystem["put"]>
}

const outcome = ({ entries }: Transfer.Result) => entries[0]!.outcome

const partialOf = (from: FileSystem, source: string, target: string) =>
  Effect.map(
    from.stat(source),
    ({ mtime, size }) => partialName(target, { size, mtime: Option.getOrThrow(mtime).getTime() })
  )

const resumes = ({ from, source, target, to, transfer }: Way) =>
  Effect.gen(function*() {
    yield* from.makeDirectory(source, { recursive: true })
    yield* to.makeDirectory(target, { recursive: true })
    const file = `${source}/file`
    yield* from.writeFile(file, content)
    // Of whole seconds, which every side has.
    yield* from.utimes(file, 1_000_000_000, 1_000_000_000)
    const partial = `${target}/${yield* partialOf(from, file, "file")}`
    const arrived = Effect.gen(function*() {
      assert.deepStrictEqual(yield* to.readDirectory(target), ["file"])
      return yield* to.readFile(`${target}/file`)
    })
    for (const { partial: bytes, resumedAt, title } of cases) {
      yield* to.writeFile(partial, bytes)
      const result = yield* transfer(file, `${target}/file`)
      assert.deepStrictEqual(outcome(result), Transfer.Outcome.Copied({ resumedAt: BigInt(resumedAt) }), title)
      assert.strictEqual(Number(result.bytes), size - resumedAt, title)
      assert.deepStrictEqual(yield* arrived, content, title)
      yield* to.remove(`${target}/file`)
    }
    // The same size and time, but another content.
    yield* to.writeFile(partial, content.slice(0, 400_001))
    const other = content.map((byte) => byte ^ 0x55)
    yield* from.writeFile(file, other)
    yield* from.utimes(file, 1_000_000_000, 1_000_000_000)
    assert.deepStrictEqual(
      outcome(yield* transfer(file, `${target}/file`)),
      Transfer.Outcome.Copied({ resumedAt: 0n })
    )
    assert.deepStrictEqual(yield* arrived, other)
    // Another time: what was begun before is of no use any more, and goes.
    yield* to.writeFile(partial, other.slice(0, 400_001))
    yield* from.utimes(file, 1_000_000_001, 1_000_000_001)
    assert.deepStrictEqual(
      outcome(yield* transfer(file, `${target}/file`)),
      Transfer.Outcome.Copied({ resumedAt: 0n, replaced: true })
    )
    assert.deepStrictEqual(yield* arrived, other)
    // A link of another user in its place must not be followed.
    yield* to.writeFile(`${target}/precious`, other.slice(0, 400_001))
    yield* to.symlink("precious", `${target}/${yield* partialOf(from, file, "file")}`)
    yield* transfer(file, `${target}/file`)
    assert.deepStrictEqual(yield* to.readFile(`${target}/precious`), other.slice(0, 400_001))
    yield* to.remove(`${target}/precious`)
    assert.deepStrictEqual(yield* arrived, other)
  })

/** Each way between a host and a local file system, with no digests on this machine: both files are read. */
const eachWay = (
  directory: string,
  local: FileSystem,
  here: string
): Effect.Effect<void, PlatformError | Transfer.TransferError, RemoteFileSystem.RemoteFileSystem> =>
  Effect.gen(function*() {
    const fs = yield* RemoteFileSystem.RemoteFileSystem
    const options = { local, resume: true }
    yield* resumes({
      from: local,
      to: fs,
      source: `${here}/up`,
      target: `${directory}/up there`,
      transfer: (from, to) => fs.put(from, to, options)
    })
    yield* resumes({
      from: fs,
      to: local,
      source: `${directory}/down`,
      target: `${here}/down here`,
      transfer: (from, to) => fs.get(from, to, options)
    })
  })

for (const kind of servers) {
  describe(`resume, ${kind} server`, () => {
    const withoutHash = (use: (sshd: Sshd.Sshd) => ReturnType<typeof eachWay>) =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ kind, loginShell: "sh" })
        yield* Effect.gen(function*() {
          const fs = yield* Effect.provideService(RemoteFileSystem.make, LocalMachine.LocalMachine, {})
          const wrong = yield* Effect.flip(fs.put("/etc/passwd", "/tmp/x", { local: fs, verify: "digest" }))
          assert.strictEqual(wrong._tag, "BadArgument")
          yield* Effect.provideService(use(sshd), RemoteFileSystem.RemoteFileSystem, fs)
        }).pipe(Effect.provide(OpenSsh.layer(sshd.host)))
      })

    it.scopedLive(
      "without digests both files are read",
      () =>
        Effect.flatMap(
          Effect.provide(FileSystem, NodeFileSystem.layer),
          (node) => withoutHash(({ directory }) => eachWay(directory, node, `${directory}/here`))
        ),
      60_000
    )

    it.scopedLive(
      "so they are where the local files are in memory",
      () =>
        Effect.flatMap(
          InMemoryHost.make({}),
          ({ files }) => withoutHash(({ directory }) => eachWay(directory, files, "/here"))
        ),
      60_000
    )

    it.scopedLive("with digests it is the same", () =>
      Effect.gen(function*() {
        const node = yield* Effect.provide(FileSystem, NodeFileSystem.layer)
        const sshd = yield* Sshd.make({ kind, loginShell: "sh" })
        yield* Effect.provide(eachWay(sshd.directory, node, `${sshd.directory}/here`), OpenSsh.layer(sshd.host))
      }), 60_000)

    it.scopedLive("a source that changes between its comparison and its copying is a failure", () =>
      Effect.gen(function*() {
        const node = yield* Effect.provide(FileSystem, NodeFileSystem.layer)
        const sshd = yield* Sshd.make({ kind, loginShell: "sh" })
        const file = `${sshd.directory}/file`
        const target = `${sshd.directory}/to`
        yield* node.makeDirectory(target)
        yield* node.writeFile(file, content)
        yield* node.utimes(file, 1_000_000_000, 1_000_000_000)
        yield* node.writeFile(`${target}/${yield* partialOf(node, file, "file")}`, content.slice(0, 400_001))
        let opened = 0
        // The file is opened twice: to compare, and then to copy.
        const local: FileSystem = {
          ...node,
          open: (path, options) =>
            Effect.zipRight(
              path === file && ++opened === 2 ? node.writeFile(file, content.map((byte) => byte ^ 0x55)) : Effect.void,
              node.open(path, options)
            )
        }
        yield* Effect.gen(function*() {
          const fs = yield* RemoteFileSystem.RemoteFileSystem
          const error = yield* Effect.flip(fs.put(file, `${target}/file`, { local, resume: true }))
          assert(error._tag === "TransferError")
          const [entry] = error.entries
          assert(entry?.outcome._tag === "Failed" && entry.outcome.error._tag === "SystemError")
          assert.strictEqual(entry.outcome.error.reason, "InvalidData")
          assert.deepStrictEqual(yield* fs.readDirectory(target), [])
          assert.strictEqual(opened, 2)
        }).pipe(Effect.provide(OpenSsh.layer(sshd.host)))
      }))

    it.scopedLive(
      "a put that is cut at any byte goes on and leaves nothing torn",
      () => cutUploads.puts(kind, 4),
      60_000
    )
  })
}
