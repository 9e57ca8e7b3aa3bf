import * as Wire from "@effect-remote/core/protocol/Wire"
import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck } from "effect"

const bytes = FastCheck.uint8Array({ maxLength: 40 })

type Field =
  | { readonly kind: "byte" | "uint32"; readonly value: number }
  | { readonly kind: "uint64"; readonly value: bigint }
  | { readonly kind: "string" | "raw"; readonly value: Uint8Array }

const field: FastCheck.Arbitrary<Field> = FastCheck.oneof(
  FastCheck.record({ kind: FastCheck.constant("byte" as const), value: FastCheck.integer({ min: 0, max: 255 }) }),
  FastCheck.record({
    kind: FastCheck.constant("uint32" as const),
    value: FastCheck.integer({ min: 0, max: 0xffffffff })
  }),
  FastCheck.record({
    kind: FastCheck.constant("uint64" as const),
    value: FastCheck.bigInt(0n, (1n << 64n) - 1n)
  }),
  FastCheck.record({ kind: FastCheck.constantFrom("string" as const, "raw" as const), value: bytes })
)

const write = (writer: Wire.Writer, { kind, value }: Field): Wire.Writer => {
  switch (kind) {
    case "byte":
      return writer.byte(value)
    case "uint32":
      return writer.uint32(value)
    case "uint64":
      return writer.uint64(value)
    case "string":
      return writer.string(value)
    case "raw":
      return writer.raw(value)
  }
}

const read = (reader: Wire.Reader, { kind, value }: Field): Field => {
  switch (kind) {
    case "byte":
      return { kind, value: reader.byte() }
    case "uint32":
      return { kind, value: reader.uint32() }
    case "uint64":
      return { kind, value: reader.uint64() }
    case "string":
      return { kind, value: reader.string() }
    case "raw":
      return { kind, value: Uint8Array.from(value, () => reader.byte()) }
  }
}

const packetOf = (fields: ReadonlyArray<Field>, capacity = 64): Uint8Array =>
  fields.reduce(write, new Wire.Writer(capacity)).bytes()

const readAll = (packet: Uint8Array, fields: ReadonlyArray<Field>) =>
  Wire.read(packet, (reader) => fields.map((one) => read(reader, one)))

const isMalformed = (result: Either.Either<unknown, Wire.MalformedError>) =>
  Either.isLeft(result) && result.left instanceof Wire.MalformedError

const runs = { fastCheck: { numRuns: 300 } }

describe("Wire", () => {
  it("writes numbers in network order, and the length before each string", () => {
    const packet = new Wire.Writer()
      .byte(0xfe).uint32(0x01020304).uint64(0x05060708090a0b0cn).string(Uint8Array.from([1, 2])).raw(
        Uint8Array.from([3])
      )
      .bytes()
    assert.deepStrictEqual(
      Array.from(packet),
      [0xfe, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0, 0, 2, 1, 2, 3]
    )
  })

  it.prop(
    "reads what was written, whatever room there was",
    { fields: FastCheck.array(field), capacity: FastCheck.integer({ min: 0, max: 100 }) },
    ({ capacity, fields }) => {
      const packet = packetOf(fields, capacity)
      assert.deepStrictEqual(packet, packetOf(fields))
      assert.deepStrictEqual(Either.getOrThrow(readAll(packet, fields)), fields)
    },
    runs
  )

  it.prop(
    "reads a packet that is a part of something",
    { fields: FastCheck.array(field), bytes },
    ({ bytes, fields }) => {
      const packet = packetOf(fields)
      const whole = new Uint8Array(bytes.length * 2 + packet.length)
      whole.set(bytes)
      whole.set(packet, bytes.length)
      const part = whole.subarray(bytes.length, bytes.length + packet.length)
      assert.deepStrictEqual(Either.getOrThrow(readAll(part, fields)), fields)
    },
    runs
  )

  it.prop(
    "a packet that ends early, or does not end, is malformed",
    { fields: FastCheck.array(field, { minLength: 1 }), more: FastCheck.uint8Array({ minLength: 1, maxLength: 5 }) },
    ({ fields, more }) => {
      const packet = packetOf(fields)
      for (let length = 0; length < packet.length; length++) {
        assert.isTrue(isMalformed(readAll(packet.subarray(0, length), fields)))
      }
      const longer = Uint8Array.from([...packet, ...more])
      assert.isTrue(isMalformed(readAll(longer, fields)))
      const passedOver = Wire.read(longer, (reader) => {
        const values = fields.map((one) => read(reader, one))
        return [values, Array.from(reader.rest())]
      })
      assert.deepStrictEqual(passedOver, Either.right([fields, Array.from(more)]))
    },
    runs
  )

  it("a string that claims more than there is takes nothing", () => {
    for (const length of [4, 5, 0x7fffffff, 0x80000000, 0xffffffff]) {
      const packet = new Wire.Writer().uint32(length).raw(new Uint8Array(3)).bytes()
      assert.isTrue(isMalformed(Wire.read(packet, (reader) => reader.string())))
    }
  })

  it("passes on what else is thrown", () => {
    const bug = new Error("bug")
    assert.throws(() =>
      Wire.read(new Uint8Array(), () => {
        throw bug
      }), bug)
  })
})

