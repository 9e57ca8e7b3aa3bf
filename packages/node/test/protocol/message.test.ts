import * as Wire from "@effect-remote/core/protocol/Wire"
import { ExitStatus } from "@effect-remote/core/Transport"
import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck, Option } from "effect"
import * as message from "../../src/internal/protocol/message.js"

// The same values in every run.
FastCheck.configureGlobal({ seed: 20 })

type Sent = Parameters<typeof message.encode>[0]

const uint32 = FastCheck.oneof(FastCheck.integer({ min: 0, max: 0xffffffff }), FastCheck.constantFrom(0, 0xffffffff))

const data = FastCheck.uint8Array({ maxLength: 100 })

const text = FastCheck.string({ unit: "grapheme", maxLength: 20 })

type Fields<T> = {
  readonly [F in Exclude<keyof Extract<Sent, { readonly _tag: T }>, "_tag">]: FastCheck.Arbitrary<
    Extract<Sent, { readonly _tag: T }>[F]
  >
}

const recipient = uint32

// One for each kind, so that none is forgotten.
const kinds: { readonly [T in Sent["_tag"]]: Fields<T> } = {
  Open: { type: text, sender: uint32, window: uint32, maxPacket: uint32, data },
  Confirm: { recipient, sender: uint32, window: uint32, maxPacket: uint32 },
  Refuse: { recipient, reason: uint32, description: text },
  WindowAdjust: { recipient, bytes: uint32 },
  Data: { recipient, data },
  ExtendedData: { recipient, type: uint32, data },
  Eof: { recipient },
  Close: { recipient },
  Request: { recipient, name: text, wantReply: FastCheck.boolean(), data },
  Success: { recipient },
  Failure: { recipient }
}

const sent = FastCheck.oneof(
  ...Object.entries(kinds).map(([_tag, fields]) =>
    FastCheck.record({ _tag: FastCheck.constant(_tag), ...fields as object })
  )
) as unknown as FastCheck.Arbitrary<Sent>

// Only its end says what these are.
const openEnded = (packet: Sent) => packet._tag === "Open" || packet._tag === "Request" || packet._tag === "Confirm"

// A packet without its length, which is checked.
const body = (packet: Uint8Array): Uint8Array => {
  assert.strictEqual(new DataView(packet.buffer, packet.byteOffset).getUint32(0), packet.length - 4)
  return packet.subarray(4)
}

const isMalformed = (result: Either.Either<unknown, Wire.MalformedError>) =>
  Either.isLeft(result) && result.left instanceof Wire.MalformedError

const isMessageOrMalformed = (result: Either.Either<unknown, Wire.MalformedError>) =>
  Either.isRight(result) || isMalformed(result)

const runs = { fastCheck: { numRuns: 500 } }

