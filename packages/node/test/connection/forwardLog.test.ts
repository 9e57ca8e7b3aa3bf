import { assert, describe, it } from "@effect/vitest"
import * as forwardLog from "../../src/internal/perChannel/forwardLog.js"
import { kept } from "../../src/internal/ssh/loginLog.js"

const receiveAll = (pieces: Iterable<string>) => {
  let log = forwardLog.initial
  let events: ReadonlyArray<forwardLog.Event> = []
  for (const piece of pieces) {
    const next = forwardLog.receive(log, Buffer.from(piece, "latin1"))
    log = next.log
    events = [...events, ...next.events]
  }
  return { log, events }
}

const session = [
  "Authenticated to host.",
  "debug2: channel 0: open confirm rwindow 2097152 rmax 32768",
  "debug2: channel 0: rcvd eof",
  ""
].join("\n")

describe("the log of ssh -W", () => {
  it("shows the opening and the end, however it is cut", () => {
    const expected: ReadonlyArray<forwardLog.Event> = [{ _tag: "Opened" }, { _tag: "Ended" }]
    assert.deepStrictEqual(receiveAll([session]).events, expected)
    assert.deepStrictEqual(receiveAll(session), { log: { text: session, line: "" }, events: expected })
  })

  it("shows a refusal with the server's reason", () => {
    assert.deepStrictEqual(receiveAll(["channel 0: open failed: connect failed: Connection refused\r\n"]).events, [
      { _tag: "Refused", detail: "connect failed: Connection refused" }
    ])
  })

  it("takes a close as the end, too, and other lines as nothing", () => {
    assert.deepStrictEqual(receiveAll(["debug2: channel 0: rcvd close\n", "debug1: channel 0: new\n"]).events, [
      { _tag: "Ended" }
    ])
  })

  it("does not read a line before its end", () => {
    const { events, log } = receiveAll(["debug2: channel 0: rcvd eof"])
    assert.deepStrictEqual(events, [])
    assert.strictEqual(log.line, "debug2: channel 0: rcvd eof")
  })

  it("keeps a bounded part", () => {
    const { log } = receiveAll([`${"x".repeat(kept)}\n`, "y".repeat(2 * kept)])
    assert.strictEqual(log.text.length, kept)
    assert.strictEqual(log.line.length, kept)
  })
})
