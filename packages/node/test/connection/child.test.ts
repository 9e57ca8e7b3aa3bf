import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, TestClock } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as children from "../../src/internal/ssh/child.js"

it.scoped("an ssh that ignores TERM is killed after two seconds", () =>
  Effect.gen(function*() {
    const directory = yield* Effect.acquireRelease(
      Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "ssh-"))),
      (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
    )
    const ssh = Path.join(directory, "ssh")
    Fs.writeFileSync(ssh, "#!/bin/sh\ntrap '' TERM\necho ready\nexec sleep 1000\n", { mode: 0o755 })
    const scope = yield* Scope.make()
    const child = yield* Scope.extend(
      children.make({ host: "a-host", ssh, args: [], environment: {}, stdio: ["ignore", "pipe", "ignore"] }),
      scope
    )
    yield* Effect.promise(() => new Promise((resolve) => child.stdout?.once("data", resolve)))
    const closing = yield* Effect.fork(Effect.uninterruptible(Scope.close(scope, Exit.void)))
    yield* TestClock.adjust("1 second")
    assert.isNull(closing.unsafePoll())
    yield* TestClock.adjust("1 second")
    yield* Fiber.join(closing)
    assert.strictEqual(child.signalCode, "SIGKILL")
  }))
