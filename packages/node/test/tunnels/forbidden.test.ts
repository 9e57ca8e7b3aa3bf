import { RemoteContext } from "@effect-remote/core"
import { Transport } from "@effect-remote/core/Transport"
import { assert, layer } from "@effect/vitest"
import { Effect, Fiber, Option, Stream } from "effect"
import * as Net from "node:net"
import { pairings } from "../suites/transports.js"

/** The code of a SOCKS proxy's reply to a client that names a target. */
const socksReply = (proxyPort: number, host: string, port: number) =>
  Effect.async<number>((resume) => {
    const socket = Net.connect({ host: "127.0.0.1", port: proxyPort })
    const connect = Buffer.from([5, 1, 0, 3, host.length, ...Buffer.from(host), port >> 8, port & 0xff])
    let replies = Buffer.alloc(0)
    socket.on("error", (cause) => resume(Effect.die(cause)))
    socket.on("connect", () => socket.write(Buffer.from([5, 1, 0])))
    socket.on("data", (bytes) => {
      replies = Buffer.concat([replies, bytes])
      if (replies.length === 2) socket.write(connect)
      if (replies.length < 4) return
      socket.destroy()
      resume(Effect.succeed(replies[3]!))
    })
    return Effect.sync(() => socket.destroy())
  })

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
        const first = yield* Effect.forkScoped(Stream.runHead(tunnel.events))
        yield* Effect.yieldNow()
        assert.strictEqual(yield* socksReply(tunnel.localPort, "localhost", 1), 2)
        const event = Option.getOrThrow(yield* Fiber.join(first))
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
