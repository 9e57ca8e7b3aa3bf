/**
 * SOCKS 5 (RFC 1928) as a server speaks it that asks for no authentication and only connects: a client says which methods
 * it knows, is told the one to use, says where to connect, and is told how that went. What it sends then is data.
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
 * What all the bytes that a client has sent so far come to: `None` as long as there are too few of them, then the message
 * and what is behind it, which no further bytes change.
 *
 * @since 0.1.0
 * @category models
 */
export type Decoded<A> = Either.Either<Option.Option<{ readonly message: A; readonly rest: Uint8Array }>, SocksError>

/**
 * A host, which is a name or an address, and a port. Whether there can be such a host is not looked at.
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
 * How a client is told that a request went (RFC 1928, section 6).
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
    : refuse("Version", bytes[0] === 4 ? "the client speaks SOCKS 4, not 5" : "what the client speaks is not SOCKS 5")

/**
 * The first message of a client: the methods of authentication that it knows, of which "none" must be one.
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

// As RFC 5952 writes them, but for which of several runs of zeros is left out.
const ipv6 = (bytes: Uint8Array): string => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(2 * index).toString(16))
  return groups.join(":").replace(/(^|:)0(:0)+(:|$)/, "::")
}

/**
 * The second message of a client: where to connect. One that asks for another command is read to its end first, so that
 * its refusal reaches the client: closing with bytes unread would reset the connection.
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
        ? refuse("AddressType", `the client gives an address of type ${addressType}, which is none`)
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
        catch: () => new SocksError({ reason: "Address", message: "the client gives a name that is no UTF-8" })
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
 * The answer to a request. It tells no address that the host's side is bound to, since nobody knows it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const encodeReply = (reply: Reply): Uint8Array =>
  new Wire.Writer(10).byte(version).byte(replies[reply]).byte(0).byte(addressTypes.ipv4).raw(new Uint8Array(6)).bytes()

/**
 * How a client that cannot be served is told so; nothing is said to one that does not speak SOCKS 5, or no more.
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
