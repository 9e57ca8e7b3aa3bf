import { RemoteContext, RemoteFileSystem, sh, Transport } from "@effect-remote/core"
import { Sshd } from "@effect-remote/testing"
import { eventually } from "@effect-remote/testing/unstable/Eventually"
import { Command } from "@effect/platform"
import { assert, describe, it, layer } from "@effect/vitest"
import { Array, Deferred, Effect, Fiber, Stream } from "effect"
import * as Fs from "node:fs"
import { vi } from "vitest"
import { crowd, crowdBesideFiles, together } from "../suites/limits.js"
import { made } from "../suites/observed.js"
import { servers } from "../suites/servers.js"
import { layerConnection, untilRunning } from "../suites/support.js"

vi.mock(
  "../../src/internal/multiplexed/connection.js",
  async (original) => (await import("../suites/observed.js")).observed(original)
)

const connection = () => made.at(-1)!

const untilWaiting = (count: number) =>
  eventually(Effect.sync(() => connection().sessions.waiting()), (waiting) => waiting === count)

/** A command that runs until `end`. */
const holder = Effect.gen(function*() {
  const process = yield* RemoteContext.start(sh`echo ready; read word`)
  yield* Stream.runHead(process.stdout)
  const end = Effect.zipRight(Stream.run(Stream.empty, process.stdin), process.exitCode)
  return { end }
})

