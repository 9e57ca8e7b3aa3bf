/**
 * SOCKS proxies.
 */
import { LocalAddress } from "@effect-remote/core/LocalNetwork"
import * as RemoteContext from "@effect-remote/core/RemoteContext"
import { assert } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HostService from "../../../HostService.js"
import type { Group } from "../cases.js"
import { ask, closedPort, connectHere, eventsOf, heard, proxyOf, receive, socksConnect } from "../connections.js"
import { bytes, localDirectory } from "../support.js"
import { local } from "./ways.js"

const { echo } = HostService

/** @internal */
export const clients: Group = (test) => {
  test("a SOCKS proxy listens on a unix socket", () =>
    Effect.gen(function*() {
      const port = yield* local.serve(echo)
      const localPath = `${yield* localDirectory}/socket`
      const proxy = yield* RemoteContext.socksProxy({ localPath })
      assert.strictEqual(proxy.localPort, 0)
      const connection = yield* socksConnect(LocalAddress.Unix({ path: localPath }), "127.0.0.1", port)
      assert.strictEqual(yield* ask(connection, "over unix"), "over unix")
    }))

  test("a SOCKS proxy reports to its client why the target is not reached", () =>
    Effect.gen(function*() {
      const proxy = proxyOf(yield* RemoteContext.socksProxy())
      const reply = (host: string, port: number) => Effect.flip(socksConnect(proxy, host, port))
      assert.strictEqual(yield* reply("127.0.0.1", yield* closedPort), 5)
      // Unreachable, or refused where the host does not say why.
      assert.include([4, 5], yield* reply("no-such-name.invalid", 80))
      assert.strictEqual(yield* reply("a b", 80), 4)
    }))

  test("a SOCKS proxy takes what its client sends with the request, in however many pieces", () =>
    Effect.gen(function*() {
      const port = yield* local.serve(echo)
      const proxy = proxyOf(yield* RemoteContext.socksProxy())
      const request = Buffer.from([5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 0xff])
      const all = Buffer.concat([request, Buffer.from("at once")])
      for (const pieces of [[all], Array.map([...all], (byte) => Buffer.from([byte]))]) {
        const connection = yield* connectHere(proxy)
        const answer = yield* Effect.fork(receive(connection))
        for (const piece of pieces) {
          yield* connection.write(piece)
          yield* Effect.sleep(1)
        }
        yield* connection.end
        assert.strictEqual((yield* Fiber.join(answer)).subarray(12).toString(), "at once")
      }
    }))

  test("a client that does not speak SOCKS is closed, and harms no other", () =>
    Effect.gen(function*() {
      const port = yield* local.serve(echo)
      const tunnel = yield* RemoteContext.socksProxy()
      const next = yield* eventsOf(tunnel)
      const silent = yield* connectHere(proxyOf(tunnel))
      const cases = [["GET / HTTP/1.1\r\n\r\n", []], ["\x04\x01", []], ["\x05\x01\x02", [5, 255]]] as const
      for (const [said, answer] of cases) {
        const connection = yield* connectHere(proxyOf(tunnel))
        yield* connection.write(bytes(said))
        assert.deepStrictEqual([...yield* heard(connection)], [...answer])
        const event = yield* next
        assert(event._tag === "Refused")
        assert.strictEqual(event.error._tag, "SocksError")
      }
      assert.strictEqual(yield* ask(yield* socksConnect(proxyOf(tunnel), "localhost", port), "x"), "x")
      yield* silent.write(Uint8Array.from([5, 1, 0]))
      assert.deepStrictEqual([...yield* silent.take(2)], [5, 0])
    }))
}
