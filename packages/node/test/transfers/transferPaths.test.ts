import { RemoteFileSystem } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import { failsWith } from "../fixtures/resultText.js"
import { servers } from "../suites/servers.js"

for (const kind of servers) {
  describe(`sources and targets of transfers, ${kind} server`, () => {
    const onServer = <A, E>(use: (fs: RemoteFileSystem.RemoteFileSystem, directory: string) => Effect.Effect<A, E>) =>
      Effect.gen(function*() {
        const { directory, host } = yield* Sshd.make({ kind, loginShell: "sh" })
        yield* Effect.flatMap(RemoteFileSystem.RemoteFileSystem, (fs) => use(fs, directory)).pipe(
          Effect.provide(OpenSsh.layer(host))
        )
      })

    it.scopedLive("a target that is a link to what is not there yet gets it there, on both sides", () =>
      onServer((fs, directory) =>
        Effect.gen(function*() {
          Fs.writeFileSync(`${directory}/file`, "content")
          Fs.mkdirSync(`${directory}/tree`)
          Fs.writeFileSync(`${directory}/tree/inner`, "inside")
          for (const transfer of [fs.put, fs.get]) {
            for (const named of ["named", "no/such/directory/named"]) {
              const at = `${directory}/at`
              Fs.mkdirSync(at)
              Fs.symlinkSync("second", `${at}/link`)
              Fs.symlinkSync(named, `${at}/second`)
              yield* transfer(`${directory}/file`, `${at}/link`)
              assert.strictEqual(Fs.readFileSync(`${at}/${named}`, "utf8"), "content")
              Fs.rmSync(`${at}/${named}`)
              yield* transfer(`${directory}/tree`, `${at}/link`)
              assert.strictEqual(Fs.readFileSync(`${at}/${named}/inner`, "utf8"), "inside")
              assert.isTrue(
                Fs.lstatSync(`${at}/link`).isSymbolicLink() && Fs.lstatSync(`${at}/second`).isSymbolicLink()
              )
              Fs.rmSync(at, { recursive: true })
            }
            Fs.symlinkSync("circle", `${directory}/circle`)
            assert.strictEqual(yield* failsWith(transfer(`${directory}/file`, `${directory}/circle`)), "BadResource")
            Fs.rmSync(`${directory}/circle`)
          }
        })
      ))

    it.scopedLive("within one host a tree is not copied into itself, nor its source deleted", () =>
      onServer((fs, directory) =>
        Effect.gen(function*() {
          const tree = `${directory}/tree`
          Fs.mkdirSync(`${tree}/sub`, { recursive: true })
          Fs.writeFileSync(`${tree}/sub/file`, "content")
          Fs.symlinkSync("tree", `${directory}/link`)
          for (const transfer of [fs.put, fs.get]) {
            for (const from of [tree, `${directory}/link`]) {
              for (const to of [`${tree}/copy`, `${tree}/sub/a/b`, `${directory}/link/sub/copy`]) {
                assert.strictEqual(
                  yield* failsWith(transfer(from, to, { local: fs })),
                  "BadArgument",
                  `${from} to ${to}`
                )
              }
            }
            const deleting = { local: fs, delete: true }
            assert.strictEqual(yield* failsWith(transfer(`${tree}/sub`, tree, deleting)), "BadArgument")
            assert.strictEqual(yield* failsWith(transfer(`${tree}/no`, `${directory}/x`, { local: fs })), "NotFound")
            yield* transfer(tree, `${directory}/tree too`, deleting)
            yield* transfer(`${tree}/sub`, tree, { local: fs })
            assert.strictEqual(Fs.readFileSync(`${tree}/file`, "utf8"), "content")
            Fs.rmSync(`${tree}/file`)
            // One file, onto itself.
            yield* transfer(`${tree}/sub/file`, `${tree}/sub/file`, { local: fs })
          }
          assert.deepStrictEqual(Fs.readdirSync(tree), ["sub"])
          assert.strictEqual(Fs.readFileSync(`${tree}/sub/file`, "utf8"), "content")
          assert.strictEqual(Fs.readFileSync(`${directory}/tree too/sub/file`, "utf8"), "content")
        })
      ))
  })
}
