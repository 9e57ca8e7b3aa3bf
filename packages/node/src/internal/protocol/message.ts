/**
 * The messages of the SSH connection protocol (RFC 4254) that a client of OpenSSH's proxy mode sends and receives
 * (`PROTOCOL.mux`, section 3). The master encrypts them as payloads of packets.
 */
import * as Wire from "@effect-remote/core/protocol/Wire"
import { ExitStatus } from "@effect-remote/core/Transport"
import type * as Either from "effect/Either"
import * as Option from "effect/Option"

/** @internal */
export type Message =
  | { readonly _tag: "GlobalRequest"; readonly name: string }
  | {
    readonly _tag: "Open"
    readonly type: string
    readonly sender: number
    readonly window: number
    readonly maxPacket: number
    readonly data: Uint8Array
  }
  | {
    readonly _tag: "Confirm"
    readonly recipient: number
    readonly sender: number
    readonly window: number
    readonly maxPacket: number
  }
  | { readonly _tag: "Refuse"; readonly recipient: number; readonly reason: number; readonly description: string }
  | { readonly _tag: "WindowAdjust"; readonly recipient: number; readonly bytes: number }
  | { readonly _tag: "Data"; readonly recipient: number; readonly data: Uint8Array }
  | { readonly _tag: "ExtendedData"; readonly recipient: number; readonly type: number; readonly data: Uint8Array }
  | { readonly _tag: "Eof"; readonly recipient: number }
  | { readonly _tag: "Close"; readonly recipient: number }
  | {
    readonly _tag: "Request"
    readonly recipient: number
    readonly name: string
    readonly wantReply: boolean
    readonly data: Uint8Array
  }
  | { readonly _tag: "Success"; readonly recipient: number }
  | { readonly _tag: "Failure"; readonly recipient: number }
  /** The answer to a global request. This client does not send any. */
  | { readonly _tag: "GlobalReply" }

const types = {
  GlobalRequest: 80,
  GlobalSuccess: 81,
  GlobalFailure: 82,
  Open: 90,
  Confirm: 91,
  Refuse: 92,
  WindowAdjust: 93,
  Data: 94,
  ExtendedData: 95,
  Eof: 96,
  Close: 97,
  Request: 98,
  Success: 99,
  Failure: 100
} as const

const utf8 = new TextEncoder()

const text = (reader: Wire.Reader): string => Buffer.from(reader.string()).toString("utf8")

// Each packet has its padding length, 0 here, between its length and its payload.
const packet = (capacity: number, put: (writer: Wire.Writer) => Wire.Writer): Uint8Array => {
  const bytes = put(new Wire.Writer(capacity + 16).uint32(0).byte(0)).bytes()
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, bytes.length - 4)
  return bytes
}

/**
 * The header of a data packet. The data is written after it, without a copy.
 *
 * @internal
 */
export const dataHeader = (recipient: number, length: number): Uint8Array =>
  new Wire.Writer(14).uint32(length + 10).byte(0).byte(types.Data).uint32(recipient).uint32(length).bytes()

/**
 * Encodes a message as a packet, with its length.
 *
 * @internal
 */
export const encode = (message: Exclude<Message, { readonly _tag: "GlobalRequest" | "GlobalReply" }>): Uint8Array => {
  switch (message._tag) {
    case "Open":
      return packet(
        message.data.length + 64,
        (writer) =>
          writer.byte(types.Open).string(utf8.encode(message.type)).uint32(message.sender).uint32(message.window)
            .uint32(message.maxPacket).raw(message.data)
      )
    case "Confirm":
      return packet(
        32,
        (writer) =>
          writer.byte(types.Confirm).uint32(message.recipient).uint32(message.sender).uint32(message.window)
            .uint32(message.maxPacket)
      )
    case "Refuse":
      return packet(64, (writer) =>
        writer.byte(types.Refuse).uint32(message.recipient).uint32(message.reason)
          .string(utf8.encode(message.description)).string(new Uint8Array()))
    case "WindowAdjust":
      return packet(16, (writer) => writer.byte(types.WindowAdjust).uint32(message.recipient).uint32(message.bytes))
    case "Data":
      return packet(
        message.data.length + 16,
        (writer) => writer.byte(types.Data).uint32(message.recipient).string(message.data)
      )
    case "ExtendedData":
      return packet(
        message.data.length + 16,
        (writer) => writer.byte(types.ExtendedData).uint32(message.recipient).uint32(message.type).string(message.data)
      )
    case "Request":
      return packet(
        message.data.length + 64,
        (writer) =>
          writer.byte(types.Request).uint32(message.recipient).string(utf8.encode(message.name))
            .byte(message.wantReply ? 1 : 0).raw(message.data)
      )
    case "Eof":
    case "Close":
    case "Success":
    case "Failure":
      return packet(16, (writer) => writer.byte(types[message._tag]).uint32(message.recipient))
  }
}

