import { assert, describe, it } from "@effect/vitest"
import { FastCheck } from "effect"
import * as text from "../src/internal/lib/text.js"

// The same values in every run.
FastCheck.configureGlobal({ seed: 20 })

const bytes = FastCheck.array(
  FastCheck.oneof(
    FastCheck.uint8Array({ maxLength: 6 }),
    FastCheck.string({ unit: "binary", maxLength: 4 }).map((part) => new TextEncoder().encode(part)),
    FastCheck.constantFrom(
      [0xef, 0xbf, 0xbd],
      [0xef, 0xbb, 0xbf],
      [0xc3],
      [0xf0, 0x9f, 0x98],
      [0xed, 0xa0, 0x80],
      [0xc0, 0xaf]
    ).map((part) => Uint8Array.from(part))
  ),
  { maxLength: 8 }
).map(text.concat)

const codeUnits = FastCheck.array(
  FastCheck.oneof(
    FastCheck.integer({ min: 0, max: 0xffff }),
    FastCheck.integer({ min: 0xdc80, max: 0xdcff }),
    FastCheck.integer({ min: 0xd800, max: 0xdfff }),
    FastCheck.integer({ min: 0x20, max: 0x7e })
  ),
  { maxLength: 12 }
).map((units) => String.fromCharCode(...units))

describe("text", () => {
  it.prop("any bytes come back from the text that they become", { bytes }, ({ bytes }) => {
    assert.deepStrictEqual(text.encode(text.decode(bytes)), bytes)
  }, { fastCheck: { numRuns: 1000 } })

  it.prop("the text of any bytes is encodable", { bytes }, ({ bytes }) => {
    assert.isTrue(text.isEncodable(text.decode(bytes)))
  }, { fastCheck: { numRuns: 500 } })

  it.prop("a text is encodable when it comes back from its bytes, and only then", { codeUnits }, ({ codeUnits }) => {
    assert.strictEqual(text.isEncodable(codeUnits), text.decode(text.encode(codeUnits)) === codeUnits)
  }, { fastCheck: { numRuns: 2000 } })

  it.each([
    ["no escape, high", "a\ud800b"],
    ["no escape, low", "\udc7f"],
    ["no escape, above", "\udd00"],
    ["escapes of a whole character", "\udcc3\udca9"],
    ["escapes of a whole character, within others", "\udcff\udcf0\udc9f\udc98\udc80"]
  ])("isEncodable rejects what stands for no bytes: %s", (_, value) => {
    assert.isFalse(text.isEncodable(value))
  })

  it.each([
    ["", []],
    ["é😀", [0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80]],
    ["\udcc3a", [0xc3, 0x61]],
    ["\udcff\udcfe", [0xff, 0xfe]],
    ["\udced\udca0\udc80", [0xed, 0xa0, 0x80]],
    ["\ufeffa\ufffd", [0xef, 0xbb, 0xbf, 0x61, 0xef, 0xbf, 0xbd]],
    ["\0", [0]]
  ])("encodes and decodes %j", (value, expected) => {
    assert.isTrue(text.isEncodable(value))
    assert.deepStrictEqual(Array.from(text.encode(value)), expected)
    assert.strictEqual(text.decode(Uint8Array.from(expected)), value)
  })

  it("display replaces bytes that are not UTF-8, and never fails", () => {
    assert.strictEqual(text.display(Uint8Array.from([0x61, 0xff, 0x62, 0xc3])), "a\ufffdb\ufffd")
    assert.strictEqual(text.display(Uint8Array.from([0xef, 0xbb, 0xbf, 0x61])), "\ufeffa")
  })

  it("concat joins in order", () => {
    assert.deepStrictEqual(text.concat([]), new Uint8Array())
    assert.deepStrictEqual(
      text.concat([Uint8Array.of(1, 2), new Uint8Array(), Uint8Array.of(3)]),
      Uint8Array.of(1, 2, 3)
    )
  })
})
