import { RemoteContext, RemoteError, RemoteFileSystem } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import { openssh, servers } from "./suites/servers.js"

const within = <A, E>(
  options: OpenSsh.Options,
  use: (fs: RemoteFileSystem.RemoteFileSystem) => Effect.Effect<A, E, RemoteContext.RemoteContext>
) => Effect.flatMap(RemoteFileSystem.RemoteFileSystem, use).pipe(Effect.provide(OpenSsh.layerProcess(options)))

/** The error of the connection in that of a file operation. */
const connectionError = (options: OpenSsh.Options) =>
  Effect.map(
    Effect.flip(within(options, (fs) => fs.readFile("/etc/passwd"))),
    (error) => Option.getOrThrow(RemoteError.connectionError(error))
  )

for (const kind of servers) {
  describe(`SFTP on the ${kind} server`, () => {
    it.scopedLive("a server without it says so", () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ kind, sftp: "none" })
        const error = yield* connectionError(sshd.host)
        assert.strictEqual(error.reason, "ChannelRefused")
        assert.include(error.message, "subsystem")
      }))

    it.scopedLive("a host that allows nothing else keeps all of its files", () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ kind, forceCommand: "internal-sftp" })
        yield* within(sshd.host, (fs) =>
          Effect.gen(function*() {
            yield* fs.atomicWrite(`${sshd.directory}/file`, "over SFTP alone")
            assert.strictEqual(yield* fs.readFileString(`${sshd.directory}/file`), "over SFTP alone")
          }))
      }))
  })
}

describe.skipIf(!openssh)("SFTP run by the login shell", () => {
  const home = Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync("/tmp/effect-remote-home-")),
    (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
  )

  it.scopedLive("a shell that prints before it begins", () =>
    Effect.gen(function*() {
      const path = yield* home
      Fs.writeFileSync(`${path}/.bashrc`, "echo 'Welcome to the machine'\n")
      const sshd = yield* Sshd.make({ kind: "openssh", loginShell: "bash", home: path, sftp: "external" })
      const error = yield* connectionError(sshd.host)
      assert.strictEqual(error.reason, "Protocol")
      assert.include(error.message, "Welcome to the machine")
      assert.include(error.message, "before SFTP began")
    }))

  it.scopedLive("what answers is no SFTP server", () =>
    Effect.gen(function*() {
      for (
        const nonsense of [
          "printf '\\000\\000\\000\\005\\143\\000\\000\\000\\003'; cat",
          "printf '\\000\\000\\000\\005\\002\\000\\000\\000\\011'; cat",
          "printf '\\000\\000\\000\\000'; cat",
          "head -c 100000 /dev/zero; cat"
        ]
      ) {
        const sshd = yield* Sshd.make({ kind: "openssh", forceCommand: nonsense })
        assert.strictEqual((yield* connectionError(sshd.host)).reason, "Protocol", nonsense)
      }
    }))

  it.scopedLive("a server that breaks the protocol later on", () =>
    Effect.gen(function*() {
      // A good beginning, and then an answer that nobody asked for.
      const sshd = yield* Sshd.make({
        kind: "openssh",
        forceCommand: "printf '\\000\\000\\000\\005\\002\\000\\000\\000\\003'; head -c 30 >/dev/null; " +
          "printf '\\000\\000\\000\\011\\145\\000\\000\\000\\143\\000\\000\\000\\000'; cat"
      })
      assert.strictEqual((yield* connectionError(sshd.host)).reason, "Protocol")
    }))

  it.scopedLive("a server that ends at once", () =>
    Effect.gen(function*() {
      const sshd = yield* Sshd.make({ kind: "openssh", forceCommand: "exit 1" })
      const error = yield* connectionError(sshd.host)
      // OpenSSH's server keeps the stderr of subsystems to itself.
      assert.strictEqual(error.reason, "ConnectionLost")
      assert.include(error.message, "ended the session")
    }))
})

// A small file system is needed, and root to mount it. CI runs this as root.
const mounted = process.getuid?.() === 0
describe.skipIf(!mounted)("a full disk", () => {
  const smallDisk = (sshd: Sshd.Sshd) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const path = `${sshd.directory}/small disk`
        Fs.mkdirSync(path)
        execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", path])
        return path
      }),
      (path) => Effect.sync(() => execFileSync("umount", [path]))
    )

  it.scopedLive("leaves the old file of an atomic write, and nothing beside it", () =>
    Effect.gen(function*() {
      const sshd = yield* Sshd.make({})
      const path = yield* smallDisk(sshd)
      Fs.writeFileSync(`${path}/file`, "old")
      const error = yield* within(sshd.host, (fs) =>
        Effect.flip(Stream.run(
          Stream.repeatValue(new Uint8Array(100_000)).pipe(Stream.take(30)),
          fs.atomicSink(`${path}/file`)
        )))
      assert(error._tag === "SystemError")
      assert.strictEqual(error.reason, "Unknown")
      assert.include(error.message, "no space left")
      assert.strictEqual(Fs.readFileSync(`${path}/file`, "utf8"), "old")
      assert.deepStrictEqual(Fs.readdirSync(path), ["file"])
    }))
})

describe("a file system and a command on one host", () => {
  it.scopedLive("see the same files", () =>
    Effect.gen(function*() {
      const sshd = yield* Sshd.make({})
      yield* within(sshd.host, (fs) =>
        Effect.gen(function*() {
          const path = `${sshd.directory}/it's "here"`
          yield* fs.writeFileString(path, "by SFTP")
          assert.strictEqual(yield* RemoteContext.string(Command.make("cat", path)), "by SFTP")
          yield* RemoteContext.exitCode(Command.make("rm", path))
          assert.isFalse(yield* fs.exists(path))
        }))
    }))
})