describe("message", () => {
  it.prop("comes back from its bytes", { sent }, ({ sent }) => {
    const packet = body(message.encode(sent))
    assert.strictEqual(packet[0], 0)
    assert.deepStrictEqual(message.decode(packet), Either.right(sent))
  }, runs)

  it.prop("comes back from bytes that are a part of something", { sent, around: data }, ({ around, sent }) => {
    const packet = body(message.encode(sent))
    const whole = Buffer.concat([around, packet, around])
    const decoded = message.decode(whole.subarray(around.length, around.length + packet.length))
    assert.deepStrictEqual(
      JSON.stringify(Either.map(decoded, (one) => "data" in one ? { ...one, data: Array.from(one.data) } : one)),
      JSON.stringify(Either.right("data" in sent ? { ...sent, data: Array.from(sent.data) } : sent))
    )
  }, runs)

  it.prop("that ends early is malformed, and so is one that does not end", { sent, more: data }, ({ more, sent }) => {
    const packet = body(message.encode(sent))
    // A message with an open end has data of any length there.
    const least = packet.length - (openEnded(sent) && "data" in sent ? sent.data.length : 0)
    for (let length = 0; length < packet.length; length++) {
      const decoded = message.decode(packet.subarray(0, length))
      assert.isTrue(
        length < least ? isMalformed(decoded) : Either.isRight(decoded),
        `${length} of ${packet.length} bytes`
      )
    }
    if (more.length > 0) {
      const longer = message.decode(Uint8Array.from([...packet, ...more]))
      assert.strictEqual(isMalformed(longer), !openEnded(sent))
    }
  }, runs)

  it.prop("is received the same however the stream is cut", {
    messages: FastCheck.array(sent, { maxLength: 10 }),
    cuts: FastCheck.array(FastCheck.nat({ max: 1000 }), { maxLength: 30 }),
    single: FastCheck.boolean()
  }, ({ cuts, messages, single }) => {
    const stream = Uint8Array.from(messages.flatMap((one) => Array.from(message.encode(one))))
    const ends = single ? Array.from(stream, (_, index) => index + 1) : [...cuts, stream.length].sort((a, b) => a - b)
    const split = Wire.splitter(35000)
    let at = 0
    const found: Array<unknown> = []
    for (const end of ends) {
      for (const packet of split(stream.slice(at, Math.max(at, end)))) {
        found.push(Either.getOrThrow(Either.flatMap(packet, message.decode)))
      }
      at = Math.max(at, end)
    }
    assert.deepStrictEqual(found, messages)
  }, runs)

  it.prop("any bytes are one, or malformed", {
    bytes: FastCheck.uint8Array({ maxLength: 100 }),
    type: FastCheck.integer({ min: 78, max: 102 })
  }, ({ bytes, type }) => {
    assert.isTrue(isMessageOrMalformed(message.decode(bytes)))
    assert.isTrue(isMessageOrMalformed(message.decode(Uint8Array.from([0, type, ...bytes]))))
    assert.isTrue(isMessageOrMalformed(message.decode(Uint8Array.from([0, type, 0, 0, 0, 1, 0, 0, 0, 0, ...bytes]))))
  }, runs)

  it.prop("with some bytes changed it is one, or malformed", {
    sent,
    changes: FastCheck.array(FastCheck.tuple(FastCheck.nat(), FastCheck.integer({ min: 0, max: 255 })), {
      maxLength: 4
    })
  }, ({ changes, sent }) => {
    const bytes = body(message.encode(sent)).slice()
    for (const [at, byte] of changes) bytes[at % bytes.length] = byte
    assert.isTrue(isMessageOrMalformed(message.decode(bytes)))
  }, runs)

  it("believes no length that its packet has no room for", () => {
    for (const length of [0x7fffffff, 0x80000000, 0xffffffff]) {
      for (const type of [80, 90, 92, 94, 95, 98]) {
        const packet = new Wire.Writer().byte(0).byte(type).uint32(length).uint32(length).uint32(length).raw(
          new Uint8Array(1000)
        )
        assert.isTrue(isMalformed(message.decode(packet.bytes())))
      }
    }
  })

  it.each([...Array.from({ length: 80 }, (_, type) => type), 83, 89, 101, 192, 255])(
    "there is none of type %i",
    (type) => {
      assert.isTrue(isMalformed(message.decode(Uint8Array.from([0, type, 0, 0, 0, 0, 0, 0, 0, 0]))))
    }
  )

  it("a global request is passed over, and so is what answers one", () => {
    const request = new Wire.Writer().byte(0).byte(80).string(new TextEncoder().encode("hostkeys-00@openssh.com"))
      .byte(0).raw(new Uint8Array(30))
    assert.deepStrictEqual(
      message.decode(request.bytes()),
      Either.right<message.Message>({ _tag: "GlobalRequest", name: "hostkeys-00@openssh.com" })
    )
    for (const type of [81, 82]) {
      for (const rest of [[], [0, 0, 0, 22]]) {
        assert.deepStrictEqual(
          message.decode(Uint8Array.from([0, type, ...rest])),
          Either.right<message.Message>({ _tag: "GlobalReply" })
        )
      }
    }
  })

  const string = (value: string) => [0, 0, 0, value.length, ...new TextEncoder().encode(value)]

  it.each<readonly [what: string, packet: Sent, bytes: ReadonlyArray<number>]>([
    [
      "open",
      { _tag: "Open", type: "session", sender: 3, window: 0x200000, maxPacket: 0x8000, data: new Uint8Array() },
      [90, ...string("session"), 0, 0, 0, 3, 0, 0x20, 0, 0, 0, 0, 0x80, 0]
    ],
    [
      "open, to a port",
      {
        _tag: "Open",
        type: "direct-tcpip",
        sender: 0,
        window: 1,
        maxPacket: 2,
        data: message.fields("h", 80, "127.0.0.1", 0)
      },
      [
        ...[90, ...string("direct-tcpip"), 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2],
        ...[...string("h"), 0, 0, 0, 80, ...string("127.0.0.1"), 0, 0, 0, 0]
      ]
    ],
    [
      "refuse, with an empty language",
      { _tag: "Refuse", recipient: 5, reason: 1, description: "no" },
      [92, 0, 0, 0, 5, 0, 0, 0, 1, ...string("no"), 0, 0, 0, 0]
    ],
    ["adjust", { _tag: "WindowAdjust", recipient: 1, bytes: 258 }, [93, 0, 0, 0, 1, 0, 0, 1, 2]],
    [
      "data",
      { _tag: "Data", recipient: 1, data: Uint8Array.of(7, 8) },
      [94, 0, 0, 0, 1, 0, 0, 0, 2, 7, 8]
    ],
    [
      "extended data",
      { _tag: "ExtendedData", recipient: 1, type: 1, data: Uint8Array.of(7) },
      [95, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 7]
    ],
    ["end", { _tag: "Eof", recipient: 1 }, [96, 0, 0, 0, 1]],
    ["close", { _tag: "Close", recipient: 0xffffffff }, [97, 255, 255, 255, 255]],
    [
      "request",
      { _tag: "Request", recipient: 2, name: "exec", wantReply: true, data: message.fields("true") },
      [98, 0, 0, 0, 2, ...string("exec"), 1, ...string("true")]
    ],
    ["success", { _tag: "Success", recipient: 2 }, [99, 0, 0, 0, 2]],
    ["failure", { _tag: "Failure", recipient: 2 }, [100, 0, 0, 0, 2]],
    [
      "confirm",
      { _tag: "Confirm", recipient: 1, sender: 2, window: 3, maxPacket: 4 },
      [91, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]
    ]
  ])("is written as RFC 4254 has it, behind a padding of nothing: %s", (_what, packet, bytes) => {
    assert.deepStrictEqual(Array.from(message.encode(packet)), [0, 0, 0, bytes.length + 1, 0, ...bytes])
  })

  it("accepts text that is not UTF-8", () => {
    const packet = new Wire.Writer().byte(0).byte(92).uint32(1).uint32(2).string(Uint8Array.of(0xff)).string(
      new Uint8Array()
    )
    assert.deepStrictEqual(
      message.decode(packet.bytes()),
      Either.right<message.Message>({ _tag: "Refuse", recipient: 1, reason: 2, description: "\ufffd" })
    )
  })
})

