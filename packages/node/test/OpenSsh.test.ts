import { RemoteContext } from "@effect-remote/core"
import { Transport } from "@effect-remote/core/Transport"
import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { eventsOf, proxyOf, socksConnect } from "../../testing/src/internal/conformance/connections.js"
import { pairings } from "./suites/transports.js"

for (const { oneConnection, suite: { name }, to } of pairings) {
  const live = to({ allowTcpForwarding: false, loginShell: "sh" })
  layer(live, { excludeTestServices: true, timeout: "60 seconds" })(`forbidden tunnels on ${name}`, (it) => {
    it.scoped("states the capabilities that the conformance suite relies on", () =>
      Effect.gen(function*() {
        const { ptySize: _, ...capabilities } = (yield* Transport).capabilities
        assert.deepStrictEqual(capabilities, {
          exitSignal: oneConnection,
          halfClose: oneConnection,
          oneConnection,
          remoteForward: oneConnection,
          unixSockets: oneConnection
        })
      }))

    it.scoped("refuses a client of a SOCKS proxy", () =>
      Effect.gen(function*() {
        const tunnel = yield* RemoteContext.socksProxy()
        const next = yield* eventsOf(tunnel)
        assert.strictEqual(yield* Effect.flip(socksConnect(proxyOf(tunnel), "localhost", 1)), 2)
        const event = yield* next
        assert(event._tag === "Refused")
        assert.strictEqual(event.error.reason, "ChannelRefused")
      }))

    it.scoped.skipIf(!oneConnection)("the host does not listen", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(RemoteContext.remoteTunnel({ localPort: 1 }))
        assert.strictEqual(error.reason, "ChannelRefused")
      }))
  })
}
