import { RemoteFileSystem } from "@effect-remote/core"
import { InMemoryHost } from "@effect-remote/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"

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
})
