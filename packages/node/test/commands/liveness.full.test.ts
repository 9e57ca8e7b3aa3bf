/** Signs of life of a quiet program, as the host sees them. */
import { RemoteContext, RemoteError } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import * as Processes from "@effect-remote/testing/unstable/Processes"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Logger, Option, Schedule, Stream } from "effect"
import * as proxies from "../fixtures/proxy.js"
import * as programs from "../programs/program.js"
import { openssh, servers } from "../suites/servers.js"
import { running } from "../suites/support.js"

const layers = { layer: OpenSsh.layer, layerProcess: OpenSsh.layerProcess } as const

// The beat is missed after five seconds.
const keepAlive = { interval: "1 second", count: 2 } as const

const contextOf = (name: keyof typeof layers, options: OpenSsh.Options) =>
  Effect.map(Layer.build(layers[name](options)), Context.get(RemoteContext.RemoteContext))

const untilAsleep = (server: Sshd.Sshd, count: number) =>
  Effect.provideService(running("sleep"), Sshd.Sshd, server).pipe(
    Effect.repeat({ until: (processes) => processes.length === count, schedule: Schedule.spaced("50 millis") }),
    Effect.timeout("40 seconds"),
    Effect.orDie
  )

/** Each `ssh` that this program has started. */
const clients = () =>
  Processes.all().filter(({ parent, words }) =>
    parent === process.pid && words.some((word) => word.endsWith("/host-0"))
  )
    .map(({ pid }) => pid)

// The embedded server runs in the program itself: no process of its own serves the connection.
describe.skipIf(!openssh)("a program that is silent", () => {
  // FOUND E3
  it.scopedLive("keeps its commands while an upload fills a slow link", () =>
    Effect.gen(function*() {
      const server = yield* Sshd.make({ kind: "openssh", loginShell: "sh" })
      const proxy = yield* proxies.make(server.host.port!)
      const context = yield* contextOf("layer", { ...proxies.through(proxy, server), keepAlive })
      const steady = yield* context.start(Command.make("sleep", "5007"))
      yield* proxy.limit(200_000)
      // The server accepts 2 MiB ahead. That takes ten seconds on this link, and the beat comes after it.
      const upload = Stream.take(Stream.repeatValue(new Uint8Array(64 * 1024)), 48)
      const code = yield* context.exitCode(
        Command.make("sh", "-c", "cat >/dev/null").pipe(Command.stdin(upload))
      )
      assert.strictEqual(code, 0)
      assert.isTrue(yield* steady.isRunning)
    }), 60_000)

  for (const name of ["layer", "layerProcess"] as const) {
    // FOUND E4
    it.scopedLive(`keeps its commands while it computes, on ${name}`, () =>
      Effect.gen(function*() {
        const server = yield* Sshd.make({ kind: "openssh", loginShell: "sh" })
        const program = yield* programs.start(
          yield* programs.bundled("blockedLoop"),
          { ...server.host, keepAlive },
          name
        )
        assert.strictEqual(yield* programs.firstLine(program), "done\n")
      }), 60_000)
  }
})

for (const kind of servers) {
  for (const name of ["layer", "layerProcess"] as const) {
    // FOUND A12
    it.scopedLive(
      `a program loses its commands while its ssh is stopped, and learns why, on ${name}, ${kind} server`,
      () =>
        Effect.gen(function*() {
          const server = yield* Sshd.make({ kind, loginShell: "sh" })
          const context = yield* contextOf(name, { ...server.host, keepAlive })
          const fiber = yield* Effect.fork(context.exitCode(Command.make("sleep", "5008")))
          yield* untilAsleep(server, 1)
          const stopped = clients()
          assert.isNotEmpty(stopped)
          for (const pid of stopped) process.kill(pid, "SIGSTOP")
          const goOn = Effect.sync(() => {
            for (const pid of stopped.splice(0)) process.kill(pid, "SIGCONT")
          })
          yield* Effect.addFinalizer(() => goOn)
          yield* untilAsleep(server, 0)
          yield* goOn
          const found = Option.getOrThrow(RemoteError.findConnectionError(yield* Effect.flip(Fiber.join(fiber))))
          assert.strictEqual(found.reason, "ConnectionLost")
          assert.match(found.detail, /the host received nothing from this program for 5s, and terminated the command/)
        }),
      60_000
    )

    // FOUND E16
    it.scopedLive(
      `an interruption on a silent link says what may still run, and ends, on ${name}, ${kind} server`,
      () =>
        Effect.gen(function*() {
          const server = yield* Sshd.make({ kind, loginShell: "sh" })
          const proxy = yield* proxies.make(server.host.port!)
          const context = yield* contextOf(name, proxies.through(proxy, server))
          const said: Array<string> = []
          const logger = Logger.replace(Logger.defaultLogger, Logger.make(({ message }) => said.push(String(message))))
          const fiber = yield* context.exitCode(Command.make("sleep", "5009"), { killAfter: "1 second" }).pipe(
            Effect.provide(logger),
            Effect.fork
          )
          yield* untilAsleep(server, 1)
          yield* proxy.silence
          yield* Effect.timeout(Fiber.interrupt(fiber), "20 seconds")
          assert.match(said.join(), /may still run .* did not confirm the end of sleep 5009 within 3s/)
        }),
      60_000
    )
  }
}
