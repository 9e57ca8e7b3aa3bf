import { RemoteContext, RemoteFileSystem, Transport } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { eventually } from "@effect-remote/testing/unstable/Eventually"
import * as Processes from "@effect-remote/testing/unstable/Processes"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Array, Context, Effect, Exit, Fiber, Layer, Option, Scope, Stream } from "effect"
import * as proxies from "../fixtures/proxy.js"
import { servers } from "../suites/servers.js"

const run = RemoteContext.string(Command.make("echo", "word"))

const stateNow = Effect.flatMap(
  Transport.Transport,
  ({ state }) => Effect.map(Stream.runHead(state), Option.getOrThrow)
)

/** Waits for the first connection. Without sharing, the guardian's and the command's come at the same time. */
const untilAccepted = (proxy: proxies.Proxy) => eventually(Effect.sync(proxy.accepted), (accepted) => accepted > 0)

/** How many `ssh` this process has started that still run. */
const clients = Effect.sync(() =>
  Processes.all().filter(({ parent, words }) => parent === process.pid && words.includes("-F")).length
)

for (const kind of servers) {
  for (const transport of ["layer", "layerProcess"] as const) {
    const make = Effect.gen(function*() {
      const sshd = yield* Sshd.make({ kind, loginShell: "sh" })
      const proxy = yield* proxies.make(sshd.host.port!)
      return { proxy, sshd, layer: OpenSsh[transport]({ ...proxies.through(proxy, sshd), lazy: true }) }
    })
    const isShared = transport === "layer"

    describe(`a lazy ${transport}, ${kind} server`, () => {
      it.scopedLive("connects when first used, and not before", () =>
        Effect.gen(function*() {
          const { layer, proxy } = yield* make
          yield* Effect.gen(function*() {
            assert.strictEqual(proxy.accepted(), 0)
            assert.strictEqual(yield* stateNow, isShared ? "idle" : "ready")
            assert.strictEqual(yield* run, "word\n")
            assert.isAbove(proxy.accepted(), 0)
            assert.strictEqual(yield* stateNow, "ready")
          }).pipe(Effect.provide(layer))
        }))

      it.scopedLive("is built for a host that is down, whose uses fail until it is up", () =>
        Effect.gen(function*() {
          const { layer, proxy, sshd } = yield* make
          yield* proxy.refuse
          yield* Effect.gen(function*() {
            assert.strictEqual((yield* Effect.flip(run))._tag, "RemoteConnectionError")
            assert.strictEqual((yield* Effect.flip(run)).reason, "Unreachable")
            yield* proxy.listen
            const files = yield* RemoteFileSystem.RemoteFileSystem
            assert.isTrue(yield* files.exists(sshd.directory))
            assert.strictEqual(yield* run, "word\n")
          }).pipe(Effect.provide(layer))
        }))

      it.scopedLive("connects for those who still wait when the one that began is interrupted", () =>
        Effect.gen(function*() {
          const { layer, proxy } = yield* make
          yield* Effect.gen(function*() {
            const [first, ...others] = yield* Effect.forEach(Array.range(1, 4), () => Effect.fork(run))
            yield* Fiber.interrupt(first!)
            assert.deepStrictEqual(yield* Effect.forEach(others, Fiber.join), ["word\n", "word\n", "word\n"])
            if (isShared) assert.strictEqual(proxy.accepted(), 1)
          }).pipe(Effect.provide(layer))
        }))

      it.scopedLive("ends with its scope while a use still connects", () =>
        Effect.gen(function*() {
          const { layer, proxy } = yield* make
          yield* proxy.next("silent")
          const scope = yield* Scope.make()
          const services = yield* Layer.buildWithScope(layer, scope)
          const { string } = Context.get(services, RemoteContext.RemoteContext)
          const use = yield* Effect.fork(string(Command.make("echo")))
          yield* untilAccepted(proxy)
          assert.isAbove(yield* clients, 0)
          yield* Scope.close(scope, Exit.void)
          if (isShared) assert.isTrue(Exit.isFailure(yield* Fiber.await(use)))
          else yield* Fiber.interrupt(use)
          yield* eventually(clients, (count) => count === 0)
        }))
    })
  }
}

describe("a lazy host", () => {
  for (const transport of ["layer", "layerProcess"] as const) {
    it.effect(`fails at once for options that are wrong, ${transport}`, () =>
      Effect.gen(function*() {
        const built = Layer.build(OpenSsh[transport]({ host: "-oProxyCommand=true", lazy: true }))
        assert.strictEqual((yield* Effect.flip(Effect.scoped(built))).reason, "InvalidHost")
      }))
  }
})
