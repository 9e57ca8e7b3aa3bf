import { RemoteFileSystem, type Transfer } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { NodeFileSystem } from "@effect/platform-node"
import type { PlatformError } from "@effect/platform/Error"
import { FileSystem } from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope, Stream } from "effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { resultText } from "../fixtures/resultText.js"
import { servers } from "../suites/servers.js"

/** A path with this number of bytes below a directory. Each of its names is short enough. */
const pathOf = (directory: string, bytes: number): string => {
  let path = directory
  while (bytes - path.length > 256) path += `/${"d".repeat(Math.min(200, bytes - path.length - 3))}`
  return `${path}/${"f".repeat(bytes - path.length - 1)}`
}

type Verb = (fs: FileSystem, path: string, other: string) => Effect.Effect<unknown, PlatformError, Scope.Scope>

const text = new TextEncoder().encode("text")

/** Verbs for a path that does not exist. Its parent exists if its path is short enough. */
const onNothing: Readonly<Record<string, Verb>> = {
  access: (fs, path) => fs.access(path),
  exists: (fs, path) => fs.exists(path),
  stat: (fs, path) => fs.stat(path),
  readFile: (fs, path) => fs.readFile(path),
  stream: (fs, path) => Stream.runDrain(fs.stream(path)),
  readDirectory: (fs, path) => fs.readDirectory(path),
  readLink: (fs, path) => fs.readLink(path),
  realPath: (fs, path) => fs.realPath(path),
  chmod: (fs, path) => fs.chmod(path, 0o600),
  utimes: (fs, path) => fs.utimes(path, 1, 1),
  truncate: (fs, path) => fs.truncate(path, 1),
  remove: (fs, path) => fs.remove(path),
  "remove by force": (fs, path) => fs.remove(path, { force: true, recursive: true }),
  writeFile: (fs, path) => fs.writeFile(path, text),
  append: (fs, path) => fs.writeFile(path, text, { flag: "a" }),
  "write a new one": (fs, path) => fs.writeFile(path, text, { flag: "wx" }),
  sink: (fs, path) => Stream.run(Stream.make(text), fs.sink(path)),
  open: (fs, path) => Effect.asVoid(fs.open(path, { flag: "w+" })),
  makeDirectory: (fs, path) => fs.makeDirectory(path),
  "makeDirectory recursive": (fs, path) => Effect.asVoid(fs.makeDirectory(path, { recursive: true })),
  "makeTempDirectory in": (fs, path) => Effect.asVoid(fs.makeTempDirectory({ directory: path })),
  symlink: (fs, path) => fs.symlink("anything", path),
  "rename from": (fs, path, other) => fs.rename(path, `${other} moved`),
  "rename to": (fs, path, other) => fs.rename(other, path),
  "link to": (fs, path, other) => fs.link(other, path),
  "copyFile from": (fs, path, other) => fs.copyFile(path, `${other} copied`)
}

/** Verbs for an existing file whose path is as long as possible. */
const onFile: Readonly<Record<string, Verb>> = {
  stat: (fs, path) => Effect.map(fs.stat(path), ({ size, type }) => [type, Number(size)]),
  exists: (fs, path) => fs.exists(path),
  readFileString: (fs, path) => fs.readFileString(path),
  realPath: (fs, path) => fs.realPath(path),
  writeFileString: (fs, path) => fs.writeFileString(path, "other"),
  rename: (fs, path, other) => fs.rename(path, other),
  link: (fs, path, other) => Effect.zipRight(fs.remove(other), fs.link(path, other)),
  chmod: (fs, path) => fs.chmod(path, 0o600),
  remove: (fs, path) => fs.remove(path)
}

/** The verbs whose results differ between both file systems. */
const differences = Effect.fnUntraced(function*(
  ours: FileSystem,
  directory: string,
  verbs: Readonly<Record<string, Verb>>,
  path: string,
  prepare: () => void
) {
  const node = yield* Effect.provide(FileSystem, NodeFileSystem.layer)
  const found: Array<string> = []
  for (const [name, verb] of Object.entries(verbs)) {
    const results: Array<string> = []
    for (const fs of [node, ours]) {
      Fs.mkdirSync(directory)
      Fs.writeFileSync(`${directory}/other`, "other")
      prepare()
      const result = yield* Effect.either(Effect.scoped(verb(fs, path, `${directory}/other`)))
      results.push(resultText(result).replaceAll(path, "PATH"))
      Fs.rmSync(directory, { recursive: true })
    }
    const [expected, is] = results
    if (expected !== is) found.push(`${name}: ${is}, on Node ${expected}`)
  }
  return found
})

