/**
 * The server's side of SOCKS 5 (RFC 1928), without authentication and with CONNECT alone. The client sends a greeting with the
 * methods that it knows, and the server answers with one method. The client then sends the destination, and the server
 * replies with the outcome. Everything after that is data.
 *
 * Unstable: shared by this library's packages, and may change in any release.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Wire from "../protocol/Wire.js"
import { SocksError, type SocksReason } from "../Tunnel.js"

/**
 * The result of decoding all bytes that a client has sent so far. `None`: the message is incomplete. `Some`: the message, and
 * the bytes after it as `rest`. More bytes do not change a complete message.
 *
 * @since 0.1.0
 * @category models
 */
export type Decoded<A> = Either.Either<Option.Option<{ readonly message: A; readonly rest: Uint8Array }>, SocksError>

/**
 * A host name or address, and a port. It is not checked whether the host can exist.
 *
 * @since 0.1.0
 * @category models
 */
export interface Destination {
  readonly host: string
  readonly port: number
}

const version = 5
const noAuthentication = 0x00
const noAcceptableMethod = 0xff
const connect = 0x01
const addressTypes = { ipv4: 0x01, name: 0x03, ipv6: 0x04 }

const replies = {
  Succeeded: 0x00,
  GeneralFailure: 0x01,
  NotAllowed: 0x02,
  NetworkUnreachable: 0x03,
  HostUnreachable: 0x04,
  ConnectionRefused: 0x05,
  CommandNotSupported: 0x07,
  AddressTypeNotSupported: 0x08
} as const

/**
 * The outcome of a request, as the reply reports it (RFC 1928, section 6).
 *
 * @since 0.1.0
 * @category models
 */
export type Reply = keyof typeof replies

const refuse = (reason: SocksReason, message: string) => Either.left(new SocksError({ reason, message }))

const incomplete: Decoded<never> = Either.right(Option.none())

const complete = <A>(bytes: Uint8Array, length: number, message: () => A): Decoded<A> =>
  bytes.length < length ? incomplete : Either.right(Option.some({ message: message(), rest: bytes.subarray(length) }))

const checkVersion = (bytes: Uint8Array): Either.Either<void, SocksError> =>
  bytes.length === 0 || bytes[0] === version
    ? Either.void
    : refuse("Version", bytes[0] === 4 ? "the client speaks SOCKS 4, not 5" : "the client does not speak SOCKS 5")

/**
 * Decodes the first message of a client: the authentication methods that it knows. "No authentication" must be one of them.
 *
 * @since 0.1.0
 * @category constructors
 */
export const decodeGreeting = (bytes: Uint8Array): Decoded<ReadonlyArray<number>> =>
  Either.flatMap(checkVersion(bytes), (): Decoded<ReadonlyArray<number>> => {
    const [, count] = bytes
    if (count === undefined || bytes.length < 2 + count) return incomplete
    const methods = Array.from(bytes.subarray(2, 2 + count))
    return methods.includes(noAuthentication)
      ? complete(bytes, 2 + count, () => methods)
      : refuse("Method", "the client wants to authenticate, and this proxy has no users")
  })

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

// The format of RFC 5952, except for the choice among several runs of zeros.
const ipv6 = (bytes: Uint8Array): string => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(2 * index).toString(16))
  return groups.join(":").replace(/(^|:)0(:0)+(:|$)/, "::")
}

/**
 * Decodes the second message of a client: the destination. A request for another command is first read to its end: closing
 * with unread bytes would reset the connection, and the client would not receive the refusal.
 *
 * @since 0.1.0
 * @category constructors
 */
export const decodeRequest = (bytes: Uint8Array): Decoded<Destination> =>
  Either.flatMap(checkVersion(bytes), (): Decoded<Destination> => {
    const [, command, , addressType, size] = bytes
    if (addressType === undefined) return incomplete
    const otherCommand = refuse("Command", `the client asks for command ${command}, and this proxy only connects`)

    const at = addressType === addressTypes.name ? 5 : 4
    const length = addressType === addressTypes.ipv4
      ? 4
      : addressType === addressTypes.ipv6
      ? 16
      : addressType === addressTypes.name
      ? size ?? Infinity
      : undefined
    if (length === undefined) {
      return command === connect
        ? refuse("AddressType", `the client gives an address of unknown type ${addressType}`)
        : otherCommand
    }
    const end = at + length + 2
    if (bytes.length < end) return incomplete
    if (command !== connect) return otherCommand
    const address = bytes.subarray(at, at + length)
    const port = bytes[end - 2]! * 256 + bytes[end - 1]!
    if (addressType === addressTypes.ipv4) return complete(bytes, end, () => ({ host: address.join("."), port }))
    if (addressType === addressTypes.ipv6) return complete(bytes, end, () => ({ host: ipv6(address), port }))
    return Either.flatMap(
      Either.try({
        try: () => strict.decode(address),
        catch: () => new SocksError({ reason: "Address", message: "the client gives a name that is not UTF-8" })
      }),
      (host) => complete(bytes, end, () => ({ host, port }))
    )
  })

/**
 * The answer to a greeting: no authentication.
 *
 * @since 0.1.0
 * @category constructors
 */
export const encodeMethod = (): Uint8Array => new Wire.Writer(2).byte(version).byte(noAuthentication).bytes()

/**
 * The answer to a request. Its bound address is all zeros, because the address on the host's side is unknown.
 *
 * @since 0.1.0
 * @category constructors
 */
export const encodeReply = (reply: Reply): Uint8Array =>
  new Wire.Writer(10).byte(version).byte(replies[reply]).byte(0).byte(addressTypes.ipv4).raw(new Uint8Array(6)).bytes()

/**
 * The refusal for a client that cannot be served. `None` if the client does not speak SOCKS 5, or no longer answers.
 *
 * @since 0.1.0
 * @category constructors
 */
export const encodeRefusal = ({ reason }: SocksError): Option.Option<Uint8Array> => {
  switch (reason) {
    case "Method":
      return Option.some(new Wire.Writer(2).byte(version).byte(noAcceptableMethod).bytes())
    case "Command":
      return Option.some(encodeReply("CommandNotSupported"))
    case "AddressType":
      return Option.some(encodeReply("AddressTypeNotSupported"))
    case "Address":
      return Option.some(encodeReply("HostUnreachable"))
    case "Version":
    case "Ended":
    case "TimedOut":
      return Option.none()
  }
}
