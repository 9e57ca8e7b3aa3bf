/**
 * What another user of the host may leave in the way. Only root can make files of others, so that the other tests are left
 * out for ordinary users.
 */
import { RemoteFileSystem } from "@effect-remote/core"
import { Sshd } from "@effect-remote/testing"
import type { PlatformError } from "@effect/platform/Error"
import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import { pairings } from "./suites/transports.js"

const isRoot = process.getuid?.() === 0
const other = 12345

const reasonOf = (error: PlatformError | { readonly _tag: "TransferError" }): string =>
  error._tag === "SystemError" ? error.reason : error._tag

/** A directory that everybody may write to, as /tmp, and a file elsewhere. */
const shared = Effect.map(Sshd.Sshd, ({ directory }) => {
  const path = Fs.mkdtempSync(`${directory}/shared-`)
  Fs.chmodSync(path, 0o1777)
  Fs.mkdirSync(`${path}/elsewhere`)
  Fs.writeFileSync(`${path}/elsewhere/file`, "old")
  return path
})

for (const { suite } of pairings) {
  describe.skipIf(!isRoot)(`files of other users (left out: only root makes them), ${suite.name}`, () => {
    layer(suite.layer, { excludeTestServices: true, timeout: "60 seconds" })((it) => {
      // FOUND E7
      it.scoped("refuses to write through another user's link in a sticky directory", () =>
        Effect.gen(function*() {
          const fs = yield* RemoteFileSystem.RemoteFileSystem
          const path = yield* shared
          const text = () => Fs.readFileSync(`${path}/elsewhere/file`, "utf8")
          const source = `${path}/elsewhere/source`
          Fs.writeFileSync(source, "put")
          for (const [link, leads] of [["link", "elsewhere/file"], ["dangling", "elsewhere/new"]] as const) {
            Fs.symlinkSync(leads, `${path}/${link}`)
            Fs.lchownSync(`${path}/${link}`, other, other)
          }
          Fs.symlinkSync(`${path}/link`, `${path}/elsewhere/to link`)
          for (const name of ["link", "dangling", "elsewhere/to link"]) {
            const target = `${path}/${name}`
            const attempts = [
              fs.atomicWrite(target, "secret"),
              fs.atomicWrite(target, new Uint8Array(100_000)),
              fs.copyFile(source, target),
              fs.put(source, target),
              fs.put(source, target, { resume: true })
            ]
            for (const attempt of attempts) {
              const error = yield* Effect.flip(attempt)
              assert.strictEqual(reasonOf(error), "PermissionDenied", error.message)
              assert(error._tag === "SystemError")
              assert.strictEqual(error.pathOrDescriptor, target)
              assert.include(error.message, "a link of another user")
            }
          }
          assert.strictEqual(text(), "old")
          assert.deepStrictEqual(Fs.readdirSync(`${path}/elsewhere`).sort(), ["file", "source", "to link"])
          // Nothing is left of the file that showed who this user is.
          assert.deepStrictEqual(Fs.readdirSync(path).sort(), ["dangling", "elsewhere", "link"])
        }))

      it.scoped("follows a link that this user, or the owner of the directory, has made", () =>
        Effect.gen(function*() {
          const fs = yield* RemoteFileSystem.RemoteFileSystem
          for (const [directoryOwner, linkOwner] of [[0, 0], [other, 0], [other, other]] as const) {
            const path = yield* shared
            Fs.symlinkSync("elsewhere/file", `${path}/link`)
            Fs.lchownSync(`${path}/link`, linkOwner, linkOwner)
            Fs.chownSync(path, directoryOwner, directoryOwner)
            yield* fs.atomicWrite(`${path}/link`, "new")
            assert.strictEqual(Fs.readFileSync(`${path}/elsewhere/file`, "utf8"), "new")
            assert.deepStrictEqual(Fs.readdirSync(path).sort(), ["elsewhere", "link"])
          }
        }))
    })
  })
}
