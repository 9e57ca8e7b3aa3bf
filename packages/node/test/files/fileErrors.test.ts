import { RemoteFileSystem } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import type { PlatformError } from "@effect/platform/Error"
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import * as Fs from "node:fs"
import { openssh } from "../suites/servers.js"

const sftpServer = ["/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server", "/usr/libexec/openssh/sftp-server"]
  .find((path) => Fs.existsSync(path))

const large = new Uint8Array(110_000).fill(1)

type At = (name: string) => string

/** The files of OpenSSH's server, and of the program that a command line starts in its place. */
const onServer = <A, E>(
  forceCommand: string | undefined,
  use: (fs: RemoteFileSystem.RemoteFileSystem, at: At) => Effect.Effect<A, E, Scope.Scope>
) =>
  Effect.gen(function*() {
    const sshd = yield* Sshd.make({ kind: "openssh", ...(forceCommand !== undefined && { forceCommand }) })
    const directory = `${sshd.directory}/files`
    Fs.mkdirSync(directory)
    yield* Effect.flatMap(RemoteFileSystem.RemoteFileSystem, (fs) =>
      Effect.scoped(use(fs, (name) => `${directory}/${name}`))).pipe(Effect.provide(OpenSsh.layer(sshd.host)))
  })

const expectMessage = (attempt: Effect.Effect<unknown, { readonly message: string }, Scope.Scope>, message: string) =>
  Effect.map(Effect.flip(attempt), (error) => {
    assert.include(error.message, message)
    assert.notInclude(error.message, ".effect-remote-")
  })

/** A new tmpfs at the path. */
const mount = (path: string, options = "size=64k") =>
  Effect.acquireRelease(
    Effect.sync(() => {
      Fs.mkdirSync(path, { recursive: true })
      execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path])
    }),
    () => Effect.sync(() => execFileSync("umount", ["--lazy", path]))
  )

/** A file that is mounted at another. */
const bind = (file: string, path: string) =>
  Effect.acquireRelease(
    Effect.sync(() => execFileSync("mount", ["--bind", file, path])),
    () => Effect.sync(() => execFileSync("umount", ["--lazy", path]))
  )

/** A program that runs. */
const run = (path: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      Fs.copyFileSync("/bin/sleep", path)
      Fs.chmodSync(path, 0o755)
      const child = spawn(path, ["60"])
      await once(child, "spawn")
      return child
    }),
    (child) => Effect.sync(() => child.kill())
  )

