import { LocalMachine, RemoteContext, RemoteError, RemoteFileSystem } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { Command } from "@effect/platform"
import type { PlatformError } from "@effect/platform/Error"
import { assert, describe, it, layer } from "@effect/vitest"
import { Array, Effect, Layer, Option, Stream } from "effect"
import { execFileSync } from "node:child_process"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as localHash from "../../src/internal/local/hash.js"
import { hasShell, openssh, servers } from "../suites/servers.js"

const within = <A, E>(
  options: OpenSsh.Options,
  use: (fs: RemoteFileSystem.RemoteFileSystem) => Effect.Effect<A, E, RemoteContext.RemoteContext>
) => Effect.flatMap(RemoteFileSystem.RemoteFileSystem, use).pipe(Effect.provide(OpenSsh.layerProcess(options)))

/** The error of the connection in that of a file operation. */
const connectionError = (options: OpenSsh.Options) =>
  Effect.map(
    Effect.flip(within(options, (fs) => fs.readFile("/etc/passwd"))),
    (error) => Option.getOrThrow(RemoteError.findConnectionError(error))
  )

for (const kind of servers) {
  describe(`SFTP on the ${kind} server`, () => {
    it.scopedLive("a server without it says so", () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ kind, sftp: "none" })
        const error = yield* connectionError(sshd.host)
        assert.strictEqual(error.reason, "ChannelRefused")
        assert.include(error.message, "subsystem")
        assert.include(error.message, "sftpServer")
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

// Only root can have a root of its own, which nobody else may write to, nor to what is above it.
describe.skipIf(!openssh || process.getuid?.() !== 0)("SFTP within a root of its own", () => {
  it.scopedLive("is a whole file system, and copies trees", () =>
    Effect.gen(function*() {
      const root = yield* Effect.acquireRelease(
        Effect.sync(() => Fs.mkdtempSync("/root/effect-remote-")),
        (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
      )
      Fs.chmodSync(root, 0o755)
      Fs.mkdirSync(`${root}/data`)
      const sshd = yield* Sshd.make({
        kind: "openssh",
        forceCommand: "internal-sftp",
        config: [`ChrootDirectory ${root}`]
      })
      const source = `${sshd.directory}/tree`
      Fs.mkdirSync(`${source}/below`, { recursive: true })
      Fs.writeFileSync(`${source}/below/file`, "one")
      yield* within(sshd.host, (fs) =>
        Effect.gen(function*() {
          yield* fs.atomicWrite("/data/a b", "text", { durable: true })
          yield* fs.atomicWrite("/data/a b", "other text")
          assert.strictEqual(yield* fs.readFileString("/data/a b"), "other text")
          assert.deepStrictEqual(yield* fs.readDirectory("/"), ["data"])
          yield* fs.put(source, "/data/tree", { verify: "digest" })
          yield* fs.get("/data/tree", `${sshd.directory}/back`)
          // The server cannot run a command that would compute the digest.
          assert.strictEqual(
            yield* fs.digest("/data/tree/below/file"),
            Crypto.createHash("sha256").update("one").digest("hex")
          )
          yield* fs.remove("/data/tree", { recursive: true })
          const refused = yield* Effect.flip(fs.remove("/", { recursive: true }))
          assert.strictEqual(refused._tag, "BadArgument")
        }))
      assert.strictEqual(Fs.readFileSync(`${sshd.directory}/back/below/file`, "utf8"), "one")
      assert.deepStrictEqual(Fs.readdirSync(`${root}/data`), ["a b"])
    }))
})

const sftpServer = ["/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server", "/usr/libexec/openssh/sftp-server"]
  .find((path) => Fs.existsSync(path))

// It is a part of OpenSSH's server.
describe.skipIf(sftpServer === undefined)("an SFTP server that is named", () => {
  for (const kind of servers) {
    for (const loginShell of ["sh", "fish", "tcsh"]) {
      it.scopedLive.skipIf(!hasShell(loginShell))(
        `serves where there is no subsystem, ${kind} server, ${loginShell}`,
        () =>
          Effect.gen(function*() {
            const sshd = yield* Sshd.make({ kind, sftp: "none", loginShell })
            const path = `${sshd.directory}/it's a server!`
            Fs.symlinkSync(sftpServer!, path)
            yield* within({ ...sshd.host, sftpServer: path }, (fs) =>
              Effect.gen(function*() {
                yield* fs.atomicWrite(`${sshd.directory}/file`, "by a program")
                assert.strictEqual(yield* fs.readFileString(`${sshd.directory}/file`), "by a program")
              }))
          })
      )
    }

    it.scopedLive(`a program with arguments serves, ${kind} server`, () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ kind, sftp: "none" })
        const path = `${sshd.directory}/file`
        // `env` is a program that starts another one, as sudo does. The server gets this umask, and `-R` refuses to write.
        const run = (...options: ReadonlyArray<string>) => ["env", "it's=a 'word'!\\", sftpServer!, ...options]
        yield* within({ ...sshd.host, sftpServer: run("-u", "077") }, (fs) => fs.writeFileString(path, "text"))
        assert.strictEqual(Fs.statSync(path).mode & 0o777, 0o600)
        yield* within({ ...sshd.host, sftpServer: run("-R") }, (fs) =>
          Effect.gen(function*() {
            assert.strictEqual(yield* fs.readFileString(path), "text")
            assert.include((yield* Effect.flip(fs.remove(path))).message, "PermissionDenied")
          }))
      }))

    it.scopedLive(`a path without an SFTP server fails with that path, ${kind} server`, () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ kind, loginShell: "sh" })
        const error = yield* connectionError({ ...sshd.host, sftpServer: "/no/such/server" })
        assert.strictEqual(error.reason, "ConnectionLost")
        assert.include(error.message, "/no/such/server")
      }))
  }
})

