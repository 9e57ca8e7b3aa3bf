import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import { ExitStatus } from "@effect-remote/core/Transport"
import { assert, describe, it } from "@effect/vitest"
import { Either, Option } from "effect"
import * as channelState from "../../src/internal/protocol/channelState.js"
import * as message from "../../src/internal/protocol/message.js"

const opening = channelState.make(100_000)
const open = channelState.confirm(opening, { sender: 7, window: 1000, maxPacket: 300 })
const ended = channelState.end(open)
const closed = channelState.close(open)
const deaf = Either.getOrThrow(channelState.receiveRequest(open, "eow@openssh.com", new Uint8Array()))
const eof = channelState.receiveEof(open)
const gone = channelState.remove(closed)
const abandoned = channelState.abandon(open)
const failure = new RemoteConnectionError({ reason: "ConnectionLost", host: "host", detail: "gone" })
const failed = channelState.fail(open, failure)

const states = { opening, open, ended, closed, deaf, eof, gone, abandoned, failed }

/** The names of the states for which it holds. */
const names = (holds: (state: channelState.ChannelState) => boolean): ReadonlyArray<string> =>
  Object.entries(states).flatMap(([name, state]) => holds(state) ? [name] : [])

describe("the state of a channel", () => {
  it("becomes open by a confirmation, with the other side's number and window", () => {
    assert.deepStrictEqual(open, {
      ...opening,
      phase: "open",
      remote: 7,
      sending: { room: 1000, maxPacket: 300 }
    })
  })

  it("allows data until the end of either side", () => {
    assert.deepStrictEqual(names(channelState.isWritable), ["open", "eof", "abandoned", "failed"])
    assert.deepStrictEqual(names((state) => channelState.sendable(state, 500) === 300), [
      "open",
      "eof",
      "abandoned",
      "failed"
    ])
    assert.deepStrictEqual(names((state) => channelState.sendable(state, 500) === 0), [
      "opening",
      "ended",
      "closed",
      "deaf",
      "gone"
    ])
  })

  it("allows requests until CLOSE is sent", () => {
    assert.deepStrictEqual(names(channelState.isUsable), ["open", "ended", "deaf", "eof", "abandoned", "failed"])
  })

  it("has no more data after EOF, CLOSE, a failure, or when the owner left", () => {
    assert.deepStrictEqual(names(channelState.hasNoMoreData), ["eof", "gone", "abandoned", "failed"])
    assert.deepStrictEqual(names(channelState.hasEnded), ["gone", "abandoned", "failed"])
  })

  it("ends writing once, and only while it may write", () => {
    assert.strictEqual(ended.sent, "eof")
    for (const state of [opening, ended, closed, deaf, gone]) assert.strictEqual(channelState.end(state), state)
  })

  it("sends CLOSE once, and only on an open channel", () => {
    assert.deepStrictEqual([closed.sent, channelState.close(ended).sent], ["close", "close"])
    for (const state of [opening, closed, gone]) assert.strictEqual(channelState.close(state), state)
  })

  it("spends and receives room for sending", () => {
    assert.strictEqual(channelState.spend(open, 300).sending.room, 700)
    assert.deepStrictEqual(Either.map(channelState.adjust(open, 5), ({ sending }) => sending.room), Either.right(1005))
    assert.isTrue(Either.isLeft(channelState.adjust(open, 0xffff_ffff)))
  })

  it("receives data within its window, until EOF", () => {
    assert.deepStrictEqual(
      Either.map(channelState.receiveData(open, 30_000), ({ receiving }) => receiving.room),
      Either.right(70_000)
    )
    assert.isTrue(Either.isLeft(channelState.receiveData(open, 32769)))
    assert.deepStrictEqual(channelState.receiveData(eof, 1), Either.left("data after the end of a channel"))
  })

  it("grants room for what was read, unless the other side sends no more", () => {
    for (const state of [open, ended, deaf]) {
      const consumed = channelState.consume(state, 100_000)
      assert.strictEqual(consumed.grant, 100_000)
      assert.strictEqual(consumed.state.receiving.room, 200_000)
    }
    for (const state of [opening, closed, eof, gone]) {
      assert.deepStrictEqual(channelState.consume(state, 100_000), { state, grant: 0 })
    }
  })

  it.each<readonly [string, Uint8Array, ExitStatus]>([
    ["exit-status", message.fields(3), ExitStatus.Code({ code: 3 })],
    ["exit-signal", message.fields("KILL", false, "", ""), ExitStatus.Signal({ signal: Option.some("SIGKILL") })],
    ["unknown", new Uint8Array(), ExitStatus.None()]
  ])("keeps the status of %s", (name, data, status) => {
    assert.deepStrictEqual(
      Either.map(channelState.receiveRequest(open, name, data), (state) => state.status),
      Either.right(status)
    )
  })

  it("rejects a malformed status", () => {
    assert.isTrue(Either.isLeft(channelState.receiveRequest(open, "exit-status", new Uint8Array(3))))
  })

  it("keeps its first failure", () => {
    const second = new RemoteConnectionError({ reason: "Unknown", host: "host", detail: "again" })
    assert.strictEqual(channelState.fail(failed, second).failure, failure)
  })
})
