import { assert, describe, it } from "@effect/vitest"
import { Either } from "effect"
import * as window from "../../src/internal/protocol/window.js"

const kib = 1024

describe("the window for sending", () => {
  const sending: window.Sending = { room: 100, maxPacket: 40 }

  it("grows by what the other side grants, up to 32 bits", () => {
    assert.deepStrictEqual(window.adjust(sending, 50), Either.right({ room: 150, maxPacket: 40 }))
    assert.isTrue(Either.isRight(window.adjust({ ...sending, room: 0 }, 0xffff_ffff)))
    assert.deepStrictEqual(
      window.adjust({ ...sending, room: 1 }, 0xffff_ffff),
      Either.left("a window of more than 4 GiB")
    )
  })

  it.each<readonly [window.Sending, number, number]>([
    [sending, 10, 10],
    [sending, 60, 40],
    [{ room: 30, maxPacket: 40 }, 60, 30],
    [{ room: 0, maxPacket: 40 }, 60, 0],
    [{ room: 100, maxPacket: 0 }, 60, 0],
    [{ room: 1024 * kib, maxPacket: 1024 * kib }, 1024 * kib, 32 * kib]
  ])("of %o allows %i bytes in packets of %i", (sending, bytes, size) => {
    assert.strictEqual(window.sendable(sending, bytes), size)
  })

  it("shrinks by what is sent", () => {
    assert.deepStrictEqual(window.spend(sending, 30), { room: 70, maxPacket: 40 })
  })
})

describe("the window for receiving", () => {
  it("shrinks as the number of channels grows", () => {
    assert.deepStrictEqual([0, 31, 32, 63, 511, 5000].map(window.initial), [
      ...[2048 * kib, 2048 * kib, Math.floor(65536 * kib / 33)],
      ...[1024 * kib, 128 * kib, 128 * kib]
    ])
  })

  it("shrinks by what arrives, and rejects more", () => {
    const receiving: window.Receiving = { room: 50_000, consumed: 7 }
    assert.deepStrictEqual(window.receive(receiving, 32768), Either.right({ room: 17232, consumed: 7 }))
    assert.deepStrictEqual(window.receive(receiving, 32769), Either.left("32769 bytes of data in one packet"))
    assert.deepStrictEqual(
      window.receive({ room: 9, consumed: 0 }, 10),
      Either.left("more data than a channel's window")
    )
  })

  it("is granted again once three packets were read", () => {
    const receiving: window.Receiving = { room: 10, consumed: 0 }
    assert.deepStrictEqual(window.consume(receiving, 98_303), { window: { room: 10, consumed: 98_303 }, grant: 0 })
    assert.deepStrictEqual(window.consume({ room: 10, consumed: 98_303 }, 1), {
      window: { room: 98_314, consumed: 0 },
      grant: 98_304
    })
  })
})
