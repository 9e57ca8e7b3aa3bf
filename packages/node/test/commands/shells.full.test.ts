import { RemoteContext, sh } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { eventually } from "@effect-remote/testing/unstable/Eventually"
import * as Processes from "@effect-remote/testing/unstable/Processes"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Array, Effect } from "effect"
import * as Fs from "node:fs"
import { vi } from "vitest"
import * as proxies from "../fixtures/proxy.js"
import { made } from "../suites/observed.js"
import { servers } from "../suites/servers.js"
import { layerConnection } from "../suites/support.js"

vi.mock(
  "../../src/internal/multiplexed/connection.js",
  async (original) => (await import("../suites/observed.js")).observed(original)
)

/** The shells that wait for a command. */
const waiting = Effect.map(
  Effect.flatMap(Sshd.Sshd, ({ processes }) => processes),
  (processes) =>
    processes.filter(({ name, parent, pid }) => {
      if (name !== "sh" || processes.some((other) => other.parent === pid)) return false
      const line = Processes.commandLine(pid).join(" ")
      return parent !== 1 && line.includes("er_frame") && !line.includes("/tmp/.effect-remote-")
    }).map(({ pid }) => pid)
)

const run = RemoteContext.string(sh`echo $$`)

/** Two commands in a row, so that a shell waits for the third. */
const oneWaits = Effect.gen(function*() {
  yield* run
  yield* run
  const [pid] = yield* eventually(waiting, (pids) => pids.length === 1)
  return pid!
})

for (const kind of servers) {
  const live = layerConnection({ kind, loginShell: "sh" })

  describe(`commands that follow one another, ${kind} server`, () => {
    it.live("run each once, in a shell that has waited for it", () =>
      Effect.gen(function*() {
        const { directory } = yield* Sshd.Sshd
        const pid = yield* oneWaits
        assert.strictEqual(yield* run, `${pid}\n`)
        for (const number of Array.range(1, 20)) {
          yield* RemoteContext.exitCode(sh`echo ${number} >>${directory}/lines; exit 3`)
          yield* RemoteContext.string(Command.make("cat").pipe(Command.feed("input")))
        }
        assert.deepStrictEqual(
          Fs.readFileSync(`${directory}/lines`, "utf8").trim().split("\n").map(Number),
          Array.range(1, 20)
        )
      }).pipe(Effect.provide(live)))

    it.live("leave no shell that waits for long, and none that waits where several run", () =>
      Effect.gen(function*() {
        yield* Effect.all(Array.makeBy(8, () => run), { concurrency: "unbounded" })
        assert.deepStrictEqual(yield* waiting, [])
        yield* oneWaits
        // The guardian's session is left.
        yield* eventually(Effect.sync(() => made.at(-1)!.multiplexer.size()), (size) => size === 1)
        assert.deepStrictEqual(yield* waiting, [])
      }).pipe(Effect.provide(live)))

    it.live("do not miss a shell that was killed", () =>
      Effect.gen(function*() {
        for (const _ of Array.range(1, 10)) {
          const pid = yield* oneWaits
          process.kill(pid, "SIGKILL")
          assert.notStrictEqual(yield* run, `${pid}\n`)
        }
      }).pipe(Effect.provide(live)))

    it.scopedLive("do not use a shell of a connection that is lost", () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ kind, loginShell: "sh" })
        const proxy = yield* proxies.make(sshd.host.port!)
        yield* Effect.gen(function*() {
          yield* oneWaits
          yield* proxy.reset
          yield* eventually(Effect.sync(() => made.at(-1)!.isLost()), (lost) => lost)
          assert.match(yield* run, /^\d+\n$/)
          assert.strictEqual(proxy.accepted(), 2)
        }).pipe(
          Effect.provide(OpenSsh.layer(proxies.through(proxy, sshd))),
          Effect.provideService(Sshd.Sshd, sshd)
        )
      }))
  })
}