describe("fields", () => {
  it.prop("are strings, numbers and booleans in a row", {
    parts: FastCheck.array(FastCheck.oneof(text, uint32, FastCheck.boolean()))
  }, ({ parts }) => {
    const read = Wire.read(message.fields(...parts), (reader) =>
      parts.map((part) =>
        typeof part === "string"
          ? Buffer.from(reader.string()).toString()
          : typeof part === "number"
          ? reader.uint32()
          : reader.byte() === 1
      ))
    assert.deepStrictEqual(read, Either.right(parts))
  })
})

describe("exitStatus", () => {
  it.prop("is a code", { code: uint32 }, ({ code }) => {
    const bytes = message.fields(code)
    assert.deepStrictEqual(message.exitStatus("exit-status", bytes), Either.right(ExitStatus.Code({ code })))
    for (let length = 0; length < 4; length++) {
      assert.isTrue(isMalformed(message.exitStatus("exit-status", bytes.subarray(0, length))))
    }
    assert.isTrue(isMalformed(message.exitStatus("exit-status", Uint8Array.from([...bytes, 0]))))
  })

  it.each(["TERM", "KILL", "XCPU@openssh.com", "BUS@elsewhere.example"])("is a signal: %s", (name) => {
    const bytes = message.fields(name, true, "what the server says of it", "en")
    const signal = Option.some(`SIG${name.replace(/@.*/, "")}`)
    assert.deepStrictEqual(message.exitStatus("exit-signal", bytes), Either.right(ExitStatus.Signal({ signal })))
    for (let length = 0; length < 4 + name.length; length++) {
      assert.isTrue(isMalformed(message.exitStatus("exit-signal", bytes.subarray(0, length))))
    }
  })
})
