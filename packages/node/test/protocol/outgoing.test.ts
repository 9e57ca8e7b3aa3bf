import { assert, describe, it } from "@effect/vitest"
import * as message from "../../src/internal/protocol/message.js"
import * as outgoing from "../../src/internal/protocol/outgoing.js"

const failureFor = (recipient: number): outgoing.Packet => ({ _tag: "Failure", recipient })

/** Senders have a number of packets each; `turns` are those that were served. */
const setUp = () => {
  const written: Array<Uint8Array> = []
  const violations: Array<string> = []
  const turns: Array<string> = []
  const packets = new Map<string, number>()
  const output = { takesMore: true }
  const out = outgoing.make<string>(
    (bytes) => {
      written.push(bytes)
      return output.takesMore
    },
    (sender) => {
      const left = packets.get(sender) ?? 0
      if (left === 0) return false
      packets.set(sender, left - 1)
      turns.push(sender)
      out.sendData(1, new Uint8Array(10))
      return left > 1
    },
    (detail) => void violations.push(detail)
  )
  const enqueue = (sender: string, count: number) => {
    packets.set(sender, count)
    out.enqueue(sender)
  }
  return { out, output, written, violations, turns, enqueue }
}

describe("outgoing packets", () => {
  it("of several senders take turns once the connection takes data again", () => {
    const { enqueue, out, output, turns } = setUp()
    output.takesMore = false
    enqueue("a", 3)
    enqueue("b", 2)
    enqueue("c", 1)
    assert.deepStrictEqual(turns, ["a"])
    output.takesMore = true
    out.drained()
    assert.deepStrictEqual(turns, ["a", "a", "b", "c", "a", "b"])
  })

  it("that are short are sent even while the connection is congested", () => {
    const { out, output, written } = setUp()
    output.takesMore = false
    out.send(failureFor(1))
    out.send(failureFor(2))
    assert.deepStrictEqual(written, [message.encode(failureFor(1)), message.encode(failureFor(2))])
  })

  it("of data are copied after their header if they are small, else written as they are", () => {
    const { out, written } = setUp()
    const [small, large] = [new Uint8Array(4095), new Uint8Array(4096)]
    out.sendData(5, small)
    out.sendData(5, large)
    assert.deepStrictEqual(written.slice(0, 2), [
      message.encode({ _tag: "Data", recipient: 5, data: small }),
      message.dataHeader(5, 4096)
    ])
    assert.strictEqual(written[2], large)
  })

  it("that nobody reads are bounded in number", () => {
    const { out, output, violations, written } = setUp()
    output.takesMore = false
    out.reply(failureFor(0))
    for (let count = 0; count < 1000; count++) out.reply(failureFor(0))
    assert.deepStrictEqual([written.length, violations.length], [1001, 0])
    out.reply(failureFor(0))
    assert.deepStrictEqual([written.length, violations.length], [1001, 1])
    out.drained()
    out.reply(failureFor(0))
    assert.deepStrictEqual([written.length, violations.length], [1002, 1])
  })

  it("end with stop", () => {
    const { enqueue, out, output, turns, written } = setUp()
    output.takesMore = false
    enqueue("a", 2)
    const before = written.length
    out.stop()
    output.takesMore = true
    out.drained()
    out.send(failureFor(1))
    out.reply(failureFor(1))
    assert.deepStrictEqual([written.length, turns.length], [before, 1])
  })
})
