import * as Sftp from "@effect-remote/core/protocol/Sftp"
import * as Wire from "@effect-remote/core/protocol/Wire"
import { Transport } from "@effect-remote/core/Transport"
import { InMemoryHost } from "@effect-remote/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Option } from "effect"

const { OpenFlags, Request } = Sftp

/** A session of SFTP without the client, which asks one thing after the other. */
const session = Effect.gen(function*() {
  const channel = yield* (yield* Transport).subsystem("sftp")
  const split = Wire.splitter(Sftp.longestPacket)
  const packets: Array<Uint8Array> = []
  const receive = Effect.gen(function*() {
    while (packets.length === 0) {
      for (const packet of split(Option.getOrThrow(yield* channel.read))) packets.push(yield* packet)
    }
    return packets.shift() ?? new Uint8Array()
  })
  yield* channel.write(Sftp.encodeHello("client", { version: 3, extensions: [] }))
  yield* receive
  return (request: Sftp.Request) =>
    Effect.gen(function*() {
      yield* channel.write(Sftp.encodeRequest(1, request))
      return (yield* Sftp.decodeResponse(yield* receive)).packet
    })
})

describe("handles", () => {
  // FOUND A18
  it.scoped("reports the limit of open handles and refuses the next one with Failure until one is closed", () =>
    Effect.gen(function*() {
      const ask = yield* session
      const limits = yield* ask(Request.Limits())
      assert(limits._tag === "ExtendedReply")
      assert.strictEqual((yield* Sftp.decodeLimits(limits.data)).handles, 2n)

      const open = ask(Request.Open({ path: "/f", flags: OpenFlags.read, attributes: {} }))
      const file = yield* open
      const directory = yield* ask(Request.Opendir({ path: "/" }))
      assert(file._tag === "Handle" && directory._tag === "Handle")
      const refused = Sftp.Response.Status({ code: Sftp.StatusCode.failure, message: "Failure" })
      assert.deepStrictEqual(yield* open, refused)
      assert.deepStrictEqual(yield* ask(Request.Opendir({ path: "/" })), refused)

      // another session has handles of its own
      assert.strictEqual((yield* (yield* session)(Request.Opendir({ path: "/" })))._tag, "Handle")

      yield* ask(Request.Close({ handle: directory.handle }))
      assert.strictEqual((yield* open)._tag, "Handle")
      assert.strictEqual((yield* open)._tag, "Status")
    }).pipe(Effect.provide(InMemoryHost.layer({ maxHandles: 2, files: { "/f": "" } }))))
})