for (const kind of servers) {
  for (const maxSessions of kind === servers[0] ? [10, 2, 1] : [2]) {
    const name = `MaxSessions ${maxSessions}, ${kind} server`
    const live = layerConnection({ kind, maxSessions, loginShell: "sh" })

    layer(live, { excludeTestServices: true, timeout: "60 seconds" })(name, (it) => {
      it.effect("fifty commands at once", () => crowd(50))

      it.effect("as many run at once as the server allows", () => together(maxSessions))

      it.scoped("waiting commands start in the order in which they asked, even if some give up", () =>
        Effect.gen(function*() {
          const path = `${(yield* Sshd.Sshd).directory}/order`
          const [first, ...others] = yield* Effect.forEach(Array.range(1, maxSessions), () => holder)
          const fibers = yield* Effect.forEach(Array.range(1, 12), (number) =>
            Effect.gen(function*() {
              const fiber = yield* Effect.fork(RemoteContext.exitCode(sh`echo ${number} >>${path}`))
              yield* untilWaiting(number)
              return fiber
            }))
          const left = [...fibers.splice(6, 1), ...fibers.splice(0, 1)]
          yield* Effect.forEach(left, Fiber.interrupt)
          assert.strictEqual(connection().sessions.waiting(), 10)
          assert.isFalse(Fs.existsSync(path))
          yield* first!.end
          yield* Effect.forEach(fibers, Fiber.join)
          assert.deepStrictEqual(
            Fs.readFileSync(path, "utf8").trim().split("\n").map(Number),
            [2, 3, 4, 5, 6, 8, 9, 10, 11, 12]
          )
          yield* Effect.forEach(others, ({ end }) => end)
        }))

      it.effect.skipIf(maxSessions < 2)(
        "fifty commands at once, and files beside them",
        () => Effect.zipRight(crowdBesideFiles(50), together(maxSessions - 1))
      )
    })
  }

  describe(`files and commands that share one session, ${kind} server`, () => {
    const live = layerConnection({ kind, maxSessions: 1, loginShell: "sh" })

    it.live("take turns", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const { directory } = yield* Sshd.Sshd
        for (const number of Array.range(1, 5)) {
          const path = `${directory}/${number}`
          yield* fs.writeFileString(path, `written ${number}`)
          assert.strictEqual(yield* RemoteContext.string(Command.make("cat", path)), `written ${number}`)
          yield* RemoteContext.exitCode(Command.make("rm", path))
          assert.isFalse(yield* fs.exists(path))
        }
      }).pipe(Effect.provide(live)))

    it.live("take turns when all come at once", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const { directory } = yield* Sshd.Sshd
        yield* Effect.forEach(Array.range(1, 20), (number) =>
          Effect.all([
            fs.writeFileString(`${directory}/file ${number}`, String(number)),
            RemoteContext.exitCode(sh`echo ${number} >${directory}/command\ ${number}`)
          ], { concurrency: 2 }), { concurrency: "unbounded" })
        for (const number of Array.range(1, 20)) {
          assert.strictEqual(Fs.readFileSync(`${directory}/file ${number}`, "utf8"), String(number))
          assert.strictEqual(Fs.readFileSync(`${directory}/command ${number}`, "utf8"), `${number}\n`)
        }
      }).pipe(Effect.provide(live)))

    it.live("an open file keeps the session until it is closed", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const { directory } = yield* Sshd.Sshd
        const path = `${directory}/open`
        const closed = yield* Deferred.make<void>()
        const command = yield* Effect.scoped(Effect.gen(function*() {
          const file = yield* fs.open(path, { flag: "w+" })
          const command = yield* Effect.fork(
            Effect.zip(RemoteContext.string(Command.make("cat", path)), Deferred.isDone(closed))
          )
          yield* untilWaiting(1)
          yield* file.writeAll(new TextEncoder().encode("all of it"))
          yield* Deferred.succeed(closed, undefined)
          return command
        }))
        assert.deepStrictEqual(yield* Fiber.join(command), ["all of it", true])
      }).pipe(Effect.provide(live)))
  })

  describe(`waiting for a session, ${kind} server`, () => {
    it.live.skipIf(kind !== servers[0])(
      "may last longer than connectTimeout, for commands and for files",
      () =>
        Effect.gen(function*() {
          const fs = yield* RemoteFileSystem.RemoteFileSystem
          const { directory } = yield* Sshd.Sshd
          const holder = yield* Effect.fork(RemoteContext.exitCode(sh`timeout 2.5 sleep 1008`))
          yield* untilRunning("sleep", 1)
          const waiting = Effect.all([RemoteContext.string(sh`echo in`), fs.exists(directory)], { concurrency: 2 })
          assert.deepStrictEqual(yield* waiting, ["in\n", true])
          assert.strictEqual(yield* Fiber.join(holder), 124)
        }).pipe(
          Effect.provide(layerConnection({ kind, maxSessions: 1, loginShell: "sh" }, { connectTimeout: "2 seconds" }))
        )
    )

    it.live("a command interrupted while its session opens does not keep the session", () =>
      Effect.gen(function*() {
        const answer = yield* Effect.scoped(Effect.gen(function*() {
          // How many the server allows is not known yet, so that it is asked.
          const { end } = yield* holder
          const asked = yield* Effect.fork(RemoteContext.exitCode(Command.make("true")))
          // The refusal may have arrived already; then the caller waits.
          yield* Effect.yieldNow().pipe(Effect.repeat({
            until: () => connection().multiplexer.size() === 2 || connection().sessions.waiting() > 0
          }))
          yield* Fiber.interrupt(asked)
          const answer = yield* Effect.fork(RemoteContext.string(sh`echo in`))
          yield* untilWaiting(1)
          yield* end
          return yield* Effect.timeout(Fiber.join(answer), "10 seconds")
        }))
        assert.strictEqual(answer, "in\n")
      }).pipe(Effect.provide(layerConnection({ kind, maxSessions: 1, loginShell: "sh" }))))

    it.live("is in vain where the server allows none: commands fail", () =>
      Effect.gen(function*() {
        const transport = yield* Transport.Transport
        const error = yield* Effect.flip(RemoteContext.string(Command.make("true")))
        assert.strictEqual(error.reason, "ChannelRefused")
        const spare = yield* Effect.flip(Effect.scoped(transport.exec("true", { priority: "idle" })))
        assert.strictEqual(spare.reason, "ChannelRefused")
      }).pipe(Effect.provide(layerConnection({ kind, maxSessions: 0, loginShell: "sh" }))))
  })
}
