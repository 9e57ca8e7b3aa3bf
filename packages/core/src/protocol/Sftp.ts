/**
 * The SSH File Transfer Protocol, version 3 (draft-ietf-secsh-filexfer-02), with OpenSSH's extensions (`PROTOCOL`, section
 * 4): pure functions between packets and values, for clients and servers.
 *
 * Names are bytes on the wire and strings here. Bytes that are not UTF-8 become lone surrogates, U+DC80 to U+DCFF.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Either from "effect/Either"
import * as text from "../internal/lib/text.js"
import * as Wire from "./Wire.js"

/**
 * Attributes of a file (section 5). All are optional, but `uid` needs `gid`, and `atime` needs `mtime`. Times are whole
 * seconds since 1970.
 *
 * @since 0.1.0
 * @category models
 */
export interface Attributes {
  readonly size?: bigint
  readonly uid?: number
  readonly gid?: number
  /** Type and permission bits, as `st_mode` of POSIX. */
  readonly permissions?: number
  readonly atime?: number
  readonly mtime?: number
  readonly extended?: ReadonlyArray<readonly [type: string, data: Uint8Array]>
}

/**
 * The flags of `Open` (section 6.3).
 *
 * @since 0.1.0
 * @category constants
 */
export const OpenFlags = {
  read: 0x01,
  write: 0x02,
  append: 0x04,
  create: 0x08,
  truncate: 0x10,
  exclusive: 0x20
} as const

/**
 * The codes of `Status` (section 7).
 *
 * @since 0.1.0
 * @category constants
 */
export const StatusCode = {
  ok: 0,
  eof: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  noConnection: 6,
  connectionLost: 7,
  unsupported: 8
} as const

/**
 * Requests of a client (sections 4 and 6), and OpenSSH's extended requests. `Extended` is any other extended request.
 *
 * @since 0.1.0
 * @category models
 */