describe("Wire.splitter", () => {
  const longest = 50

  const framed = (packet: Uint8Array): Uint8Array => new Wire.Writer().string(packet).bytes()

  const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]))

  const stream = FastCheck.record({
    packets: FastCheck.array(FastCheck.uint8Array({ maxLength: longest })),
    tail: FastCheck.oneof(
      FastCheck.constant(new Uint8Array()),
      // incomplete
      FastCheck.uint8Array({ minLength: 1, maxLength: longest }).chain((packet) =>
        FastCheck.integer({ min: 1, max: packet.length + 3 }).map((length) => framed(packet).subarray(0, length))
      ),
      // senseless
      FastCheck.tuple(FastCheck.integer({ min: longest + 1, max: 0xffffffff }), bytes).map(([length, rest]) =>
        new Wire.Writer().uint32(length).raw(rest).bytes()
      )
    )
  })

  const split = (parts: ReadonlyArray<Uint8Array>) => {
    const splitter = Wire.splitter(longest)
    return parts.flatMap((part) => splitter(part)).map(Either.match({
      onLeft: ({ message }) => message,
      onRight: (packet) => Array.from(packet)
    }))
  }

  it.prop("finds the packets, however the stream is cut", {
    stream,
    cuts: FastCheck.array(FastCheck.integer({ min: 0, max: 1000 }), { maxLength: 30 })
  }, ({ cuts, stream: { packets, tail } }) => {
    const whole = concat([...packets.map(framed), tail])
    const found = split([whole])
    const good = found.filter((one) => typeof one !== "string")
    assert.deepStrictEqual(good, packets.map((packet) => Array.from(packet)))
    const isSenseless = tail.length >= 4 && new DataView(tail.buffer, tail.byteOffset).getUint32(0) > longest
    assert.strictEqual(found.length - good.length, isSenseless ? 1 : 0)

    const at = [0, ...cuts.map((cut) => Math.min(cut, whole.length)).sort((a, b) => a - b), whole.length]
    const parts = at.slice(1).map((end, index) => whole.slice(at[index], end))
    // what comes after the senseless is that, too
    assert.deepStrictEqual(split(parts).slice(0, found.length), found)
    assert.deepStrictEqual(split(Array.from(whole, (byte) => Uint8Array.of(byte))).slice(0, found.length), found)
  }, runs)

  it("reads no packets after a malformed one", () => {
    const splitter = Wire.splitter(longest)
    const [first] = splitter(Uint8Array.from([255, 255, 255, 255]))
    const [second, ...more] = splitter(framed(Uint8Array.of(1)))
    assert.isTrue(first !== undefined && isMalformed(first))
    assert.strictEqual(second, first)
    assert.deepStrictEqual(more, [])
  })

  it("reports the length that a packet claims to have", () => {
    const [found] = Wire.splitter(longest)(Uint8Array.from([0, 0, 0, 51]))
    assert.deepStrictEqual(found, Either.left(new Wire.MalformedError({ message: "a packet claims to have 51 bytes" })))
  })

  it("writes packets that arrive in parts into the given buffer, and no others", () => {
    const memory = new Uint8Array(4)
    const asked: Array<number> = []
    const splitter = Wire.splitter(longest, (length) => {
      asked.push(length)
      return memory.subarray(0, length)
    })
    const whole = splitter(framed(Uint8Array.of(1, 2)))
    assert.deepStrictEqual(asked, [])
    assert.deepStrictEqual(whole, [Either.right(Uint8Array.of(1, 2))])
    assert.deepStrictEqual(splitter(framed(Uint8Array.of(3, 4, 5)).subarray(0, 5)), [])
    const [parts] = splitter(Uint8Array.of(4, 5))
    assert.deepStrictEqual(asked, [3])
    assert.deepStrictEqual(parts, Either.right(Uint8Array.of(3, 4, 5)))
    assert.deepStrictEqual(memory, Uint8Array.of(3, 4, 5, 0))
  })

  it("gives packets of no bytes", () => {
    assert.deepStrictEqual(split([new Uint8Array(8)]), [[], []])
  })

  it("takes a long packet byte by byte", () => {
    const packet = Uint8Array.from({ length: 200_000 }, (_, index) => index)
    const splitter = Wire.splitter(packet.length)
    const found = Array.from(framed(packet)).flatMap((byte) => splitter(Uint8Array.of(byte)))
    assert.strictEqual(found.length, 1)
    assert.isTrue(Either.isRight(found[0]!) && Buffer.compare(found[0].right, packet) === 0)
  })
})
