import { assert, describe, it } from "@effect/vitest"
import { Writable } from "node:stream"
import * as terminalLine from "../../src/internal/local/terminalLine.js"

const erased = "\r\x1b[K"

// The rows that a terminal would show, and the row of the cursor.
const screen = (text: string): ReadonlyArray<string> => {
  const rows = [""]
  for (const [part] of text.matchAll(/\x1b\[K|\x1b\[\?25[lh]|[\s\S]/g)) {
    const row = rows.at(-1)!
    if (part === "\n") rows.push("")
    else if (part === "\r") rows[rows.length - 1] = ""
    else if (!part.startsWith("\x1b")) rows[rows.length - 1] = row + part
  }
  return rows
}

const collect = () => {
  const written: Array<string> = []
  const make = () =>
    new Writable({
      write: (chunk: Buffer, _encoding, callback) => {
        written.push(String(chunk))
        callback()
      }
    })
  return { stream: make(), other: make(), text: () => written.join("") }
}

// FOUND B20
describe("a line of a terminal, as a value", () => {
  it("is drawn again in place, and left when it ends", () => {
    const [first, one] = terminalLine.draw(terminalLine.initial, "10%")
    const [second, two] = terminalLine.draw(first, "20%")
    const [last, three] = terminalLine.end(second)
    assert.deepStrictEqual([one, two, three], ["\x1b[?25l\r10%\x1b[K", "\r20%\x1b[K", "\n\x1b[?25h"])
    assert.deepStrictEqual(last, terminalLine.initial)
    assert.deepStrictEqual(terminalLine.end(last), [terminalLine.initial, ""])
  })

  it("makes room for the lines of others", () => {
    const [drawn] = terminalLine.draw(terminalLine.initial, "10%")
    assert.deepStrictEqual(terminalLine.surround(drawn, true), [drawn, { before: erased, after: "\r10%\x1b[K" }])
  })

  it("waits for the end of a line, or ends it", () => {
    const [drawn] = terminalLine.draw(terminalLine.initial, "10%")
    const [within, first] = terminalLine.surround(drawn, false)
    assert.deepStrictEqual(first, { before: erased, after: "" })
    assert.deepStrictEqual(terminalLine.surround(within, false), [within, { before: "", after: "" }])
    assert.deepStrictEqual(terminalLine.surround(within, true), [drawn, { before: "", after: "\r10%\x1b[K" }])
    assert.deepStrictEqual(terminalLine.draw(within, "20%")[1], "\n\r20%\x1b[K")
    assert.deepStrictEqual(terminalLine.end(within)[1], "\x1b[?25h")
  })

  it("leaves the output of others as it is if no line is drawn", () => {
    assert.deepStrictEqual(
      terminalLine.surround(terminalLine.initial, false),
      [terminalLine.initial, { before: "", after: "" }]
    )
  })
})

describe("a line of a terminal", () => {
  it("stays below what others print, as text or bytes, on the one stream or the other", () => {
    const { other, stream, text } = collect()
    const [write, writeOther] = [stream.write, other.write]
    const line = terminalLine.make([stream, other], () => true)
    stream.write("before\n")
    line.draw("10%")
    stream.write("one\n")
    other.write(Buffer.from("two\n"))
    stream.write("thr")
    stream.write(Buffer.from("ee\n"))
    assert.deepStrictEqual(screen(text()), ["before", "one", "two", "three", "10%"])
    line.draw("20%")
    stream.write("four")
    line.draw("30%")
    line.close()
    stream.write("after")
    assert.deepStrictEqual(screen(text()), ["before", "one", "two", "three", "four", "30%", "after"])
    assert.strictEqual(stream.write, write)
    assert.strictEqual(other.write, writeOther)
  })

  it("passes on the encoding, the callback and the back-pressure of a write", async () => {
    const { stream, text } = collect()
    const slow = new Writable({ highWaterMark: 1, write: () => {} })
    const line = terminalLine.make([stream, slow], () => true)
    assert.isFalse(slow.write("x"))
    line.draw("10%")
    await new Promise<unknown>((resolve) => void stream.write("b25l", "base64", resolve))
    assert.deepStrictEqual(screen(text()), ["one"])
  })

  it("keeps another's replacement of the stream, and writes nothing to a broken one", () => {
    const { stream, text } = collect()
    let isUsable = true
    const line = terminalLine.make([stream], () => isUsable)
    const { write } = stream
    const replacement: Writable["write"] = (chunk: unknown) => write.call(stream, chunk, "utf8")
    stream.write = replacement
    line.draw("10%")
    isUsable = false
    line.draw("20%")
    line.close()
    assert.strictEqual(stream.write, replacement)
    stream.write("after\n")
    assert.strictEqual(text(), "\x1b[?25l\r10%\x1b[Kafter\n")
  })
})