export type Request = Data.TaggedEnum<{
  readonly Open: { readonly path: string; readonly flags: number; readonly attributes: Attributes }
  readonly Close: { readonly handle: Uint8Array }
  readonly Read: { readonly handle: Uint8Array; readonly offset: bigint; readonly length: number }
  readonly Write: { readonly handle: Uint8Array; readonly offset: bigint; readonly data: Uint8Array }
  readonly Lstat: { readonly path: string }
  readonly Fstat: { readonly handle: Uint8Array }
  readonly Setstat: { readonly path: string; readonly attributes: Attributes }
  readonly Fsetstat: { readonly handle: Uint8Array; readonly attributes: Attributes }
  readonly Opendir: { readonly path: string }
  readonly Readdir: { readonly handle: Uint8Array }
  readonly Remove: { readonly path: string }
  readonly Mkdir: { readonly path: string; readonly attributes: Attributes }
  readonly Rmdir: { readonly path: string }
  readonly Realpath: { readonly path: string }
  readonly Stat: { readonly path: string }
  readonly Rename: { readonly from: string; readonly to: string }
  readonly Readlink: { readonly path: string }
  /** `target` first, as OpenSSH has it; the draft has the two the other way round. */
  readonly Symlink: { readonly target: string; readonly path: string }
  /** `posix-rename@openssh.com`: replaces the target in one step. */
  readonly PosixRename: { readonly from: string; readonly to: string }
  /** `hardlink@openssh.com` */
  readonly Hardlink: { readonly from: string; readonly to: string }
  /** `fsync@openssh.com` */
  readonly Fsync: { readonly handle: Uint8Array }
  /** `statvfs@openssh.com`, answered by `ExtendedReply` with `decodeFileSystem`. */
  readonly Statvfs: { readonly path: string }
  /** `fstatvfs@openssh.com` */
  readonly Fstatvfs: { readonly handle: Uint8Array }
  /** `lsetstat@openssh.com`: as `Setstat`, without following a link. */
  readonly Lsetstat: { readonly path: string; readonly attributes: Attributes }
  /** `limits@openssh.com`, answered by `ExtendedReply` with `decodeLimits`. */
  readonly Limits: {}
  /** `expand-path@openssh.com`: as `Realpath`, with `~` expanded. */
  readonly ExpandPath: { readonly path: string }
  /** `copy-data`: within the server; a length of 0 means to the end. */
  readonly CopyData: {
    readonly from: Uint8Array
    readonly fromOffset: bigint
    readonly length: bigint
    readonly to: Uint8Array
    readonly toOffset: bigint
  }
  readonly Extended: { readonly name: string; readonly data: Uint8Array }
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const Request = Data.taggedEnum<Request>()

/**
 * One entry of `Name`. `longname` is a line like that of `ls -l`, in a format that the protocol does not define.
 *
 * @since 0.1.0
 * @category models
 */
export interface Entry {
  readonly filename: string
  readonly longname: string
  readonly attributes: Attributes
}

/**
 * Answers of a server (section 7).
 *
 * @since 0.1.0
 * @category models
 */
export type Response = Data.TaggedEnum<{
  readonly Status: { readonly code: number; readonly message: string }
  readonly Handle: { readonly handle: Uint8Array }
  readonly Data: { readonly data: Uint8Array }
  readonly Name: { readonly entries: ReadonlyArray<Entry> }
  readonly Attrs: { readonly attributes: Attributes }
  readonly ExtendedReply: { readonly data: Uint8Array }
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const Response = Data.taggedEnum<Response>()

/**
 * A request or a response with its id, which is the same in both.
 *
 * @since 0.1.0
 * @category models
 */
export interface Numbered<out A> {
  readonly id: number
  readonly packet: A
}

/**
 * The first packet of each side (section 4): `Init` from the client, `Version` from the server.
 *
 * @since 0.1.0
 * @category models
 */
export interface Hello {
  readonly version: number
  readonly extensions: ReadonlyArray<readonly [name: string, data: string]>
}

/**
 * The answer to `limits@openssh.com`. 0 means unlimited.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limits {
  readonly packet: bigint
  readonly read: bigint
  readonly write: bigint
  readonly handles: bigint
}

/**
 * The answer to `statvfs@openssh.com`, with the fields of POSIX's `struct statvfs`.
 *
 * @since 0.1.0
 * @category models
 */
export interface FileSystemInfo {
  readonly bsize: bigint
  readonly frsize: bigint
  readonly blocks: bigint
  readonly bfree: bigint
  readonly bavail: bigint
  readonly files: bigint
  readonly ffree: bigint
  readonly favail: bigint
  readonly fsid: bigint
  readonly flag: bigint
  readonly namemax: bigint
}

/**
 * OpenSSH's extensions, with the version of each that this module implements. A server's `Hello` lists those that it
 * supports.
 *
 * @since 0.1.0
 * @category constants
 */
export const extensions = {
  posixRename: ["posix-rename@openssh.com", "1"],
  hardlink: ["hardlink@openssh.com", "1"],
  fsync: ["fsync@openssh.com", "1"],
  statvfs: ["statvfs@openssh.com", "2"],
  fstatvfs: ["fstatvfs@openssh.com", "2"],
  lsetstat: ["lsetstat@openssh.com", "1"],
  limits: ["limits@openssh.com", "1"],
  expandPath: ["expand-path@openssh.com", "1"],
  copyData: ["copy-data", "1"]
} as const

/**
 * Maximum length of a packet that OpenSSH's client and server accept (`SFTP_MAX_MSG_LENGTH`), without the length field.
 *
 * @since 0.1.0
 * @category constants
 */
export const longestPacket = 256 * 1024

/**
 * Maximum length of a name or path in a response, in bytes (`PATH_MAX` of Linux). `decodeResponse` fails on longer ones.
 *
 * @since 0.1.0
 * @category constants
 */
export const longestName = 4096

/**
 * Maximum length of a handle in a response, in bytes (section 6.3). `decodeResponse` fails on longer ones.
 *
 * @since 0.1.0
 * @category constants
 */
export const longestHandle = 256

const attributeFlags = { size: 0x01, owner: 0x02, permissions: 0x04, times: 0x08, extended: 0x80000000 } as const

/**
 * Encodes a name as bytes.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeName: (name: string) => Uint8Array = text.encode

/**
 * Decodes bytes as a name. Every byte sequence is valid.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeName: (bytes: Uint8Array) => string = text.decode

const putText = (writer: Wire.Writer, value: string) => writer.string(text.encode(value))
const takeText = (reader: Wire.Reader) => text.decode(reader.string())

const takeBounded = (reader: Wire.Reader, what: string, most: number): Uint8Array => {
  const bytes = reader.string()
  return bytes.length <= most ? bytes : malformed(`a ${what} has ${bytes.length} bytes, more than ${most}`)
}

const putAttributes = (writer: Wire.Writer, attributes: Attributes): Wire.Writer => {
  const { atime, extended, gid, mtime, permissions, size, uid } = attributes
  const owner = uid !== undefined && gid !== undefined
  const times = atime !== undefined && mtime !== undefined
  writer.uint32(
    (size === undefined ? 0 : attributeFlags.size) |
      (owner ? attributeFlags.owner : 0) |
      (permissions === undefined ? 0 : attributeFlags.permissions) |
      (times ? attributeFlags.times : 0) |
      (extended === undefined ? 0 : attributeFlags.extended)
  )
  if (size !== undefined) writer.uint64(size)
  if (owner) writer.uint32(uid).uint32(gid)
  if (permissions !== undefined) writer.uint32(permissions)
  if (times) writer.uint32(atime).uint32(mtime)
  if (extended !== undefined) {
    writer.uint32(extended.length)
    for (const [type, data] of extended) putText(writer, type).string(data)
  }
  return writer
}

const takeAttributes = (reader: Wire.Reader): Attributes => {
  const flags = reader.uint32()
  const has = (flag: number) => (flags & flag) !== 0
  const attributes: { -readonly [K in keyof Attributes]: Attributes[K] } = {}
  if (has(attributeFlags.size)) attributes.size = reader.uint64()
  if (has(attributeFlags.owner)) {
    attributes.uid = reader.uint32()
    attributes.gid = reader.uint32()
  }
  if (has(attributeFlags.permissions)) attributes.permissions = reader.uint32()
  if (has(attributeFlags.times)) {
    attributes.atime = reader.uint32()
    attributes.mtime = reader.uint32()
  }
  if (has(attributeFlags.extended)) {
    attributes.extended = takeMany(reader, 8, (entry) => [takeText(entry), entry.string()] as const)
  }
  return attributes
}

// A count is checked against the remaining bytes before memory is allocated.
const takeMany = <A>(reader: Wire.Reader, least: number, take: (reader: Wire.Reader) => A): Array<A> => {
  const count = reader.uint32()
  if (count * least > reader.remaining) {
    throw new Wire.MalformedError({ message: `a packet claims ${count} entries in ${reader.remaining} bytes` })
  }
  return Array.from({ length: count }, () => take(reader))
}

// The encoding of each kind of packet, after its type and number. The type is a number, or the name of an extended request.
type Forms<P extends { readonly _tag: string }> = {
  readonly [K in P["_tag"]]: readonly [
    type: number | string,
    put: (writer: Wire.Writer, packet: Extract<P, { readonly _tag: K }>) => Wire.Writer,
    take: (reader: Wire.Reader) => Omit<Extract<P, { readonly _tag: K }>, "_tag">
  ]
}

const byPath = [
  (writer: Wire.Writer, { path }: { readonly path: string }) => putText(writer, path),
  (reader: Wire.Reader) => ({ path: takeText(reader) })
] as const

const byHandle = [
  (writer: Wire.Writer, { handle }: { readonly handle: Uint8Array }) => writer.string(handle),
  (reader: Wire.Reader) => ({ handle: reader.string() })
] as const

const fromTo = [
  (writer: Wire.Writer, { from, to }: { readonly from: string; readonly to: string }) =>
    putText(putText(writer, from), to),
  (reader: Wire.Reader) => ({ from: takeText(reader), to: takeText(reader) })
] as const

const pathAttributes = [
  (writer: Wire.Writer, { attributes, path }: { readonly path: string; readonly attributes: Attributes }) =>
    putAttributes(putText(writer, path), attributes),
  (reader: Wire.Reader) => ({ path: takeText(reader), attributes: takeAttributes(reader) })
] as const

const extendedRequest = 200

const requestForms: Forms<Request> = {
  Open: [
    3,
    (writer, { attributes, flags, path }) => putAttributes(putText(writer, path).uint32(flags), attributes),
    (reader) => ({ path: takeText(reader), flags: reader.uint32(), attributes: takeAttributes(reader) })
  ],
  Close: [4, ...byHandle],
  Read: [
    5,
    (writer, { handle, length, offset }) => writer.string(handle).uint64(offset).uint32(length),
    (reader) => ({ handle: reader.string(), offset: reader.uint64(), length: reader.uint32() })
  ],
  Write: [
    6,
    (writer, { data, handle, offset }) => writer.string(handle).uint64(offset).string(data),
    (reader) => ({ handle: reader.string(), offset: reader.uint64(), data: reader.string() })
  ],
  Lstat: [7, ...byPath],
  Fstat: [8, ...byHandle],
  Setstat: [9, ...pathAttributes],
  Fsetstat: [
    10,
    (writer, { attributes, handle }) => putAttributes(writer.string(handle), attributes),
    (reader) => ({ handle: reader.string(), attributes: takeAttributes(reader) })
  ],
  Opendir: [11, ...byPath],
  Readdir: [12, ...byHandle],
  Remove: [13, ...byPath],
  Mkdir: [14, ...pathAttributes],
  Rmdir: [15, ...byPath],
  Realpath: [16, ...byPath],
  Stat: [17, ...byPath],
  Rename: [18, ...fromTo],
  Readlink: [19, ...byPath],
  Symlink: [
    20,
    (writer, { path, target }) => putText(putText(writer, target), path),
    (reader) => ({ target: takeText(reader), path: takeText(reader) })
  ],
  PosixRename: [extensions.posixRename[0], ...fromTo],
  Hardlink: [extensions.hardlink[0], ...fromTo],
  Fsync: [extensions.fsync[0], ...byHandle],
  Statvfs: [extensions.statvfs[0], ...byPath],
  Fstatvfs: [extensions.fstatvfs[0], ...byHandle],
  Lsetstat: [extensions.lsetstat[0], ...pathAttributes],
  Limits: [extensions.limits[0], (writer) => writer, () => ({})],
  ExpandPath: [extensions.expandPath[0], ...byPath],
  CopyData: [
    extensions.copyData[0],
    (writer, { from, fromOffset, length, to, toOffset }) =>
      writer.string(from).uint64(fromOffset).uint64(length).string(to).uint64(toOffset),
    (reader) => ({
      from: reader.string(),
      fromOffset: reader.uint64(),
      length: reader.uint64(),
      to: reader.string(),
      toOffset: reader.uint64()
    })
  ],
  Extended: [
    extendedRequest,
    (writer, { data, name }) => putText(writer, name).raw(data),
    (reader) => ({ name: takeText(reader), data: reader.rest() })
  ]
}

const responseForms: Forms<Response> = {
  Status: [
    101,
    (writer, { code, message }) => putText(putText(writer.uint32(code), message), ""),
    // Servers of before version 3 leave out the message and its language.
    (reader) => {
      const code = reader.uint32()
      const message = reader.remaining === 0 ? "" : takeText(reader)
      if (reader.remaining > 0) reader.string()
      return { code, message }
    }
  ],
  Handle: [102, byHandle[0], (reader) => ({ handle: takeBounded(reader, "handle", longestHandle) })],
  Data: [
    103,
    (writer, { data }) => writer.string(data),
    (reader) => ({ data: reader.string() })
  ],
  Name: [
    104,
    (writer, { entries }) => {
      writer.uint32(entries.length)
      for (const { attributes, filename, longname } of entries) {
        putAttributes(putText(putText(writer, filename), longname), attributes)
      }
      return writer
    },
    (reader) => ({
      entries: takeMany(reader, 12, (entry) => ({
        filename: text.decode(takeBounded(entry, "name", longestName)),
        // A line of `ls -l`, which contains the name.
        longname: text.decode(takeBounded(entry, "line of a listing", 2 * longestName)),
        attributes: takeAttributes(entry)
      }))
    })
  ],
  Attrs: [
    105,
    (writer, { attributes }) => putAttributes(writer, attributes),
    (reader) => ({ attributes: takeAttributes(reader) })
  ],
  ExtendedReply: [
    201,
    (writer, { data }) => writer.raw(data),
    (reader) => ({ data: reader.rest() })
  ]
}

interface Codec<P> {
  readonly encode: (id: number, packet: P) => Uint8Array
  readonly decode: (packet: Uint8Array) => Either.Either<Numbered<P>, Wire.MalformedError>
}

type AnyForm<P> = readonly [
  type: number | string,
  put: (writer: Wire.Writer, packet: P) => Wire.Writer,
  take: (reader: Wire.Reader) => object
]

// The length field comes first, but is known last.
const framed = (capacity: number, put: (writer: Wire.Writer) => Wire.Writer): Uint8Array => {
  const packet = put(new Wire.Writer(capacity).uint32(0)).bytes()
  new DataView(packet.buffer, packet.byteOffset).setUint32(0, packet.length - 4)
  return packet
}

const codec = <P extends { readonly _tag: string }>(forms: Forms<P>, onRest: "malformed" | "ignored"): Codec<P> => {
  const all = Object.entries(forms) as unknown as ReadonlyArray<readonly [tag: P["_tag"], form: AnyForm<P>]>
  const byTag = new Map(all)
  const byType = new Map(all.map(([tag, form]) => [form[0], [tag, form] as const]))
  return {
    encode: (id, packet) => {
      const [type, put] = byTag.get(packet._tag)!
      const capacity = "data" in packet ? (packet.data as Uint8Array).length + 256 : 256
      return framed(capacity, (writer) =>
        put(
          typeof type === "number"
            ? writer.byte(type).uint32(id)
            : putText(writer.byte(extendedRequest).uint32(id), type),
          packet
        ))
    },
    decode: (bytes) =>
      Wire.read(bytes, (reader) => {
        const type = reader.byte()
        const id = reader.uint32()
        const name = type === extendedRequest ? takeText(reader) : undefined
        const found = byType.get(name ?? type)
        const [tag, form] = found ?? byType.get(type) ??
          malformed(`unknown packet type ${type} in this direction`)
        const fields = found === undefined ? { name, data: reader.rest() } : form[2](reader)
        if (onRest === "ignored") reader.rest()
        return { id, packet: { _tag: tag, ...fields } as unknown as P }
      })
  }
}

const malformed = (message: string): never => {
  throw new Wire.MalformedError({ message })
}

// OpenSSH's server ignores bytes after the fields of a request.
const requests = codec<Request>(requestForms, "ignored")
const responses = codec<Response>(responseForms, "malformed")

/**
 * Encodes a request, with its length field.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeRequest: (id: number, request: Request) => Uint8Array = requests.encode

/**
 * Like `encodeRequest`, but returns consecutive pieces. The data of a `Write` is its own piece, without a copy.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeRequestPieces = (id: number, request: Request): ReadonlyArray<Uint8Array> => {
  if (request._tag !== "Write") return [encodeRequest(id, request)]
  const { data, handle, offset } = request
  const { length } = data
  const head = new Wire.Writer(64)
    .uint32(handle.length + length + 21)
    .byte(requestForms.Write[0] as number)
    .uint32(id)
    .string(handle)
    .uint64(offset)
    .uint32(length)
    .bytes()
  return [head, data]
}

/**
 * Decodes a request from a packet without its length (`Wire.splitter`). Bytes after its fields are ignored.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeRequest: (packet: Uint8Array) => Either.Either<Numbered<Request>, Wire.MalformedError> =
  requests.decode

/**
 * Encodes a response, with its length field.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeResponse: (id: number, response: Response) => Uint8Array = responses.encode

/**
 * Decodes a response from a packet without its length (`Wire.splitter`).
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeResponse: (packet: Uint8Array) => Either.Either<Numbered<Response>, Wire.MalformedError> =
  responses.decode

const helloTypes = { client: 1, server: 2 } as const

/**
 * Encodes the first packet of a side, with its length field.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeHello = (side: "client" | "server", hello: Hello): Uint8Array =>
  framed(512, (writer) => {
    writer.byte(helloTypes[side]).uint32(hello.version)
    for (const [name, data] of hello.extensions) putText(putText(writer, name), data)
    return writer
  })

/**
 * Decodes the first packet of a side.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decodeHello = (
  side: "client" | "server",
  packet: Uint8Array
): Either.Either<Hello, Wire.MalformedError> =>
  Wire.read(packet, (reader) => {
    const type = reader.byte()
    if (type !== helloTypes[side]) malformed(`the first packet has type ${type}`)
    const version = reader.uint32()
    const extensions: Array<readonly [string, string]> = []
    while (reader.remaining > 0) extensions.push([takeText(reader), takeText(reader)])
    return { version, extensions }
  })

const limitFields = ["packet", "read", "write", "handles"] as const

const fileSystemFields = [
  "bsize",
  "frsize",
  "blocks",
  "bfree",
  "bavail",
  "files",
  "ffree",
  "favail",
  "fsid",
  "flag",
  "namemax"
] as const

const encodeNumbers = <K extends string>(names: ReadonlyArray<K>) => (value: Readonly<Record<K, bigint>>): Uint8Array =>
  names.reduce((writer, name) => writer.uint64(value[name]), new Wire.Writer()).bytes()

const decodeNumbers =
  <K extends string>(names: ReadonlyArray<K>) =>
  (data: Uint8Array): Either.Either<Readonly<Record<K, bigint>>, Wire.MalformedError> =>
    Wire.read(
      data,
      (reader) => Object.fromEntries(names.map((name) => [name, reader.uint64()])) as Readonly<Record<K, bigint>>
    )

/**
 * Encodes the data of an `ExtendedReply` to `Limits`.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeLimits: (limits: Limits) => Uint8Array = encodeNumbers(limitFields)

/**
 * @since 0.1.0
 * @category decoding
 */
export const decodeLimits: (data: Uint8Array) => Either.Either<Limits, Wire.MalformedError> = decodeNumbers(limitFields)

/**
 * Encodes the data of an `ExtendedReply` to `Statvfs` or `Fstatvfs`.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encodeFileSystem: (info: FileSystemInfo) => Uint8Array = encodeNumbers(fileSystemFields)

/**
 * @since 0.1.0
 * @category decoding
 */
export const decodeFileSystem: (data: Uint8Array) => Either.Either<FileSystemInfo, Wire.MalformedError> = decodeNumbers(
  fileSystemFields
)