const longest = 4095

const names: ReadonlyArray<readonly [title: string, name: string, fits: boolean]> = [
  ["255 bytes", "x".repeat(255), true],
  ["255 bytes of two for a letter", `${"é".repeat(127)}x`, true],
  ["256 bytes", "x".repeat(256), false],
  ["256 bytes of two for a letter", "é".repeat(128), false]
]

for (const kind of servers) {
  describe(`long names, as on Node, ${kind} server`, () => {
    const onServer = <A, E>(
      use: (fs: RemoteFileSystem.RemoteFileSystem, directory: string) => Effect.Effect<A, E, Scope.Scope>
    ) =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ kind, loginShell: "sh" })
        yield* Effect.flatMap(
          RemoteFileSystem.RemoteFileSystem,
          (fs) => use(fs, `${sshd.directory}/long`)
        ).pipe(Effect.provide(OpenSsh.layer(sshd.host)))
      })

    for (const [title, name, fits] of names) {
      it.scopedLive(`a name of ${title}`, () =>
        onServer((fs, directory) =>
          Effect.gen(function*() {
            const path = `${directory}/${name}`
            assert.deepStrictEqual(yield* differences(fs, directory, onNothing, path, () => {}), [])
            assert.deepStrictEqual(yield* differences(fs, directory, onNothing, `${path}/below`, () => {}), [])
            if (!fits) return
            const prepare = () => Fs.writeFileSync(path, "text")
            assert.deepStrictEqual(yield* differences(fs, directory, onFile, path, prepare), [])
          })
        ))
    }

    for (const [bytes, fits] of [[longest, true], [longest + 1, false], [2 * longest, false]] as const) {
      it.scopedLive(`a path of ${bytes} bytes`, () =>
        onServer((fs, directory) =>
          Effect.gen(function*() {
            const path = pathOf(directory, bytes)
            assert.strictEqual(Buffer.byteLength(path), bytes)
            const parent = () => {
              if (fits) Fs.mkdirSync(Path.dirname(path), { recursive: true })
            }
            const { realPath, ...others } = onNothing
            // Node resolves one name after the other, so that it comes upon a missing one before the whole is too long.
            const verbs = fits ? { ...others, realPath: realPath! } : others
            assert.deepStrictEqual(yield* differences(fs, directory, verbs, path, parent), [])
            if (!fits) return
            const file = () => {
              parent()
              Fs.writeFileSync(path, "text")
            }
            assert.deepStrictEqual(yield* differences(fs, directory, onFile, path, file), [])
          })
        ))
    }

    it.scopedLive("atomic writes and transfers take the longest name, and fail on a longer one", () =>
      onServer((fs, directory) =>
        Effect.gen(function*() {
          const to = `${directory}/to`
          Fs.mkdirSync(to, { recursive: true })
          Fs.writeFileSync(`${directory}/source`, "text")
          const failed = (effect: Effect.Effect<unknown, PlatformError | Transfer.TransferError>) =>
            Effect.map(Effect.flip(effect), (error) => error._tag === "SystemError" ? error.reason : error._tag)
          for (const [title, name, fits] of names) {
            const path = `${to}/${name}`
            for (const write of [fs.atomicWrite(path, "text"), fs.put(`${directory}/source`, path)]) {
              if (fits) {
                yield* write
                assert.strictEqual(Fs.readFileSync(path, "utf8"), "text")
                yield* fs.get(path, path)
                Fs.rmSync(path)
              } else assert.strictEqual(yield* failed(write), "Unknown", title)
              assert.deepStrictEqual(Fs.readdirSync(to), [])
            }
          }
          // The path is short enough for the name, but not for a hidden name next to it.
          const deep = pathOf(to, longest - 20)
          Fs.mkdirSync(deep, { recursive: true })
          const short = `${deep}/f`
          yield* fs.writeFileString(short, "old")
          for (const write of [fs.atomicWrite(short, "new"), fs.put(`${directory}/source`, short)]) {
            assert.include(["Unknown", "TransferError"], yield* failed(write))
            assert.strictEqual(Fs.readFileSync(short, "utf8"), "old")
          }
          assert.deepStrictEqual(Fs.readdirSync(deep), ["f"])
        })
      ))
  })
}
