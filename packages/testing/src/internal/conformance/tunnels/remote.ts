/**
 * Remote tunnels.
 */
import { LocalAddress, type LocalConnection } from "@effect-remote/core/LocalNetwork"
import * as RemoteContext from "@effect-remote/core/RemoteContext"
import { RemoteAddress, Transport } from "@effect-remote/core/Transport"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import { ConformanceHost } from "../../../ConformanceHost.js"
import * as HostService from "../../../HostService.js"
import { unlessLost } from "../../../unstable/Eventually.js"
import type { Group } from "../cases.js"
import {
  anyPort,
  ask,
  closedPort,
  connectThere,
  drain,
  eventsOf,
  receiveOnce,
  serveHere,
  serveThere
} from "../connections.js"
import { portOf } from "../loopback.js"
import { bytes, directory, dropConnections, localDirectory, localNetwork } from "../support.js"
import { remote } from "./ways.js"

const { echo } = HostService

/** @internal */
export const refusals: Group = (test) => {
  test("what a transport cannot do is Unsupported", () =>
    Effect.gen(function*() {
      const reasonOf = <A, E extends { readonly reason: string }, R>(effect: Effect.Effect<A, E, R>) =>
        Effect.match(effect, { onFailure: ({ reason }) => reason, onSuccess: () => undefined })
      const { capabilities } = yield* Transport
      const localPort = yield* serveHere(echo)
      const address = yield* capabilities.unixSockets
        ? serveThere(echo, "Unix")
        : Effect.succeed(RemoteAddress.Unix({ path: "/tmp/socket" }))
      assert(address._tag === "Unix")
      assert.deepStrictEqual(
        [
          yield* reasonOf(RemoteContext.remoteTunnel({ localPort })),
          yield* reasonOf(RemoteContext.tunnel({ remotePath: address.path }))
        ],
        [capabilities.remoteForward, capabilities.unixSockets].map((can) => can ? undefined : "Unsupported")
      )
    }))

  test("invalid addresses of a remote tunnel are refused before the host is asked", () =>
    Effect.gen(function*() {
      for (
        const options of [
          { localPort: 0 },
          { localPort: 65536 },
          { localHost: "", localPort: 1 },
          { localPort: 1, remoteHost: "" },
          { localPort: 1, remotePort: -1 },
          { localPort: 1, remotePath: `/tmp/${"x".repeat(120)}` },
          { localPath: "/a\0b" }
        ] as const
      ) {
        const error = yield* Effect.flip(RemoteContext.remoteTunnel(options))
        assert.strictEqual(error.reason, "InvalidAddress", JSON.stringify(options))
      }
    }))
}

/** @internal */
export const ports: Group = (test) => {
  test("a remote tunnel listens on the port that is asked for, which then is busy", () =>
    Effect.gen(function*() {
      const localPort = yield* serveHere(echo)
      const remotePort = yield* closedPort
      const open = RemoteContext.remoteTunnel({ localPort, remotePort })
      yield* Effect.scoped(Effect.gen(function*() {
        const tunnel = yield* open
        assert.strictEqual(tunnel.remotePort, remotePort)
        assert.strictEqual(yield* ask(yield* connectThere(remotePort), "x"), "x")
        const error = yield* Effect.flip(RemoteContext.remoteTunnel({ localPort, remotePort }))
        assert(error._tag === "RemoteConnectionError")
        assert.strictEqual(error.reason, "ChannelRefused")
        assert.include(error.message, String(remotePort))
        assert.strictEqual(yield* ask(yield* connectThere(remotePort), "still"), "still")
      }))
      // Free again: a server that listened on would refuse.
      yield* Effect.retry(open, Schedule.intersect(Schedule.spaced("50 millis"), Schedule.recurs(20)))
      assert.strictEqual(yield* ask(yield* connectThere(remotePort), "y"), "y")
    }), "remoteForward")

  test("a remote tunnel does not get a port that another process uses on one address", () =>
    Effect.gen(function*() {
      const localPort = yield* serveHere(echo)
      const remotePort = portOf(yield* serveThere(drain))
      const error = yield* Effect.flip(RemoteContext.remoteTunnel({ localPort, remotePort }))
      assert(error._tag === "RemoteConnectionError")
      assert.strictEqual(error.reason, "ChannelRefused")
    }), "remoteForward")
}

/** @internal */
export const unixSockets: Group = (test) => {
  test("a remote tunnel leads to a unix socket", () =>
    Effect.gen(function*() {
      const localPath = `${yield* localDirectory}/socket`
      yield* serveHere(echo, LocalAddress.Unix({ path: localPath }))
      const tunnel = yield* RemoteContext.remoteTunnel({ localPath })
      assert.strictEqual(yield* ask(yield* connectThere(tunnel.remotePort), "to unix"), "to unix")
    }), "remoteForward")

  test(
    "a remote tunnel listens on a unix socket",
    () =>
      Effect.gen(function*() {
        const host = yield* ConformanceHost
        const localPort = yield* serveHere(echo)
        const remotePath = `${yield* directory}/socket`
        const tunnel = yield* RemoteContext.remoteTunnel({ localPort, remotePath })
        assert.strictEqual(tunnel.remotePort, 0)
        const connection = yield* host.connect(RemoteAddress.Unix({ path: remotePath }))
        assert.strictEqual(yield* ask(connection, "over unix"), "over unix")
      }),
    "remoteForward",
    "unixSockets"
  )
}

/** @internal */
export const lostConnections: Group = (test) => {
  test("a remote tunnel is lost with the connection", () =>
    Effect.gen(function*() {
      const network = yield* localNetwork
      const { accept, address } = yield* network.listen(anyPort)
      const { connect, tunnel } = yield* remote.to(portOf(address))
      const next = yield* eventsOf(tunnel)
      const connection = yield* connect
      const served: LocalConnection = yield* accept
      yield* served.write(bytes("some of it"))
      assert.strictEqual((yield* receiveOnce(connection)).toString(), "some of it")
      assert.strictEqual((yield* next)._tag, "Opened")
      const how = yield* Effect.fork(Effect.exit(served.read))
      yield* dropConnections
      const error = yield* Effect.flip(tunnel.ended)
      assert.strictEqual(error.reason, "ConnectionLost")
      // The carried connection breaks too. The order is open.
      const tags = [(yield* next)._tag, (yield* next)._tag]
      assert.sameMembers(tags, ["Closed", "Lost"])
      assert.isTrue(Exit.isFailure(yield* Fiber.join(how)))
      // The transport reconnects on the next use.
      const again = yield* unlessLost(remote.to(yield* serveHere(echo)))
      assert.strictEqual(yield* ask(yield* again.connect, "again"), "again")
    }), "remoteForward")
}