/**
 * Decodes the message in a packet without its length (see `Wire.splitter`).
 *
 * @internal
 */
export const decode = (bytes: Uint8Array): Either.Either<Message, Wire.MalformedError> =>
  Wire.read(bytes, (reader): Message => {
    reader.byte()
    const type = reader.byte()
    switch (type) {
      case types.GlobalRequest: {
        const name = text(reader)
        reader.rest()
        return { _tag: "GlobalRequest", name }
      }
      case types.Open:
        return {
          _tag: "Open",
          type: text(reader),
          sender: reader.uint32(),
          window: reader.uint32(),
          maxPacket: reader.uint32(),
          data: reader.rest()
        }
      case types.Confirm: {
        const confirm = {
          _tag: "Confirm",
          recipient: reader.uint32(),
          sender: reader.uint32(),
          window: reader.uint32(),
          maxPacket: reader.uint32()
        } as const
        reader.rest()
        return confirm
      }
      case types.Refuse: {
        const refuse = {
          _tag: "Refuse",
          recipient: reader.uint32(),
          reason: reader.uint32(),
          description: text(reader)
        } as const
        reader.string()
        return refuse
      }
      case types.WindowAdjust:
        return { _tag: "WindowAdjust", recipient: reader.uint32(), bytes: reader.uint32() }
      case types.Data:
        return { _tag: "Data", recipient: reader.uint32(), data: reader.string() }
      case types.ExtendedData:
        return { _tag: "ExtendedData", recipient: reader.uint32(), type: reader.uint32(), data: reader.string() }
      case types.Request:
        return {
          _tag: "Request",
          recipient: reader.uint32(),
          name: text(reader),
          wantReply: reader.byte() !== 0,
          data: reader.rest()
        }
      case types.Eof:
        return { _tag: "Eof", recipient: reader.uint32() }
      case types.Close:
        return { _tag: "Close", recipient: reader.uint32() }
      case types.Success:
        return { _tag: "Success", recipient: reader.uint32() }
      case types.Failure:
        return { _tag: "Failure", recipient: reader.uint32() }
      case types.GlobalSuccess:
      case types.GlobalFailure:
        reader.rest()
        return { _tag: "GlobalReply" }
      default:
        throw new Wire.MalformedError({ message: `an unexpected message of type ${type}` })
    }
  })

/**
 * The exit status of a command (RFC 4254, section 6.10). OpenSSH adds a suffix to signals that the RFC does not name.
 *
 * @internal
 */
export const exitStatus = (
  name: "exit-status" | "exit-signal",
  data: Uint8Array
): Either.Either<ExitStatus, Wire.MalformedError> =>
  Wire.read(data, (reader): ExitStatus => {
    if (name === "exit-status") return ExitStatus.Code({ code: reader.uint32() })
    const signal = text(reader).replace(/@.*$/, "")
    reader.rest()
    return ExitStatus.Signal({ signal: Option.some(`SIG${signal}`) })
  })

/**
 * Encodes the data of a request, or of a channel to open: strings, numbers and booleans.
 *
 * @internal
 */
export const fields = (...parts: ReadonlyArray<string | number | boolean>): Uint8Array =>
  parts.reduce<Wire.Writer>((writer, part) =>
    typeof part === "string"
      ? writer.string(utf8.encode(part))
      : typeof part === "number"
      ? writer.uint32(part)
      : writer.byte(part ? 1 : 0), new Wire.Writer()).bytes()
