/**
 * Digests, on the host and here.
 */
import { LocalMachine } from "@effect-remote/core/LocalMachine"
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import { Transport } from "@effect-remote/core/Transport"
import * as NodeMachine from "@effect-remote/node/NodeMachine"
import { assert } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Crypto from "node:crypto"
import { ConformanceHost } from "../../../ConformanceHost.js"
import { eventually } from "../../../unstable/Eventually.js"
import type { Group } from "../cases.js"
import { directory, failsWith, isRoot, untilNothingIsOpen, write } from "../support.js"

const hostile: ReadonlyArray<string> = [
  " ",
  " leading and trailing ",
  "two words",
  "it's \"quoted\"",
  "line\nend\n",
  "-rf",
  "--help",
  "*",
  "~",
  "$(id) `id` $HOME",
  "back\\slash",
  "\\n",
  "caf\u00e9",
  "cafe\u0301",
  "x".repeat(255),
  "\u00e9".repeat(127),
  "not UTF-8: \udcff\udc80",
  "\udcfe".repeat(255)
]

const digestOf = (algorithm: RemoteFileSystem.DigestAlgorithm, content: Uint8Array) =>
  Crypto.createHash(algorithm).update(content).digest("hex")

const algorithms = ["md5", "sha1", "sha256", "sha512"] as const

const content = Buffer.from(Array.makeBy(400_000, (index) => (index * 7919) % 251))

/** Files of a host whose commands are not known. */
const withoutCommands = Effect.mapInputContext(
  Effect.provide(RemoteFileSystem.make, NodeMachine.layer),
  (context: Context.Context<Transport | Scope.Scope>) => Context.pick(Transport, Scope.Scope)(context)
)

/** A file system that cannot hash on this machine, because its `LocalMachine` has no hash. */
const withoutHash = Effect.provideService(RemoteFileSystem.make, LocalMachine, {})

/** @internal */
export const digests: Group = (test) => {
  test("a digest is the same on the host and here", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const path = `${yield* directory}/file`
      yield* write(files, path, content)
      const here = yield* withoutCommands
      const there = yield* withoutHash
      for (const algorithm of algorithms) {
        const expected = digestOf(algorithm, content)
        assert.strictEqual(yield* here.digest(path, { algorithm }), expected)
        assert.strictEqual(yield* there.digest(path, { algorithm }), expected)
      }
      yield* write(files, path, "small")
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      assert.strictEqual(yield* fs.digest(path), digestOf("sha256", Buffer.from("small")))
      assert.strictEqual(yield* there.digest(path), digestOf("sha256", Buffer.from("small")))
    }))

  test("a digest fails alike, wherever it is computed", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const path = yield* directory
      yield* write(files, `${path}/secret`, content)
      yield* files.chmod(`${path}/secret`, 0)
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      for (const files of [fs, yield* withoutCommands]) {
        assert.strictEqual(yield* failsWith(files.digest(`${path}/no`)), "NotFound")
        assert.strictEqual(yield* failsWith(files.digest(path)), "BadResource")
        assert.strictEqual(yield* failsWith(files.digest("")), "NotFound")
        const secret = files.digest(`${path}/secret`)
        if (yield* isRoot) assert.strictEqual(yield* secret, digestOf("sha256", content))
        else assert.strictEqual(yield* failsWith(secret), "PermissionDenied")
      }
    }))

  test("a digest of a file of the system is one of what it holds, and of a device none", () =>
    Effect.gen(function*() {
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      assert.match(yield* fs.digest("/proc/self/status"), /^[0-9a-f]{64}$/)
      for (const files of [fs, yield* withoutCommands]) {
        assert.strictEqual(yield* failsWith(files.digest("/dev/null")), "BadResource")
      }
    }), "specialFiles")

  test("a digest that is interrupted ends its process on the host", () =>
    Effect.gen(function*() {
      const { files } = yield* ConformanceHost
      const path = `${yield* directory}/sparse`
      yield* write(files, path)
      yield* files.truncate(path, 1024 ** 4)
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const fiber = yield* Effect.fork(fs.digest(path))
      const { leftOpen } = yield* ConformanceHost
      yield* eventually(leftOpen, Array.isNonEmptyReadonlyArray)
      yield* Fiber.interrupt(fiber)
      yield* untilNothingIsOpen
    }))
}

/** @internal */
export const fileNames: Group = (test) => {
  test("names of any bytes are listed as they are, digested and removed", () =>
    Effect.gen(function*() {
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const path = yield* directory
      for (const part of hostile) {
        yield* fs.makeDirectory(`${path}/${part}`, { recursive: true })
        yield* write(fs, `${path}/${part}/${part}`, content)
      }
      const paths = hostile.map((part) => `${part}/${part}`)
      assert.sameMembers(yield* fs.readDirectory(path, { recursive: true }), [...hostile, ...paths])
      const files = yield* fs.listFiles(path)
      assert.deepStrictEqual(files, paths.map((part) => `${path}/${part}`).sort())
      const digests = yield* Effect.forEach(files, (file) => fs.digest(file), { concurrency: 4 })
      assert.deepStrictEqual(digests, files.map(() => digestOf("sha256", content)))
    }))
}
