import { RemoteContext, sh, Transport } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { eventually } from "@effect-remote/testing/unstable/Eventually"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Array, Deferred, Effect, Fiber, Stream } from "effect"
import { vi } from "vitest"
import { listening } from "../fixtures/processes.js"
import * as proxies from "../fixtures/proxy.js"
import { nothingIsLeft } from "../suites/leaks.js"
import { servers } from "../suites/servers.js"
import { layerConnection } from "../suites/support.js"

vi.mock(
  "../../src/internal/multiplexed/connection.js",
  async (original) => (await import("../suites/observed.js")).observed(original)
)

for (const kind of servers) {
  describe(`a channel that is given up, ${kind} server`, () => {
    it.live("harms no other, at whatever moment of its opening", () =>
      Effect.scoped(Effect.gen(function*() {
        const transport = yield* Transport.Transport
        const other = yield* RemoteContext.start(sh`echo ready; read word; echo "$word"`)
        yield* Stream.runHead(other.stdout)
        for (const open of [transport.subsystem("sftp"), transport.exec("true")]) {
          for (const step of Array.range(0, 29)) {
            const fiber = yield* Effect.fork(Effect.scoped(open))
            yield* step < 10 ? Effect.yieldNow().pipe(Effect.repeatN(step)) : Effect.sleep(step / 5)
            yield* Fiber.interrupt(fiber)
          }
        }
        assert.isTrue(yield* other.isRunning)
        yield* Stream.run(Stream.encodeText(Stream.make("word\n")), other.stdin)
        assert.strictEqual(yield* other.exitCode, 0)
      })).pipe(Effect.provide(layerConnection({ kind, loginShell: "sh" }))))

    it.scopedLive("as a listener, before the host has answered, is one that the host gives up", () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ kind, loginShell: "sh" })
        const proxy = yield* proxies.make(sshd.host.port!)
        yield* Effect.gen(function*() {
          const { listen } = yield* Transport.Transport
          const before = listening()
          yield* proxy.hold
          const address = Transport.RemoteAddress.Tcp({ host: "127.0.0.1", port: 0 })
          const fiber = yield* Effect.fork(Effect.scoped(listen(address)))
          yield* eventually(Effect.sync(listening), (now) => now.length === before.length + 1)
          // The interruption waits for at most two seconds and then gives the listener up.
          yield* Fiber.interrupt(fiber)
          yield* proxy.release
          yield* eventually(Effect.sync(listening), (now) => now.join() === before.join())
        }).pipe(Effect.provide(OpenSsh.layer(proxies.through(proxy, sshd))))
      }))

    it.scopedLive("as a wait for a connection, by an interruption that the caller does not allow, goes on", () =>
      Effect.gen(function*() {
        const { connect, listen } = yield* Transport.Transport
        const { accept, address } = yield* listen(Transport.RemoteAddress.Tcp({ host: "127.0.0.1", port: 0 }))
        const accepted = yield* Deferred.make<string>()
        const waiting = yield* Effect.fork(Effect.uninterruptible(
          Effect.flatMap(accept, ({ peer }) => Deferred.succeed(accepted, peer))
        ))
        yield* Effect.yieldNow()
        yield* Fiber.interruptFork(waiting)
        yield* Effect.repeatN(Effect.yieldNow(), 100)
        yield* connect(address)
        assert.include(yield* Effect.raceFirst(Deferred.await(accepted), Fiber.join(waiting)), "a client of")
      }).pipe(Effect.provide(layerConnection({ kind, loginShell: "sh" }))))

    it.live("because its command has ended before its input harms no other", () =>
      Effect.gen(function*() {
        const endless = Stream.repeatValue(new Uint8Array(65536))
        const command = sh`head -c 10 | wc -c`.pipe(Command.stdin(endless))
        const outputs = yield* Effect.all(Array.makeBy(40, () => RemoteContext.string(command)), { concurrency: 4 })
        assert.isTrue(outputs.every((output) => output.trim() === "10"))
      }).pipe(Effect.provide(layerConnection({ kind, loginShell: "sh" }))))

    it.live("because it was refused harms no other", () =>
      Effect.scoped(Effect.gen(function*() {
        const transport = yield* Transport.Transport
        const other = yield* RemoteContext.start(sh`echo ready; read word; echo "$word"`)
        yield* Stream.runHead(other.stdout)
        const refused = yield* Effect.flip(Effect.scoped(transport.subsystem("no-such-subsystem")))
        assert.strictEqual(refused.reason, "ChannelRefused")
        if (kind === "embedded") {
          const terminal = yield* Effect.flip(RemoteContext.string(sh`true`, { pty: true }))
          assert.strictEqual(terminal.reason, "ChannelRefused")
        }
        assert.isTrue(yield* other.isRunning)
        yield* Stream.run(Stream.encodeText(Stream.make("word\n")), other.stdin)
        assert.strictEqual(yield* other.exitCode, 0)
      })).pipe(Effect.provide(layerConnection({ kind, loginShell: "sh" }))))
  })

  describe(`what is left, ${kind} server`, () => {
    it.scopedLive(
      "of fifty uses, a third of them interrupted: nothing",
      () => nothingIsLeft(kind, 50, "short"),
      60_000
    )
  })
}
