import { RemoteContext } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import * as Processes from "@effect-remote/testing/unstable/Processes"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Array, Context, Effect, Fiber, Layer, Logger, LogLevel, Schedule, Stream } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as proxies from "../fixtures/proxy.js"
import * as programs from "../programs/program.js"
import { openssh, servers } from "../suites/servers.js"
import { running } from "../suites/support.js"

const layers = { layer: OpenSsh.layer, layerProcess: OpenSsh.layerProcess } as const

const contextOf = (name: keyof typeof layers, options: OpenSsh.Options) =>
  Effect.map(Layer.build(layers[name](options)), Context.get(RemoteContext.RemoteContext))

const asleep = (server: Sshd.Sshd) => Effect.provideService(running("sleep"), Sshd.Sshd, server)

const until = (server: Sshd.Sshd, count: number, within: "20 seconds" | "40 seconds" = "20 seconds") =>
  asleep(server).pipe(
    Effect.repeat({ until: (processes) => processes.length === count, schedule: Schedule.spaced("50 millis") }),
    Effect.timeout(within),
    Effect.orDie
  )

/** Waits until what the guardian is satisfies the test. */
const guardianIs = (context: RemoteContext.RemoteContext, wanted: RemoteContext.State["guardian"]) =>
  context.state.pipe(
    Stream.takeUntil(({ guardian }) => guardian === wanted),
    Stream.runDrain,
    Effect.timeout("20 seconds"),
    Effect.orDie
  )

/** The directory of a guardian. Its processes work there. */
const directoryOf = (pid: number) => Fs.readlinkSync(`/proc/${pid}/cwd`)

/** The guardians: each leads a session. */
const leaders = (server: Sshd.Sshd) =>
  Effect.map(
    server.processes,
    (processes) =>
      processes.filter(({ group, name, pid }) => group === pid && name === "sh").map(({ pid }) => pid)
        .filter((pid) => Processes.commandLine(pid).join(" ").includes("/tmp/.effect-remote-"))
  )

const forever = Command.make("sh", "-c", "timeout 5000 sleep 5000 & sleep 5000; true")

for (const kind of servers) {
  for (const name of ["layer", "layerProcess"] as const) {
    describe(`the guardian on ${name}, ${kind} server`, () => {
      it.scopedLive("ends what runs when the program is killed", () =>
        Effect.gen(function*() {
          const server = yield* Sshd.make({ kind, loginShell: "sh" })
          const program = yield* programs.start(yield* programs.bundled("runningCommands"), server.host, name, "3")
          assert.strictEqual(yield* programs.firstLine(program), "running\n")
          yield* until(server, 6)
          program.kill("SIGKILL")
          yield* until(server, 0)
          // And nothing is left of itself.
          yield* server.processes.pipe(
            Effect.repeat({ until: (left) => left.length === 0, schedule: Schedule.spaced("50 millis") }),
            Effect.timeout("20 seconds")
          )
        }))

      it.scopedLive("ends what runs when the link is cut, and lets live what is to be kept", () =>
        Effect.gen(function*() {
          const server = yield* Sshd.make({ kind, loginShell: "sh" })
          const proxy = yield* proxies.make(server.host.port!)
          const context = yield* contextOf(name, proxies.through(proxy, server))
          yield* context.start(forever)
          const kept = yield* context.start(Command.make("sleep", "5001"), { onDisconnect: "keep" })
          yield* until(server, 3)
          yield* proxy.reset
          yield* until(server, 1)
          const [left] = yield* asleep(server)
          assert.strictEqual(left?.pid, kept.pid as number)
          process.kill(kept.pid, "SIGKILL")
        }))

      it.scopedLive("ends what runs when the link goes silent and the server does not notice", () =>
        Effect.gen(function*() {
          const server = yield* Sshd.make({ kind, loginShell: "sh" })
          const proxy = yield* proxies.make(server.host.port!)
          const context = yield* contextOf(name, {
            ...proxies.through(proxy, server),
            keepAlive: { interval: "1 seconds", count: 2 }
          })
          const process = yield* context.start(forever)
          yield* until(server, 2)
          yield* proxy.silence
          // Two probes that are a second apart, three beats more, and the time in which it looks.
          yield* until(server, 0, "40 seconds")
          const error = yield* Effect.flip(process.exitCode)
          assert(error._tag === "RemoteConnectionError")
          assert.strictEqual(error.reason, "ConnectionLost")
        }))

      it.scopedLive("leaves alone what a command that has ended has left on purpose", () =>
        Effect.gen(function*() {
          const server = yield* Sshd.make({ kind, loginShell: "sh" })
          yield* Effect.scoped(Effect.gen(function*() {
            const context = yield* contextOf(name, server.host)
            yield* context.exitCode(Command.make("sh", "-c", "sleep 5002 </dev/null >/dev/null 2>&1 & exit 0"))
            yield* until(server, 1)
          }))
          const [left] = yield* asleep(server)
          assert(left !== undefined)
          process.kill(left.pid, "SIGKILL")
        }))

      it.scopedLive("is shown by the state, and replaced after it was killed", () =>
        Effect.gen(function*() {
          const server = yield* Sshd.make({ kind, loginShell: "sh" })
          const context = yield* contextOf(name, server.host)
          yield* guardianIs(context, "none")
          const fiber = yield* Effect.fork(context.exitCode(forever))
          yield* guardianIs(context, "attached")
          yield* until(server, 2)
          const [leader, ...others] = yield* leaders(server)
          assert(leader !== undefined && others.length === 0)
          process.kill(leader, "SIGKILL")
          yield* context.state.pipe(
            Stream.takeUntil((state) => state.guardian !== "attached"),
            Stream.runDrain,
            Effect.timeout("20 seconds")
          )
          yield* context.exitCode(Command.make("true"))
          yield* guardianIs(context, "attached")
          yield* Fiber.interrupt(fiber)
          assert.deepStrictEqual(yield* asleep(server), [])
        }))

      // FOUND A11
      it.scopedLive("is replaced when its directory was removed, and what runs goes on", () =>
        Effect.gen(function*() {
          const server = yield* Sshd.make({ kind, loginShell: "sh" })
          const proxy = yield* proxies.make(server.host.port!)
          const context = yield* contextOf(name, proxies.through(proxy, server))
          yield* context.start(forever)
          const [leader] = yield* leaders(server)
          Fs.rmSync(directoryOf(leader!), { recursive: true })
          assert.strictEqual(yield* context.string(Command.make("echo", "on")), "on\n")
          yield* guardianIs(context, "attached")
          yield* leaders(server).pipe(
            Effect.repeat({
              until: (left) => left.length === 1 && left[0] !== leader,
              schedule: Schedule.spaced("50 millis")
            }),
            Effect.timeout("20 seconds")
          )
          const [successor] = yield* leaders(server)
          assert.strictEqual((yield* asleep(server)).length, 2)
          assert.isTrue(Fs.existsSync(directoryOf(successor!)))
          yield* proxy.reset
          yield* until(server, 0)
        }))
    })
  }
}

