import { RemoteFileSystem } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import { openssh } from "../suites/servers.js"

const sftpServer = ["/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server", "/usr/libexec/openssh/sftp-server"]
  .find((path) => Fs.existsSync(path))

const paths = Array.from({ length: 100 }, (_, index) => `${index}`)

describe.skipIf(!openssh || sftpServer === undefined)("an SFTP server with few descriptors", () => {
  // FOUND A18
  for (const without of ["", " -P limits"]) {
    it.scopedLive(`has many files read, written and copied at once, with sftp-server${without}`, () =>
      Effect.gen(function*() {
        // A server that does not announce its limit is assumed to allow 128.
        const descriptors = without === "" ? 24 : 140
        const sshd = yield* Sshd.make({
          kind: "openssh",
          loginShell: "sh",
          forceCommand: `ulimit -n ${descriptors}; exec ${sftpServer}${without}`
        })
        const at = (name: string) => `${sshd.directory}/${name}`
        yield* Effect.gen(function*() {
          const fs = yield* RemoteFileSystem.RemoteFileSystem
          const all = <A, E>(each: (path: string) => Effect.Effect<A, E>) =>
            Effect.forEach(paths, each, { concurrency: "unbounded" })
          yield* all((path) => fs.writeFileString(at(path), path))
          yield* all((path) => fs.copyFile(at(path), at(`${path}.copy`)))
          yield* Effect.forEach(
            paths.slice(0, 20),
            (path) => fs.atomicWrite(at(`${path}.durable`), path, { durable: true }),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(yield* all((path) => fs.readFileString(at(`${path}.copy`))), paths)
        }).pipe(Effect.provide(OpenSsh.layer(sshd.host)))
        assert.strictEqual(Fs.readFileSync(at("7.durable"), "utf8"), "7")
      }))
  }
})
