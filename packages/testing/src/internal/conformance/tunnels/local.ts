/**
 * Local tunnels.
 */
import { LocalAddress } from "@effect-remote/core/LocalNetwork"
import * as RemoteContext from "@effect-remote/core/RemoteContext"
import type * as Tunnel from "@effect-remote/core/Tunnel"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HostService from "../../../HostService.js"
import type { Group } from "../cases.js"
import { ask, connectHere, drain, receiveOnce, serveHere, serveThere, through } from "../connections.js"
import { bytes, dropConnections, localDirectory } from "../support.js"
import { local } from "./ways.js"

const { echo } = HostService

/** @internal */
export const addresses: Group = (test) => {
  test("a local tunnel listens on loopback and a free port", () =>
    Effect.gen(function*() {
      const tunnel = yield* RemoteContext.tunnel({ remotePort: 1 })
      assert.strictEqual(tunnel.localHost, "127.0.0.1")
      assert.isAbove(tunnel.localPort, 0)
    }))

  test("a busy local port is a TunnelError that says who asked for what", () =>
    Effect.gen(function*() {
      const port = yield* serveHere(drain)
      const error = yield* Effect.flip(
        RemoteContext.tunnel({ remoteHost: "search.internal", remotePort: 9200, localPort: port })
      )
      assert(error._tag === "TunnelError")
      assert.strictEqual(error.reason, "AddressInUse")
      assert.include(error.message, `from 127.0.0.1:${port} to search.internal:9200 through`)
      const proxy = yield* Effect.flip(RemoteContext.socksProxy({ localPort: port }))
      assert.strictEqual(proxy.reason, "AddressInUse")
      assert.include(proxy.message, `from 127.0.0.1:${port} to any target through`)
    }))

  test("invalid addresses are refused before anything is opened", () =>
    Effect.gen(function*() {
      for (
        const options of [
          { remotePort: 0 },
          { remotePort: 65536 },
          { remotePort: 1.5 },
          { remoteHost: "", remotePort: 1 },
          { remoteHost: "a b", remotePort: 1 },
          { remotePort: 1, localPort: -1 },
          { remotePort: 1, localPath: `/tmp/${"x".repeat(120)}` },
          { remotePath: "" }
        ] as const
      ) {
        const error = yield* Effect.flip(RemoteContext.tunnel(options))
        assert.strictEqual(error.reason, "InvalidAddress", JSON.stringify(options))
      }
    }))
}

/** @internal */
export const ends: Group = (test) => {
  test("a connection that is lost is reset, and does not end as if all had come", () =>
    Effect.gen(function*() {
      const { tunnel } = yield* Effect.flatMap(
        local.serve((connection) => Effect.zipRight(connection.write(bytes("some of it")), drain(connection))),
        local.to
      )
      const connection = yield* through(tunnel as Tunnel.LocalTunnel)
      yield* receiveOnce(connection)
      const how = yield* Effect.fork(Effect.exit(connection.read))
      yield* Effect.yieldNow()
      yield* dropConnections
      assert.isTrue(Exit.isFailure(yield* Fiber.join(how)))
      // The tunnel keeps listening, and the next connection makes the transport reconnect.
      const again = Effect.gen(function*() {
        return (yield* receiveOnce(yield* through(tunnel as Tunnel.LocalTunnel))).toString()
      })
      assert.strictEqual(yield* Effect.retry(Effect.scoped(again), { times: 5 }), "some of it")
    }))

  test("a failing body closes it", () =>
    Effect.gen(function*() {
      const port = yield* local.serve(echo)
      let opened: Tunnel.LocalTunnel | undefined
      const body = Effect.scoped(Effect.gen(function*() {
        opened = yield* RemoteContext.tunnel({ remotePort: port })
        yield* through(opened)
        return yield* Effect.fail("body")
      }))
      assert.strictEqual(yield* Effect.flip(body), "body")
      assert(opened !== undefined)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(through(opened))))
    }))
}

/** @internal */
export const unixSockets: Group = (test) => {
  test("a local tunnel listens on a unix socket", () =>
    Effect.gen(function*() {
      const port = yield* local.serve(echo)
      const localPath = `${yield* localDirectory}/socket`
      const tunnel = yield* RemoteContext.tunnel({ remotePort: port, localPath })
      assert.strictEqual(tunnel.localPort, 0)
      const connection = yield* connectHere(LocalAddress.Unix({ path: localPath }))
      assert.strictEqual(yield* ask(connection, "over unix"), "over unix")
    }))

  test("a local tunnel leads to a unix socket", () =>
    Effect.gen(function*() {
      const address = yield* serveThere(echo, "Unix")
      assert(address._tag === "Unix")
      const tunnel = yield* RemoteContext.tunnel({ remotePath: address.path })
      assert.strictEqual(yield* ask(yield* through(tunnel), "to unix"), "to unix")
    }), "unixSockets")
}
