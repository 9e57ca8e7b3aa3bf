import * as Wire from "@effect-remote/core/protocol/Wire"
import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck } from "effect"
import * as control from "../../src/internal/protocol/control.js"

// The same values in every run.
FastCheck.configureGlobal({ seed: 20 })

const uint32 = FastCheck.oneof(FastCheck.integer({ min: 0, max: 0xffffffff }), FastCheck.constantFrom(0, 0xffffffff))

const text = FastCheck.string({ unit: "grapheme", maxLength: 20 })

const address: FastCheck.Arbitrary<control.Address> = FastCheck.oneof(
  FastCheck.record({ host: text, port: FastCheck.integer({ min: 0, max: 65535 }) }),
  FastCheck.record({ path: text })
)

const request: FastCheck.Arbitrary<control.Request> = FastCheck.oneof(
  FastCheck.constant({ _tag: "Proxy" as const }),
  FastCheck.record({
    _tag: FastCheck.constantFrom("OpenForward" as const, "CloseForward" as const),
    listen: address,
    target: address
  })
)

const utf8 = (value: string) => new TextEncoder().encode(value)

// As the master reads them.
const readRequest = (reader: Wire.Reader) => {
  const type = reader.uint32()
  const id = reader.uint32()
  if (type === 0x1000000f) return { id, request: { _tag: "Proxy" } }
  assert.strictEqual(reader.uint32(), 2)
  const [listen, target] = [0, 1].map(() => {
    const name = Buffer.from(reader.string()).toString()
    const port = reader.uint32()
    return port === 0xfffffffe ? { path: name } : { host: name, port }
  })
  return { id, request: { _tag: type === 0x10000006 ? "OpenForward" : "CloseForward", listen, target } }
}

// As the master writes them.
const answers: FastCheck.Arbitrary<readonly [answer: control.Answer, bytes: Uint8Array, openEnded: boolean]> = FastCheck
  .oneof(
    FastCheck.tuple(uint32, FastCheck.array(FastCheck.tuple(text, text), { maxLength: 2 })).map((
      [version, extensions]
    ) =>
      [
        { _tag: "Hello", version },
        extensions.reduce<Wire.Writer>(
          (writer, [name, value]) => writer.string(utf8(name)).string(utf8(value)),
          new Wire.Writer().uint32(1).uint32(version)
        ).bytes(),
        true
      ] as const
    ),
    uint32.map((id) => [{ _tag: "Proxied" }, new Wire.Writer().uint32(0x8000000f).uint32(id).bytes(), false] as const),
    uint32.map((id) => [{ _tag: "Ok" }, new Wire.Writer().uint32(0x80000001).uint32(id).bytes(), false] as const),
    FastCheck.tuple(uint32, uint32).map(([id, port]) =>
      [
        { _tag: "RemotePort", port },
        new Wire.Writer().uint32(0x80000007).uint32(id).uint32(port).bytes(),
        false
      ] as const
    ),
    FastCheck.tuple(FastCheck.constantFrom(0x80000002, 0x80000003), uint32, text).map(([type, id, detail]) =>
      [
        { _tag: "Failed", detail },
        new Wire.Writer().uint32(type).uint32(id).string(utf8(detail)).bytes(),
        false
      ] as const
    )
  )

const isMalformed = (result: Either.Either<unknown, Wire.MalformedError>) =>
  Either.isLeft(result) && result.left instanceof Wire.MalformedError

// A packet without its length, which is checked.
const body = (packet: Uint8Array): Uint8Array => {
  assert.strictEqual(new DataView(packet.buffer, packet.byteOffset).getUint32(0), packet.length - 4)
  return packet.subarray(4)
}

const runs = { fastCheck: { numRuns: 300 } }

describe("control", () => {
  it("says hello", () => {
    assert.deepStrictEqual(Array.from(control.hello()), [0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 4])
    assert.deepStrictEqual(
      control.decode(body(control.hello())),
      Either.right<control.Answer>({ _tag: "Hello", version: 4 })
    )
  })

  it.prop("a request is read as it was meant", { id: uint32, request }, ({ id, request }) => {
    const read = Wire.read(body(control.encode(id, request)), readRequest)
    assert.deepStrictEqual(JSON.stringify(read), JSON.stringify(Either.right({ id, request })))
  }, runs)

  it("a request is written as PROTOCOL.mux has it", () => {
    assert.deepStrictEqual(
      Array.from(control.encode(7, { _tag: "Proxy" })),
      [0, 0, 0, 8, 0x10, 0, 0, 0x0f, 0, 0, 0, 7]
    )
    assert.deepStrictEqual(
      Array.from(
        control.encode(1, { _tag: "OpenForward", listen: { host: "h", port: 258 }, target: { path: "/p" } })
      ),
      [
        ...[0, 0, 0, 0x1f],
        ...[0x10, 0, 0, 6, 0, 0, 0, 1, 0, 0, 0, 2],
        ...[0, 0, 0, 1, 0x68, 0, 0, 1, 2],
        ...[0, 0, 0, 2, 0x2f, 0x70, 0xff, 0xff, 0xff, 0xfe]
      ]
    )
  })

  it.prop("an answer comes back from its bytes", { one: answers }, ({ one: [answer, bytes] }) => {
    assert.deepStrictEqual(control.decode(bytes), Either.right(answer))
  }, runs)

  it.prop("an answer that ends early, or does not end, is malformed", {
    one: answers,
    more: FastCheck.uint8Array({ minLength: 1, maxLength: 5 })
  }, ({ more, one: [, bytes, openEnded] }) => {
    for (let length = 0; length < (openEnded ? 8 : bytes.length); length++) {
      assert.isTrue(isMalformed(control.decode(bytes.subarray(0, length))), `${length} of ${bytes.length} bytes`)
    }
    assert.strictEqual(isMalformed(control.decode(Uint8Array.from([...bytes, ...more]))), !openEnded)
  }, runs)

  it.prop("any bytes are an answer or malformed", {
    bytes: FastCheck.uint8Array({ maxLength: 60 }),
    type: FastCheck.constantFrom(1, 0x80000001, 0x80000002, 0x80000003, 0x80000004, 0x80000005, 0x80000007, 0x8000000f)
  }, ({ bytes, type }) => {
    for (const packet of [bytes, new Wire.Writer().uint32(type).raw(bytes).bytes()]) {
      const decoded = control.decode(packet)
      assert.isTrue(Either.isRight(decoded) || isMalformed(decoded))
    }
  }, runs)

  it.each([0, 2, 0x10000001, 0x1000000f, 0x80000004, 0x80000005, 0x80000006, 0x8000000e, 0xffffffff])(
    "there is no answer of type %i",
    (type) => {
      assert.isTrue(isMalformed(control.decode(new Wire.Writer().uint32(type).uint32(0).bytes())))
    }
  )

  it("believes no length that an answer has no room for", () => {
    const packet = new Wire.Writer().uint32(0x80000003).uint32(1).uint32(0xffffffff).raw(new Uint8Array(100)).bytes()
    assert.isTrue(isMalformed(control.decode(packet)))
  })
})
