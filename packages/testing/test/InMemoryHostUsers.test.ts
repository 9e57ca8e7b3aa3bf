import { RemoteFileSystem } from "@effect-remote/core"
import { InMemoryHost } from "@effect-remote/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"

describe("files of other users of a host in memory", () => {
  // FOUND E7
  it.effect("refuses to write through another user's link in a sticky directory", () =>
    Effect.gen(function*() {
      const fs = yield* RemoteFileSystem.RemoteFileSystem
      const host = yield* InMemoryHost.InMemoryHost
      // Root's.
      yield* host.files.symlink("/home/user/file", "/shared/theirs")
      const refused = yield* Effect.flip(fs.atomicWrite("/shared/theirs", "new"))
      assert(refused._tag === "SystemError")
      assert.strictEqual(refused.reason, "PermissionDenied")
      assert.strictEqual(refused.pathOrDescriptor, "/shared/theirs")
      yield* host.expectFile("/home/user/file", "old")
      yield* fs.symlink("/home/user/file", "/shared/own")
      yield* fs.atomicWrite("/shared/own", "new")
      yield* host.expectFile("/home/user/file", "new")
      assert.deepStrictEqual((yield* host.files.readDirectory("/shared")).sort(), ["own", "theirs"])
    }).pipe(Effect.provide(InMemoryHost.layer({
      files: { "/home/user/file": "old" },
      directories: { "/shared": { owner: 4242, mode: 0o1777 } }
    }))))

  // FOUND E8
  for (const username of ["root", "user"]) {
    it.effect(`takes over neither owner nor mode of another user's file in a sticky directory, as ${username}`, () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const { files } = yield* InMemoryHost.InMemoryHost
        const known = (path: string) =>
          Effect.map(
            files.stat(path),
            ({ gid, mode, uid }) =>
              [Option.getOrThrow(uid), Option.getOrThrow(gid), (mode & 0o7777).toString(8)] as const
          )
        const large = new Uint8Array(100_000)
        yield* fs.writeFile("/shared/source", large)
        const [uid, gid] = yield* known("/shared/source")
        yield* files.chown("/shared", uid, gid)
        const writes = [
          ["small", (path: string) => fs.atomicWrite(path, "new"), "600"],
          ["large", (path: string) => fs.atomicWrite(path, large), "600"],
          ["sink", (path: string) => Stream.run(Stream.make(large), fs.atomicSink(path)), "600"],
          ["copyFile", (path: string) => fs.copyFile("/shared/source", path), "644"]
        ] as const
        for (const [name, write, private_] of writes) {
          for (const [mode, expected] of [[0o666, "644"], [0o777, "644"], [0o600, private_]] as const) {
            const path = `/shared/${name}`
            yield* files.writeFileString(path, "old")
            yield* files.chown(path, 4242, 4242)
            yield* files.chmod(path, mode)
            yield* write(path)
            assert.deepStrictEqual(yield* known(path), [uid, gid, expected], `${name}, ${mode.toString(8)}`)
            yield* files.remove(path)
          }
        }
        if (username !== "root") return
        yield* files.writeFileString("/srv/file", "old")
        yield* files.chown("/srv/file", 4242, 4242)
        yield* files.chmod("/srv/file", 0o660)
        yield* fs.atomicWrite("/srv/file", "new")
        assert.deepStrictEqual(yield* known("/srv/file"), [4242, 4242, "660"])
      }).pipe(Effect.provide(InMemoryHost.layer({
        username,
        directories: { "/shared": { mode: 0o1777 }, "/srv": {} }
      }))))
  }
})