describe.skipIf(!openssh || sftpServer === undefined)("errors of files on OpenSSH's server", () => {
  // B16
  it.scopedLive("without SETSTAT, what is only kept is forgiven in all sizes, and the result says so", () =>
    onServer(`${sftpServer} -P setstat,fsetstat`, (fs, at) =>
      Effect.gen(function*() {
        Fs.mkdirSync(at("source/below"), { recursive: true })
        Fs.writeFileSync(at("source/small"), "small")
        Fs.writeFileSync(at("source/below/large"), large)
        const replaced = (name: string) => {
          Fs.writeFileSync(at(name), "old")
          Fs.chmodSync(at(name), 0o666)
        }
        for (const content of ["small", large]) {
          replaced("file")
          yield* fs.atomicWrite(at("file"), content)
          assert.strictEqual(Fs.statSync(at("file")).size, content.length)
        }
        Fs.mkdirSync(at("tree/below"), { recursive: true })
        replaced("tree/small")
        replaced("tree/below/large")
        const { entries } = yield* fs.put(at("source"), at("tree"))
        const unset = entries.flatMap(({ outcome, path }) =>
          outcome._tag === "Copied" && outcome.unset === "mode" ? [path] : []
        )
        assert.deepStrictEqual(unset, ["below/large", "small"])
        assert.isTrue(Fs.readFileSync(at("tree/below/large")).equals(large))
        yield* fs.copyFile(at("source/small"), at("copy"))
        yield* fs.copy(at("source"), at("copied"))
        assert.strictEqual(Fs.readFileSync(at("copied/small"), "utf8"), "small")
        const why = "the host does not permit setting its mode, owner or times"
        for (const [name, content] of [["small", "x"], ["large", large]] as const) {
          yield* expectMessage(
            fs.atomicWrite(at(name), content, { mode: 0o666 }),
            `PermissionDenied: FileSystem.atomicWrite (${at(name)}): ${why}`
          )
          yield* expectMessage(
            fs.put(at(name === "small" ? "source/small" : "source/below/large"), at(name), {
              preserve: { timestamps: true }
            }),
            `PermissionDenied: FileSystem.put (${at(name)}): ${why}`
          )
        }
        assert.isFalse(Fs.existsSync(at("small")))
      })))

  // B14, B16
  it.scopedLive("a denied rename is not taken for an existing file", () =>
    onServer(`${sftpServer} -P posix-rename,rename`, (fs, at) =>
      Effect.gen(function*() {
        Fs.writeFileSync(at("file"), "old")
        Fs.writeFileSync(at("other"), "other")
        const why = "the host does not permit renaming the new file to it"
        for (const content of ["small", large]) {
          yield* expectMessage(
            fs.atomicWrite(at("file"), content),
            `PermissionDenied: FileSystem.atomicWrite (${at("file")}): ${why}`
          )
        }
        yield* expectMessage(
          fs.rename(at("other"), at("file")),
          `PermissionDenied: FileSystem.rename (${at("other")}): to "${at("file")}": the host does not permit it`
        )
        assert.strictEqual(Fs.readFileSync(at("file"), "utf8"), "old")
      })))

  it.scopedLive("a server that cannot replace a file says which extension it lacks", () =>
    onServer(`${sftpServer} -P posix-rename`, (fs, at) =>
      Effect.gen(function*() {
        Fs.writeFileSync(at("file"), "old")
        yield* expectMessage(
          fs.atomicWrite(at("file"), "new"),
          `AlreadyExists: FileSystem.atomicWrite (${
            at("file")
          }): it exists already, and this SFTP server cannot replace it`
        )
      })))

  // B15
  it.scopedLive("a limit that the disk does not show is one of the possible reasons", () =>
    onServer(`trap '' XFSZ; ulimit -f 100; exec ${sftpServer}`, (fs, at) =>
      expectMessage(
        fs.atomicWrite(at("file"), large),
        `Unknown: FileSystem.atomicWrite (${
          at("file")
        }): the SFTP server said: Failure; the disk has free space, so a quota`
      )))

  // B15
  it.scopedLive("a server that can open no more files says so", () =>
    onServer(`ulimit -n 10; exec ${sftpServer} -P limits`, (fs, at) =>
      Effect.gen(function*() {
        const names = Array.from({ length: 12 }, (_, index) => `file${index}`)
        for (const name of names) Fs.writeFileSync(at(name), "")
        yield* expectMessage(
          Effect.forEach(names, (name): Effect.Effect<unknown, PlatformError, Scope.Scope> => fs.open(at(name))),
          "the SFTP server can open no more files"
        )
      })))

  // B15
  it.scopedLive("a program that runs cannot be written, and can be replaced", () =>
    onServer(undefined, (fs, at) =>
      Effect.gen(function*() {
        yield* run(at("program"))
        yield* expectMessage(
          fs.writeFile(at("program"), large),
          `Unknown: FileSystem.writeFile (${at("program")}): the program is running`
        )
        yield* fs.atomicWrite(at("program"), "new")
        assert.strictEqual(Fs.readFileSync(at("program"), "utf8"), "new")
      })))

  // B16
  for (const denied of ["lsetstat", "fsetstat"]) {
    it.scopedLive(`a file is written in place on a server without ${denied}`, () =>
      onServer(`${sftpServer} -P ${denied}`, (fs, at) =>
        Effect.gen(function*() {
          Fs.writeFileSync(at("small"), "new")
          Fs.writeFileSync(at("large"), large)
          Fs.writeFileSync(at("target"), "old")
          const { ino } = Fs.statSync(at("target"))
          for (const name of denied === "lsetstat" ? ["large", "small"] : ["large"]) {
            yield* fs.put(at(name), at("target"), { inPlace: true })
            assert.isTrue(Fs.readFileSync(at("target")).equals(Fs.readFileSync(at(name))))
          }
          assert.strictEqual(Fs.statSync(at("target")).ino, ino)
        })))
  }

  // B16
  it.scopedLive.skipIf(process.getuid?.() !== 0)(
    "a mounted file is written in place, as the errors suggest",
    () =>
      onServer(undefined, (fs, at) =>
        Effect.gen(function*() {
          for (const name of ["hosts", "mounted", "source"]) Fs.writeFileSync(at(name), name)
          yield* bind(at("mounted"), at("hosts"))
          const busy = "it may be in use or a mount point; if the file itself may be written, "
          for (const content of ["small", large]) {
            yield* expectMessage(
              fs.atomicWrite(at("hosts"), content),
              `Unknown: FileSystem.atomicWrite (${
                at("hosts")
              }): the SFTP server refused to rename the new file to it ` +
                `and gave no reason: ${busy}use \`writeFile\``
            )
          }
          yield* expectMessage(fs.put(at("source"), at("hosts")), `${busy}set \`inPlace\``)
          assert.strictEqual(Fs.readFileSync(at("mounted"), "utf8"), "mounted")
          yield* fs.put(at("source"), at("hosts"), { inPlace: true })
          assert.strictEqual(Fs.readFileSync(at("mounted"), "utf8"), "source")
          yield* fs.writeFileString(at("hosts"), "text")
          assert.strictEqual(Fs.readFileSync(at("mounted"), "utf8"), "text")
          // A read-only root file system with a writable file.
          yield* mount(at("disk"))
          Fs.writeFileSync(at("disk/hosts"), "text")
          yield* bind(at("mounted"), at("disk/hosts"))
          execFileSync("mount", ["-o", "remount,ro", at("disk")])
          yield* expectMessage(
            fs.put(at("source"), at("disk/hosts")),
            "the file system is read-only; if the file itself may be written, set `inPlace`"
          )
          yield* fs.put(at("source"), at("disk/hosts"), { inPlace: true })
          assert.strictEqual(Fs.readFileSync(at("mounted"), "utf8"), "source")
        }))
  )

  // B14, B15
  it.scopedLive.skipIf(process.getuid?.() !== 0)(
    "a disk that cannot be written, another disk, and a mount point",
    () =>
      onServer(undefined, (fs, at) =>
        Effect.gen(function*() {
          yield* mount(at("disk"))
          for (const name of ["file", "disk/file"]) Fs.writeFileSync(at(name), "text")
          Fs.mkdirSync(at("disk/empty"))
          yield* expectMessage(
            fs.rename(at("file"), at("disk/new")),
            `"${at("file")}" and "${at("disk/new")}" are on different file systems`
          )
          yield* expectMessage(
            fs.rename(at("disk"), at("moved")),
            `Busy: FileSystem.rename (${at("disk")}): to "${at("moved")}": "${at("disk")}" is a mount point`
          )
          Fs.writeFileSync(at("disk/filler"), new Uint8Array(40_000))
          yield* expectMessage(
            fs.atomicWrite(at("disk/file"), large),
            `Unknown: FileSystem.atomicWrite (${at("disk/file")}): no space left on the device`
          )
          execFileSync("mount", ["-o", "remount,ro", at("disk")])
          const readOnly = "the file system is read-only"
          yield* expectMessage(
            fs.remove(at("disk/empty"), { recursive: true }),
            `Unknown: FileSystem.remove (${at("disk/empty")}): ${readOnly}`
          )
          for (const content of ["small", large]) {
            yield* expectMessage(
              fs.atomicWrite(at("disk/file"), content),
              `Unknown: FileSystem.atomicWrite (${at("disk/file")}): ${readOnly}`
            )
          }
          yield* expectMessage(fs.put(at("file"), at("disk/file")), `FileSystem.put (${at("disk/file")}): ${readOnly}`)
          yield* expectMessage(fs.rename(at("disk/file"), at("disk/new")), readOnly)
          yield* expectMessage(fs.chmod(at("disk/file"), 0o600), readOnly)
        }))
  )
})
