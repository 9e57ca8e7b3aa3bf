import { RemoteContext, RemoteError, RemoteFileSystem } from "@effect-remote/core"
import { Command } from "@effect/platform"
import { assert, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { hasShell, openssh } from "../suites/servers.js"
import { layerConnection } from "../suites/support.js"

const home = Effect.acquireRelease(
  Effect.sync(() => {
    const path = Fs.mkdtempSync(Path.join(Os.tmpdir(), "home-"))
    Fs.writeFileSync(Path.join(path, ".bashrc"), "sleep 1000\n")
    return path
  }),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
)

// FOUND A3
it.scopedLive.skipIf(!openssh || !hasShell("bash"))(
  "every command and file operation fails in time when the login shell hangs",
  () =>
    Effect.gen(function*() {
      const path = yield* home
      const live = layerConnection(
        {
          kind: "openssh",
          loginShell: "bash",
          home: path,
          environment: { BASH_ENV: `${path}/.bashrc` },
          maxSessions: 3
        },
        { connectTimeout: "1 second" }
      )
      yield* Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        for (let count = 0; count < 5; count++) {
          const error = yield* Effect.flip(RemoteContext.string(Command.make("true")))
          assert(error._tag === "RemoteConnectionError")
          assert.strictEqual(error.reason, "TimedOut")
        }
        const error = yield* Effect.flip(fs.readFile("/etc/passwd"))
        assert.strictEqual(Option.getOrThrow(RemoteError.findConnectionError(error)).reason, "TimedOut")
      }).pipe(Effect.provide(live))
    }),
  60_000
)
