/**
 * Messages on the control socket of OpenSSH's master (OpenSSH's `PROTOCOL.mux`). A packet is a length and a body.
 */
import * as Wire from "@effect-remote/core/protocol/Wire"
import type * as Either from "effect/Either"

const types = {
  hello: 0x00000001,
  proxy: 0x1000000f,
  aliveCheck: 0x10000004,
  openForward: 0x10000006,
  closeForward: 0x10000007,
  ok: 0x80000001,
  permissionDenied: 0x80000002,
  failure: 0x80000003,
  alive: 0x80000005,
  remotePort: 0x80000007,
  proxied: 0x8000000f
} as const

const version = 4

// Port number that means a unix socket. The name is then its path.
const unixSocket = 0xfffffffe

const remoteForward = 2

/** @internal */
export type Address =
  | { readonly host: string; readonly port: number }
  | { readonly path: string }

/** @internal */
export type Request =
  | { readonly _tag: "Proxy" }
  | { readonly _tag: "AliveCheck" }
  /** The host listens, and the master connects to `target` for each connection there. */
  | { readonly _tag: "OpenForward" | "CloseForward"; readonly listen: Address; readonly target: Address }

/** @internal */
export type Answer =
  | { readonly _tag: "Hello"; readonly version: number }
  | { readonly _tag: "Proxied" }
  | { readonly _tag: "Ok" }
  | { readonly _tag: "Alive"; readonly pid: number }
  | { readonly _tag: "RemotePort"; readonly port: number }
  | { readonly _tag: "Failed"; readonly detail: string }

/**
 * Maximum length of an answer, in bytes.
 *
 * @internal
 */
export const longestAnswer = 256 * 1024

const utf8 = new TextEncoder()

const packet = (put: (writer: Wire.Writer) => Wire.Writer): Uint8Array => {
  const bytes = put(new Wire.Writer().uint32(0)).bytes()
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, bytes.length - 4)
  return bytes
}

const address = (writer: Wire.Writer, address: Address): Wire.Writer =>
  "path" in address
    ? writer.string(utf8.encode(address.path)).uint32(unixSocket)
    : writer.string(utf8.encode(address.host)).uint32(address.port)

/** @internal */
export const hello = (): Uint8Array => packet((writer) => writer.uint32(types.hello).uint32(version))

/** @internal */
export const encode = (id: number, request: Request): Uint8Array =>
  packet((writer) => {
    if (request._tag === "Proxy") return writer.uint32(types.proxy).uint32(id)
    if (request._tag === "AliveCheck") return writer.uint32(types.aliveCheck).uint32(id)
    writer.uint32(request._tag === "OpenForward" ? types.openForward : types.closeForward).uint32(id)
      .uint32(remoteForward)
    return address(address(writer, request.listen), request.target)
  })

const text = (reader: Wire.Reader): string => Buffer.from(reader.string()).toString("utf8")

/** @internal */
export const decode = (bytes: Uint8Array): Either.Either<Answer, Wire.MalformedError> =>
  Wire.read(bytes, (reader): Answer => {
    const type = reader.uint32()
    const number = reader.uint32()
    switch (type) {
      case types.hello:
        reader.rest()
        return { _tag: "Hello", version: number }
      case types.proxied:
        return { _tag: "Proxied" }
      case types.ok:
        return { _tag: "Ok" }
      case types.alive:
        return { _tag: "Alive", pid: reader.uint32() }
      case types.remotePort:
        return { _tag: "RemotePort", port: reader.uint32() }
      case types.permissionDenied:
      case types.failure:
        return { _tag: "Failed", detail: text(reader) }
      default:
        throw new Wire.MalformedError({ message: `an unexpected answer of type ${type}` })
    }
  })