// FOUND E12
for (const name of ["layer", "layerProcess"] as const) {
  it.scopedLive(`a guardian that cannot be had is logged once a connection, with the reason, on ${name}`, () =>
    Effect.gen(function*() {
      const programs = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-remote-programs-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => Fs.rmSync(programs, { recursive: true })))
      const server = yield* Sshd.make({ loginShell: "sh", environment: { PATH: programs } })
      const warnings: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => {
        if (logLevel === LogLevel.Warning) warnings.push(String(message))
      })
      yield* Effect.gen(function*() {
        const context = yield* contextOf(name, server.host)
        for (const word of ["one", "two"]) {
          assert.strictEqual(yield* context.string(Command.make("/bin/sh", "-c", `echo ${word}`)), `${word}\n`)
        }
      }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      assert.strictEqual(warnings.length, 1, warnings.join("\n"))
      assert.match(warnings[0]!, new RegExp(`^No guardian on ${server.host}: .*mkdir`))
    }))
}

// `MaxSessions` is OpenSSH's.
describe.skipIf(!openssh)("the guardian where sessions are few", () => {
  for (const sessions of [10, 2, 1]) {
    it.scopedLive(`ends ${sessions} commands of a program that is killed, with MaxSessions ${sessions}`, () =>
      Effect.gen(function*() {
        const server = yield* Sshd.make({ kind: "openssh", loginShell: "sh", maxSessions: sessions })
        const program = yield* programs.start(
          yield* programs.bundled("runningCommands"),
          server.host,
          "layer",
          String(sessions)
        )
        assert.strictEqual(yield* programs.firstLine(program), "running\n")
        yield* until(server, 2 * sessions)
        program.kill("SIGKILL")
        yield* until(server, 0)
      }))

    it.scopedLive(`an interruption works without a free session, with MaxSessions ${sessions}`, () =>
      Effect.gen(function*() {
        const server = yield* Sshd.make({ kind: "openssh", loginShell: "sh", maxSessions: sessions })
        const context = yield* contextOf("layer", server.host)
        const fibers = yield* Effect.forEach(
          Array.range(1, sessions),
          () => Effect.fork(context.exitCode(forever)),
          { concurrency: "unbounded" }
        )
        yield* until(server, 2 * sessions)
        yield* guardianIs(context, "detached")
        yield* Fiber.interrupt(fibers[0]!)
        assert.strictEqual((yield* asleep(server)).length, 2 * (sessions - 1))
        yield* Fiber.interruptAll(fibers)
        assert.deepStrictEqual(yield* asleep(server), [])
        assert.strictEqual(yield* context.string(Command.make("echo", "on")), "on\n")
      }))
  }
})
