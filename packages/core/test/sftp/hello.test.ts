import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import type { MakeError } from "../../src/internal/sftp/conversation.js"
import * as hello from "../../src/internal/sftp/hello.js"
import * as Sftp from "../../src/protocol/Sftp.js"
import * as Wire from "../../src/protocol/Wire.js"

const error: MakeError = (reason, detail, fields = {}) =>
  new RemoteConnectionError({ reason, host: "host", detail, ...fields })

const packetOf = (bytes: Uint8Array) => Wire.splitter(Sftp.longestPacket)(bytes)[0]!

const decode = (bytes: Uint8Array) => hello.decode(packetOf(bytes), bytes, error)

const limits = (values: Partial<Sftp.Limits>) =>
  hello.limitsOf(
    Sftp.Response.ExtendedReply({
      data: Sftp.encodeLimits({ packet: 0n, read: 0n, write: 0n, handles: 0n, ...values })
    }),
    error
  )

describe("the beginning of a session", () => {
  it.effect("shows the extensions of the version that is known", () =>
    Effect.gen(function*() {
      const has = yield* decode(
        Sftp.encodeHello("server", {
          version: 3,
          extensions: [["fsync@openssh.com", "1"], ["statvfs@openssh.com", "9"]]
        })
      )
      assert.deepStrictEqual([has("fsync"), has("statvfs"), has("limits")], [true, false, false])
    }))

  it.effect("fails for another version of the protocol", () =>
    Effect.gen(function*() {
      const { message } = yield* Effect.flip(decode(Sftp.encodeHello("server", { version: 4, extensions: [] })))
      assert.include(message, "speaks version 4, not 3")
    }))

  it.effect("fails with what a startup file printed", () =>
    Effect.gen(function*() {
      const { hint, output } = yield* Effect.flip(decode(new TextEncoder().encode("Welcome to host\n")))
      assert.strictEqual(output, "Welcome to host\n")
      assert.include(hint, "startup file")
    }))

  it.effect("fails with the mistake if nothing readable was printed", () =>
    Effect.gen(function*() {
      const failure = yield* Effect.flip(
        hello.decode(Either.left(new Wire.MalformedError({ message: "too short" })), new Uint8Array(), error)
      )
      assert.include(failure.message, "did not start an SFTP server: too short")
    }))
})

describe("the limits of a server", () => {
  it.effect("are those of the draft without the extension", () =>
    Effect.gen(function*() {
      const ofDraft = { readSize: 32768, writeSize: 32768, handles: 128 }
      assert.deepStrictEqual(yield* hello.limitsOf(undefined, error), ofDraft)
      const refused = Sftp.Response.Status({ code: Sftp.StatusCode.unsupported, message: "" })
      assert.deepStrictEqual(yield* hello.limitsOf(refused, error), ofDraft)
    }))

  it.effect("are OpenSSH's if the server sets none", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* limits({}), { readSize: 261120, writeSize: 261120, handles: 128 })
    }))

  it.effect("are kept between the smallest and the largest that make sense", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* limits({ read: 1n, write: 2n ** 63n, handles: 2n ** 63n }),
        { readSize: 1024, writeSize: 261120, handles: 1_000_000 }
      )
      assert.deepStrictEqual(
        yield* limits({ read: 5000n, write: 6000n, handles: 7n }),
        { readSize: 5000, writeSize: 6000, handles: 7 }
      )
    }))

  it.effect("fail if the reply is malformed", () =>
    Effect.gen(function*() {
      const failure = yield* Effect.flip(
        hello.limitsOf(Sftp.Response.ExtendedReply({ data: new Uint8Array(3) }), error)
      )
      assert.strictEqual(failure.reason, "Protocol")
    }))
})