// OpenSSH's own server can leave out requests, by an option.
describe.skipIf(!openssh || sftpServer === undefined)("an SFTP server without extensions", () => {
  const names = [
    ...["posix-rename", "hardlink", "fsync", "statvfs", "fstatvfs", "lsetstat", "limits", "copy-data", "expand-path"]
  ]
  it.scopedLive("has a way without each, or a refusal", () =>
    Effect.gen(function*() {
      const sshd = yield* Sshd.make({ kind: "openssh", forceCommand: `${sftpServer} -P ${names.join()}` })
      const at = (name: string) => `${sshd.directory}/${name}`
      const refused = <A>(effect: Effect.Effect<A, PlatformError>) =>
        Effect.map(Effect.flip(effect), (error) => {
          assert(error._tag === "SystemError" && error.reason === "Unknown", error.message)
          assert.include(error.message, "the SFTP server cannot")
        })
      yield* within(sshd.host, (fs) =>
        Effect.gen(function*() {
          yield* fs.atomicWrite(at("file"), "text")
          const replaced = yield* Effect.flip(fs.atomicWrite(at("file"), "other"))
          assert(replaced._tag === "SystemError" && replaced.reason === "AlreadyExists")
          yield* fs.atomicWrite(at("absent"), "text", { ifAbsent: true })
          yield* fs.copyFile(at("file"), at("copy"))
          yield* fs.rename(at("copy"), at("moved"))
          assert.strictEqual(yield* fs.readFileString(at("moved")), "text")
          const home = yield* fs.realPath(".")
          assert.strictEqual(yield* fs.expandPath("~/x"), `${home}/x`)
          yield* refused(fs.expandPath("~root"))
          yield* refused(fs.link(at("file"), at("link")))
          yield* refused(fs.diskFree(at("file")))
          yield* Effect.map(Effect.flip(fs.atomicWrite(at("durable"), "text", { durable: true })), ({ message }) => {
            assert.include(message, "`durable` needs fsync@openssh.com")
          })
        }))
      assert.sameMembers(Fs.readdirSync(sshd.directory).filter((name) => /file|absent|moved|tmp$/.test(name)), [
        "absent",
        "file",
        "moved"
      ])
    }))
})

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

  it.scopedLive("an answer that is not from an SFTP server", () =>
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
      assert.include(error.hint, "exists on the host")
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
      const sshd = yield* Sshd.make({ loginShell: "sh" })
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
      const sshd = yield* Sshd.make({ loginShell: "sh" })
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

describe("digests", () => {
  const content = Buffer.from(Array.makeBy(300_000, (index) => index % 251))
  const expected = Crypto.createHash("sha256").update(content).digest("hex")

  // Counts the commands of digests, and gives them what `change` makes of their output.
  const counted = Effect.fnUntraced(function*(change: Partial<RemoteContext.RemoteContext> = {}) {
    const context = yield* RemoteContext.RemoteContext
    let commands = 0
    const string: typeof context.string = (command, options) => {
      commands++
      return (change.string ?? context.string)(command, options)
    }
    const fs = yield* RemoteFileSystem.make.pipe(
      Effect.provideService(RemoteContext.RemoteContext, { ...context, string }),
      Effect.provideService(LocalMachine.LocalMachine, { hash: localHash.hash })
    )
    return { fs, commands: () => commands }
  })

  for (const kind of servers) {
    it.scopedLive(`are computed here if commands do not run, without trying again (${kind} server)`, () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ kind, forceCommand: "internal-sftp" })
        const path = `${sshd.directory}/file`
        Fs.writeFileSync(path, content)
        yield* Effect.gen(function*() {
          const { commands, fs } = yield* counted()
          assert.strictEqual(yield* fs.digest(path), expected)
          assert.strictEqual(yield* fs.digest(path), expected)
          assert.strictEqual(commands(), 1)
          const error = yield* Effect.flip(fs.digest(`${path}/no`))
          assert(error._tag === "SystemError")
          assert.strictEqual(error.reason, "BadResource")
        }).pipe(Effect.provide(OpenSsh.layer(sshd.host)))
      }))
  }

  layer(
    Layer.unwrapScoped(
      Effect.map(
        Sshd.make({ loginShell: "sh" }),
        (sshd) => Layer.merge(OpenSsh.layer(sshd.host), Layer.succeed(Sshd.Sshd, sshd))
      )
    ),
    { excludeTestServices: true }
  )("on a host", (it) => {
    const file = Effect.map(Sshd.Sshd, ({ directory }) => {
      const path = `${directory}/file`
      Fs.writeFileSync(path, content)
      return path
    })

    it.scoped("are computed there, of large files", () =>
      Effect.gen(function*() {
        const path = yield* file
        const { commands, fs } = yield* counted()
        assert.strictEqual(yield* fs.digest(path), expected)
        assert.strictEqual(commands(), 1)
        Fs.writeFileSync(path, "small")
        yield* fs.digest(path)
        assert.strictEqual(commands(), 1)
      }))

    it.scoped("are never of another file, which commands see under the same name", () =>
      Effect.gen(function*() {
        const path = yield* file
        Fs.writeFileSync(`${path} elsewhere`, content.subarray(1))
        const context = yield* RemoteContext.RemoteContext
        const { commands, fs } = yield* counted({
          string: (command, options) => {
            assert(command._tag === "StandardCommand")
            const args = command.args.map((arg) => arg === path ? `${path} elsewhere` : arg)
            assert.notDeepEqual(args, command.args)
            return context.string(Command.make(command.command, ...args), options)
          }
        })
        assert.strictEqual(yield* fs.digest(path), expected)
        assert.strictEqual(yield* fs.digest(path), expected)
        assert.strictEqual(commands(), 2)
      }))

    it.scoped("are not what garbage says", () =>
      Effect.gen(function*() {
        const path = yield* file
        for (
          const garbage of [
            "",
            "\n",
            "\\",
            `${expected}`,
            `${expected}\n\n`,
            `x${expected.slice(1)}\n`,
            `a${expected}\n`
          ]
        ) {
          const { commands, fs } = yield* counted({ string: () => Effect.succeed(garbage) })
          assert.strictEqual(yield* fs.digest(path), expected)
          assert.strictEqual(yield* fs.digest(path), expected)
          assert.strictEqual(commands(), 1)
        }
      }))

    it.scoped("relative paths begin where SFTP does", () =>
      Effect.gen(function*() {
        const path = yield* file
        const { fs } = yield* counted()
        const home = path.split("/").slice(1).map(() => "..").join("/")
        assert.strictEqual(yield* fs.digest(`${home}/../../..${path}`), expected)
      }))
  })
})
