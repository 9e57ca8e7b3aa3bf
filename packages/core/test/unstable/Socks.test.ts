import { SocksError, type SocksReason } from "@effect-remote/core/Tunnel"
import * as Socks from "@effect-remote/core/unstable/Socks"
import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck, Option } from "effect"

const latin1 = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0))

const word = (value: number) => [value >> 8, value & 0xff]

const byte = FastCheck.integer({ min: 0, max: 255 })
const port = FastCheck.integer({ min: 0, max: 65535 })
const data = FastCheck.uint8Array({ maxLength: 20 })

const withNone = FastCheck.array(byte, { maxLength: 254 }).map((methods) => [...methods, 0])

const greeting = (methods: ReadonlyArray<number>) => Uint8Array.of(5, methods.length, ...methods)

/** An address as it is sent, and as it reads. */
const address = FastCheck.oneof(
  FastCheck.ipV4().map((host) => ({ host, sent: [1, ...host.split(".").map(Number)] })),
  FastCheck.array(port, { minLength: 8, maxLength: 8 }).map((groups) => ({
    host: new URL(`http://[${groups.map((group) => group.toString(16)).join(":")}]`).hostname.slice(1, -1),
    sent: [4, ...groups.flatMap(word)]
  })),
  FastCheck.string({ unit: "grapheme", maxLength: 6 }).map((host) => {
    const name = new TextEncoder().encode(host)
    return { host, sent: [3, name.length, ...name] }
  })
)

const request = (sent: ReadonlyArray<number>, port: number, command = 1) =>
  Uint8Array.of(5, command, 0, ...sent, ...word(port))

const join = (...parts: ReadonlyArray<Uint8Array>) => Uint8Array.from(parts.flatMap((part) => Array.from(part)))

/** Anything, and what is nearly right. */
const garbage = FastCheck.oneof(
  FastCheck.uint8Array({ maxLength: 300 }),
  FastCheck.tuple(byte, byte, FastCheck.uint8Array({ maxLength: 300 })).map(([first, second, rest]) =>
    join(Uint8Array.of(5, first, 0, second % 5), rest)
  ),
  FastCheck.tuple(withNone, data).map(([methods, rest]) => join(greeting(methods), rest)),
  FastCheck.tuple(address, port, byte, data).map(([{ sent }, port, command, rest]) =>
    join(request(sent, port, command % 4), rest)
  )
)

const decoders = {
  greeting: Socks.decodeGreeting as (bytes: Uint8Array) => Socks.Decoded<unknown>,
  request: Socks.decodeRequest as (bytes: Uint8Array) => Socks.Decoded<unknown>
}

const decided = <A>(decoded: Socks.Decoded<A>) => Either.isLeft(decoded) || Option.isSome(decoded.right)

const failure = <A>(decoded: Socks.Decoded<A>) => Either.isLeft(decoded) ? decoded.left.reason : undefined

const success = <A>(decoded: Socks.Decoded<A>) => Option.getOrThrow(Either.getOrThrow(decoded))

describe("Socks", () => {
  it("accepts a greeting that offers no authentication, and returns the bytes after it", () => {
    FastCheck.assert(FastCheck.property(withNone, data, (methods, rest) => {
      assert.deepStrictEqual(success(Socks.decodeGreeting(join(greeting(methods), rest))), { message: methods, rest })
    }))
  })

  it("decodes the destination of a request, and returns the bytes after it", () => {
    FastCheck.assert(FastCheck.property(address, port, data, ({ host, sent }, port, rest) => {
      const { message, rest: left } = success(Socks.decodeRequest(join(request(sent, port), rest)))
      assert.strictEqual(message.port, port)
      assert.deepStrictEqual(left, rest)
      // Of several runs of zeros either may be left out.
      const same = (text: string) => sent[0] === 4 ? new URL(`http://[${text}]`).hostname : text
      assert.strictEqual(same(message.host), same(host))
    }))
  })

  it("decodes a message at its last byte, and later bytes do not change it", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.constantFrom("greeting", "request"), garbage, (kind, bytes) => {
        const decode = decoders[kind as keyof typeof decoders]
        const whole = decode(bytes)
        const first = Array.from({ length: bytes.length + 1 }, (_, size) => size).find((size) =>
          decided(decode(bytes.subarray(0, size)))
        )
        assert.strictEqual(first !== undefined, decided(whole))
        for (let size = first ?? bytes.length; size <= bytes.length; size++) {
          const part = decode(bytes.subarray(0, size))
          if (Either.isLeft(whole)) {
            assert.strictEqual(failure(part), whole.left.reason)
          } else if (first !== undefined) {
            const { message, rest } = success(part)
            assert.deepStrictEqual(message, success(whole).message)
            assert.deepStrictEqual(rest, bytes.subarray(first, size))
          }
        }
      })
    )
  })

  it("no message is longer than 262 bytes", () => {
    FastCheck.assert(FastCheck.property(FastCheck.uint8Array({ minLength: 262, maxLength: 262 }), (bytes) => {
      bytes[0] = 5
      assert.isTrue(decided(Socks.decodeGreeting(bytes.subarray(0, 257))))
      assert.isTrue(decided(Socks.decodeRequest(bytes)))
    }))
  })

  it("refuses other protocols than SOCKS 5 at their first byte", () => {
    for (const decode of Object.values(decoders)) {
      assert.strictEqual(failure(decode(Uint8Array.of(4, 1, 0, 80, 127, 0, 0, 1, 0))), "Version")
      assert.strictEqual(failure(decode(latin1("GET / HTTP/1.1\r\n"))), "Version")
      assert.strictEqual(failure(decode(Uint8Array.of(0))), "Version")
      assert.isFalse(decided(decode(new Uint8Array())))
    }
  })

  it("names the reason of a refusal", () => {
    assert.strictEqual(failure(Socks.decodeGreeting(greeting([1, 2]))), "Method")
    assert.strictEqual(failure(Socks.decodeGreeting(greeting([]))), "Method")
    const name = [3, 1, 97]
    assert.strictEqual(failure(Socks.decodeRequest(request(name, 80, 2))), "Command")
    assert.strictEqual(failure(Socks.decodeRequest(request(name, 80, 3))), "Command")
    assert.isFalse(decided(Socks.decodeRequest(request(name, 80, 2).subarray(0, -1))))
    assert.strictEqual(failure(Socks.decodeRequest(request([2, 1, 97], 80))), "AddressType")
    assert.strictEqual(failure(Socks.decodeRequest(request([3, 1, 0xff], 80))), "Address")
  })

  it("encodes its answers", () => {
    const refusal = (reason: SocksReason) =>
      Option.getOrUndefined(
        Option.map(Socks.encodeRefusal(new SocksError({ reason, message: "" })), (bytes) => Array.from(bytes))
      )
    assert.deepStrictEqual(Array.from(Socks.encodeMethod()), [5, 0])
    assert.deepStrictEqual(Array.from(Socks.encodeReply("Succeeded")), [5, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    assert.deepStrictEqual(refusal("Method"), [5, 0xff])
    assert.deepStrictEqual(refusal("Command")?.slice(0, 4), [5, 7, 0, 1])
    assert.deepStrictEqual(refusal("AddressType")?.slice(0, 4), [5, 8, 0, 1])
    assert.deepStrictEqual(refusal("Address")?.slice(0, 4), [5, 4, 0, 1])
    assert.isUndefined(refusal("Version"))
    assert.isUndefined(refusal("Ended"))
    assert.isUndefined(refusal("TimedOut"))
  })
})
