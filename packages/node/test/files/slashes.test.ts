import { RemoteFileSystem } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { NodeFileSystem } from "@effect/platform-node"
import type { PlatformError } from "@effect/platform/Error"
import { FileSystem } from "@effect/platform/FileSystem"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import { resultText } from "../fixtures/resultText.js"
import { servers } from "../suites/servers.js"

type Verb = (fs: FileSystem, at: (name: string) => string) => Effect.Effect<unknown, PlatformError>

const text = new TextEncoder().encode("text")

const each = (title: string, names: ReadonlyArray<string>, verb: (name: string) => Verb) =>
  names.map((name) => [`${title} ${name}`, verb(name)] as const)

const slashed = ["file/", "file/.", "file//", "directory/", "directory/.", "new/", "link/", "link to directory/"]

const verbs: ReadonlyArray<readonly [string, Verb]> = [
  ...each("stat", slashed, (name) => (fs, at) => Effect.map(fs.stat(at(name)), ({ type }) => type)),
  ...each("exists", slashed, (name) => (fs, at) => fs.exists(at(name))),
  ...each("readFile", slashed, (name) => (fs, at) => Effect.map(fs.readFile(at(name)), ({ length }) => length)),
  ...each("readDirectory", slashed, (name) => (fs, at) => fs.readDirectory(at(name))),
  ...each("readLink", slashed, (name) => (fs, at) => fs.readLink(at(name))),
  ...each("chmod", slashed, (name) => (fs, at) => fs.chmod(at(name), 0o700)),
  ...each("truncate", slashed, (name) => (fs, at) => fs.truncate(at(name))),
  ...each("writeFile", slashed, (name) => (fs, at) => fs.writeFile(at(name), text)),
  ...each("append", slashed, (name) => (fs, at) => fs.writeFile(at(name), text, { flag: "a" })),
  ...each("makeDirectory", slashed, (name) => (fs, at) => fs.makeDirectory(at(name))),
  ...each("symlink", ["file/", "new/"], (name) => (fs, at) => fs.symlink("file", at(name))),
  ...each("rename to", slashed, (name) => (fs, at) => fs.rename(at("other"), at(name))),
  ...each(
    "rename",
    ["file/", "directory/", "directory/.", "new/"],
    (name) => (fs, at) => fs.rename(at(name), at("moved"))
  ),
  ...each("link to", ["file/", "new/", "new/."], (name) => (fs, at) => fs.link(at("other"), at(name))),
  // Nothing of a copy is made in what is copied.
  ["copy into itself", (fs, at) => fs.copy(at("directory"), at("directory/a/b/c"))],
  ["copy beside itself", (fs, at) => fs.copy(at("directory"), at("directory too/a/b"))]
]

const build = (path: string) => {
  Fs.rmSync(path, { recursive: true, force: true })
  Fs.mkdirSync(path)
  Fs.writeFileSync(`${path}/file`, "file")
  Fs.writeFileSync(`${path}/other`, "other")
  Fs.mkdirSync(`${path}/directory`)
  Fs.symlinkSync("file", `${path}/link`)
  Fs.symlinkSync("directory", `${path}/link to directory`)
}

for (const kind of servers) {
  it.scopedLive(`paths that end in a slash or a dot, as on Node, ${kind} server`, () =>
    Effect.gen(function*() {
      const { directory, host } = yield* Sshd.make({ kind, loginShell: "sh" })
      const node = yield* Effect.provide(FileSystem, NodeFileSystem.layer)
      yield* Effect.gen(function*() {
        const ours = yield* RemoteFileSystem.RemoteFileSystem
        const path = `${directory}/slashes`
        const differences: Array<string> = []
        for (const [name, verb] of verbs) {
          const results: Array<string> = []
          for (const fs of [node, ours]) {
            build(path)
            const result = resultText(yield* Effect.either(verb(fs, (name) => `${path}/${name}`)))
            results.push(`${result}, leaves ${Fs.readdirSync(path, { recursive: true }).sort().join()}`)
          }
          if (results[0] !== results[1]) differences.push(`${name}: ${results[1]}, on Node ${results[0]}`)
        }
        assert.deepStrictEqual(differences, [])
        // Node goes on through the link until the path is too long.
        build(path)
        const copied = ours.copy(`${path}/directory`, `${path}/link to directory/a/b`)
        assert.strictEqual(resultText(yield* Effect.either(copied)), "SystemError Unknown")
        assert.deepStrictEqual(Fs.readdirSync(`${path}/directory`), [])
      }).pipe(Effect.provide(OpenSsh.layer(host)))
    }), 60_000)
}
