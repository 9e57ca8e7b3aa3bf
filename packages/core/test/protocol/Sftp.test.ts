import * as Sftp from "@effect-remote/core/protocol/Sftp"
import * as Wire from "@effect-remote/core/protocol/Wire"
import { assert, describe, it } from "@effect/vitest"
import { Either, FastCheck } from "effect"

const { Request, Response } = Sftp

const uint32 = FastCheck.oneof(FastCheck.integer({ min: 0, max: 0xffffffff }), FastCheck.constantFrom(0, 0xffffffff))

const uint64 = FastCheck.oneof(FastCheck.bigInt(0n, (1n << 64n) - 1n), FastCheck.constantFrom(0n, (1n << 64n) - 1n))

const data = FastCheck.uint8Array({ maxLength: 100 })

const handle = FastCheck.uint8Array({ maxLength: 8 })

// Any bytes at all, which are often no UTF-8.
const name = FastCheck.oneof(
  FastCheck.uint8Array({ maxLength: 12 }),
  FastCheck.string({ unit: "binary", maxLength: 12 }).map((text) => new TextEncoder().encode(text))
).map(Sftp.decodeName)

const attributes: FastCheck.Arbitrary<Sftp.Attributes> = FastCheck.tuple(
  FastCheck.option(FastCheck.record({ size: uint64 })),
  FastCheck.option(FastCheck.record({ uid: uint32, gid: uint32 })),
  FastCheck.option(FastCheck.record({ permissions: uint32 })),
  FastCheck.option(FastCheck.record({ atime: uint32, mtime: uint32 })),
  FastCheck.option(FastCheck.record({ extended: FastCheck.array(FastCheck.tuple(name, data), { maxLength: 3 }) }))
).map((parts) => Object.assign({}, ...parts))

type Fields<P, T> = {
  readonly [F in Exclude<keyof Extract<P, { readonly _tag: T }>, "_tag">]: FastCheck.Arbitrary<
    Extract<P, { readonly _tag: T }>[F]
  >
}

// One for each kind, so that none is forgotten.
const anyOf = <P extends { readonly _tag: string }>(
  kinds: { readonly [T in P["_tag"]]: Fields<P, T> }
): FastCheck.Arbitrary<P> =>
  FastCheck.oneof(
    ...Object.entries(kinds).map(([_tag, fields]) =>
      FastCheck.record({ _tag: FastCheck.constant(_tag), ...fields as object })
    )
  ) as unknown as FastCheck.Arbitrary<P>

const byPath = { path: name }
const byHandle = { handle }
const fromTo = { from: name, to: name }
const pathAttributes = { path: name, attributes }

const known = new Set<string>(Object.values(Sftp.extensions).map(([name]) => name))

const request = anyOf<Sftp.Request>({
  Open: { path: name, flags: uint32, attributes },
  Close: byHandle,
  Read: { handle, offset: uint64, length: uint32 },
  Write: { handle, offset: uint64, data },
  Lstat: byPath,
  Fstat: byHandle,
  Setstat: pathAttributes,
  Fsetstat: { handle, attributes },
  Opendir: byPath,
  Readdir: byHandle,
  Remove: byPath,
  Mkdir: pathAttributes,
  Rmdir: byPath,
  Realpath: byPath,
  Stat: byPath,
  Rename: fromTo,
  Readlink: byPath,
  Symlink: { target: name, path: name },
  PosixRename: fromTo,
  Hardlink: fromTo,
  Fsync: byHandle,
  Statvfs: byPath,
  Fstatvfs: byHandle,
  Lsetstat: pathAttributes,
  Limits: {},
  ExpandPath: byPath,
  CopyData: { from: handle, fromOffset: uint64, length: uint64, to: handle, toOffset: uint64 },
  Extended: { name: name.filter((one) => !known.has(one)), data }
})

const response = anyOf<Sftp.Response>({
  Status: { code: uint32, message: name },
  Handle: byHandle,
  Data: { data },
  Name: {
    entries: FastCheck.array(FastCheck.record({ filename: name, longname: name, attributes }), { maxLength: 4 })
  },
  Attrs: { attributes },
  ExtendedReply: { data }
})

const hello: FastCheck.Arbitrary<Sftp.Hello> = FastCheck.record({
  version: uint32,
  extensions: FastCheck.array(FastCheck.tuple(name, name), { maxLength: 4 })
})

const limits = FastCheck.record({ packet: uint64, read: uint64, write: uint64, handles: uint64 })

const fileSystem = FastCheck.record({
  bsize: uint64,
  frsize: uint64,
  blocks: uint64,
  bfree: uint64,
  bavail: uint64,
  files: uint64,
  ffree: uint64,
  favail: uint64,
  fsid: uint64,
  flag: uint64,
  namemax: uint64
})

// A packet without its length, which is checked.
const body = (packet: Uint8Array): Uint8Array => {
  assert.strictEqual(new DataView(packet.buffer, packet.byteOffset).getUint32(0), packet.length - 4)
  return packet.subarray(4)
}

const longer = (packet: Uint8Array): Uint8Array => Uint8Array.from([...packet, 0])

const isMalformed = (result: Either.Either<unknown, Wire.MalformedError>) =>
  Either.isLeft(result) && result.left instanceof Wire.MalformedError

const assertPrefixesMalformed = (
  packet: Uint8Array,
  decode: (packet: Uint8Array) => Parameters<typeof isMalformed>[0]
) => {
  for (let length = 0; length < packet.length; length++) {
    assert.isTrue(isMalformed(decode(packet.subarray(0, length))), `${length} of ${packet.length} bytes`)
  }
}

const decoders: Readonly<Record<string, (packet: Uint8Array) => Either.Either<unknown, Wire.MalformedError>>> = {
  request: Sftp.decodeRequest,
  response: Sftp.decodeResponse,
  "a client's hello": (packet: Uint8Array) => Sftp.decodeHello("client", packet),
  "a server's hello": (packet: Uint8Array) => Sftp.decodeHello("server", packet),
  limits: Sftp.decodeLimits,
  "file system": Sftp.decodeFileSystem
}

const runs = { fastCheck: { numRuns: 500 } }

describe("Sftp", () => {
  it.prop("a request comes back from its bytes", { id: uint32, request }, ({ id, request }) => {
    const decoded = Sftp.decodeRequest(body(Sftp.encodeRequest(id, request)))
    assert.deepStrictEqual(decoded, Either.right({ id, packet: request }))
  }, runs)

  it.prop(
    "a request in pieces has the same bytes, and does not copy its data",
    { id: uint32, request },
    ({ id, request }) => {
      const pieces = Sftp.encodeRequestPieces(id, request)
      assert.deepStrictEqual(
        Buffer.concat(pieces).toString("hex"),
        Buffer.from(Sftp.encodeRequest(id, request)).toString("hex")
      )
      if (request._tag === "Write") assert.strictEqual(pieces[1], request.data)
    },
    runs
  )

  it.prop("a response comes back from its bytes", { id: uint32, response }, ({ id, response }) => {
    const decoded = Sftp.decodeResponse(body(Sftp.encodeResponse(id, response)))
    assert.deepStrictEqual(decoded, Either.right({ id, packet: response }))
  }, runs)

  it.prop("a hello comes back from its bytes", { hello }, ({ hello }) => {
    for (const side of ["client", "server"] as const) {
      const packet = body(Sftp.encodeHello(side, hello))
      assert.deepStrictEqual(Sftp.decodeHello(side, packet), Either.right(hello))
      assert.isTrue(isMalformed(Sftp.decodeHello(side === "client" ? "server" : "client", packet)))
    }
  })

  it.prop("limits come back from their bytes", { limits }, ({ limits }) => {
    const bytes = Sftp.encodeLimits(limits)
    assert.deepStrictEqual(Sftp.decodeLimits(bytes), Either.right(limits))
    assertPrefixesMalformed(bytes, Sftp.decodeLimits)
    assert.isTrue(isMalformed(Sftp.decodeLimits(longer(bytes))))
  })

  it.prop("an answer of statvfs comes back from its bytes", { fileSystem }, ({ fileSystem }) => {
    const bytes = Sftp.encodeFileSystem(fileSystem)
    assert.deepStrictEqual(Sftp.decodeFileSystem(bytes), Either.right(fileSystem))
    assertPrefixesMalformed(bytes, Sftp.decodeFileSystem)
    assert.isTrue(isMalformed(Sftp.decodeFileSystem(longer(bytes))))
  })

  it.prop("a name comes back from its bytes", { bytes: FastCheck.uint8Array() }, ({ bytes }) => {
    assert.deepStrictEqual(Sftp.encodeName(Sftp.decodeName(bytes)), bytes)
  }, runs)

  it.prop("a request that ends early is malformed, and what follows it is passed over", { id: uint32, request }, ({
    id,
    request
  }) => {
    const packet = body(Sftp.encodeRequest(id, request))
    // what is unknown may have any data
    if (request._tag === "Extended") return
    assertPrefixesMalformed(packet, Sftp.decodeRequest)
    assert.deepStrictEqual(Sftp.decodeRequest(longer(packet)), Either.right({ id, packet: request }))
  }, runs)

  it.prop("a response that ends early, or does not end, is malformed", { id: uint32, response }, ({ id, response }) => {
    const packet = body(Sftp.encodeResponse(id, response))
    if (response._tag === "ExtendedReply") return
    if (response._tag !== "Status") assertPrefixesMalformed(packet, Sftp.decodeResponse)
    assert.isTrue(isMalformed(Sftp.decodeResponse(longer(packet))))
  }, runs)

  it("takes a status without a message, and one without its language", () => {
    const packet = body(Sftp.encodeResponse(1, Response.Status({ code: 4, message: "Failure" })))
    const decode = (length: number) =>
      Either.map(Sftp.decodeResponse(packet.subarray(0, length)), ({ packet }) => packet)
    for (let length = 0; length < packet.length; length++) {
      const whole = length === 9 || length === packet.length - 4
      assert.strictEqual(isMalformed(decode(length)), !whole, `${length} bytes`)
    }
    assert.deepStrictEqual(decode(9), Either.right({ _tag: "Status" as const, code: 4, message: "" }))
    assert.deepStrictEqual(
      decode(packet.length - 4),
      Either.right({ _tag: "Status" as const, code: 4, message: "Failure" })
    )
  })

  it.prop(
    "a stream of packets is decoded the same however it is cut",
    {
      responses: FastCheck.array(FastCheck.tuple(uint32, response), { maxLength: 8 }),
      size: FastCheck.integer({ min: 1, max: 50 })
    },
    ({ responses, size }) => {
      const stream = Uint8Array.from(responses.flatMap(([id, packet]) => Array.from(Sftp.encodeResponse(id, packet))))
      const split = Wire.splitter(Sftp.longestPacket)
      const found: Array<unknown> = []
      for (let at = 0; at < stream.length; at += size) {
        for (const packet of split(stream.slice(at, at + size))) {
          found.push(Either.getOrThrow(Either.flatMap(packet, Sftp.decodeResponse)))
        }
      }
      assert.deepStrictEqual(found, responses.map(([id, packet]) => ({ id, packet })))
    }
  )

  describe.each(Object.entries(decoders))("%s", (_name, decode) => {
    it.prop("any bytes are a packet or malformed", {
      bytes: FastCheck.uint8Array({ maxLength: 200 }),
      type: FastCheck.constantFrom(1, 2, 3, 6, 9, 17, 101, 102, 103, 104, 105, 200, 201)
    }, ({ bytes, type }) => {
      for (
        const packet of [
          bytes,
          Uint8Array.from([type, ...bytes]),
          Uint8Array.from([type, 0, 0, 0, 1, 0, 0, 0, ...bytes])
        ]
      ) {
        const decoded = decode(packet)
        assert.isTrue(Either.isRight(decoded) || isMalformed(decoded))
      }
    }, runs)

    it.prop(
      "a packet with some bytes changed is a packet or malformed",
      {
        packet: FastCheck.oneof(
          request.map((one) => Sftp.encodeRequest(1, one)),
          response.map((one) => Sftp.encodeResponse(1, one)),
          hello.map((one) => Sftp.encodeHello("client", one)),
          hello.map((one) => Sftp.encodeHello("server", one))
        ),
        changes: FastCheck.array(FastCheck.tuple(FastCheck.nat(), FastCheck.integer({ min: 0, max: 255 })), {
          maxLength: 4
        })
      },
      ({ changes, packet }) => {
        const bytes = packet.slice(4)
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte
        const decoded = decode(bytes)
        assert.isTrue(Either.isRight(decoded) || isMalformed(decoded))
      },
      runs
    )
  })

  it("believes no count that its packet has no room for", () => {
    const claims = [0x7fffffff, 0x80000000, 0xffffffff]
    for (const count of claims) {
      const head = (type: number) => new Wire.Writer().byte(type).uint32(1)
      const rest = new Uint8Array(1000)
      const packets = [
        head(104).uint32(count).raw(rest),
        head(105).uint32(0x80000000).uint32(count).raw(rest),
        head(102).uint32(count).raw(rest),
        head(103).uint32(count).raw(rest),
        head(101).uint32(4).uint32(count).raw(rest)
      ]
      for (const packet of packets) assert.isTrue(isMalformed(Sftp.decodeResponse(packet.bytes())))
      const write = head(6).string(new Uint8Array(4)).uint64(0n).uint32(count).raw(rest)
      assert.isTrue(isMalformed(Sftp.decodeRequest(write.bytes())))
    }
  })

  it.each([0, 1, 2, 21, 101, 199, 201, 255])("there is no request of type %i", (type) => {
    assert.isTrue(isMalformed(Sftp.decodeRequest(Uint8Array.from([type, 0, 0, 0, 1, 0, 0, 0, 0]))))
  })

  it.each([0, 1, 2, 3, 20, 100, 106, 200, 202])("there is no response of type %i", (type) => {
    assert.isTrue(isMalformed(Sftp.decodeResponse(Uint8Array.from([type, 0, 0, 0, 1, 0, 0, 0, 0]))))
  })

  const text = (value: string) => [0, 0, 0, value.length, ...new TextEncoder().encode(value)]

  it.each<readonly [what: string, packet: Uint8Array, bytes: ReadonlyArray<number>]>([
    [
      "open",
      Sftp.encodeRequest(1, Request.Open({ path: "a", flags: 0x1a, attributes: { permissions: 0o644 } })),
      [3, 0, 0, 0, 1, ...text("a"), 0, 0, 0, 0x1a, 0, 0, 0, 4, 0, 0, 1, 0xa4]
    ],
    [
      "symlink, with its arguments as OpenSSH has them",
      Sftp.encodeRequest(2, Request.Symlink({ target: "to", path: "link" })),
      [20, 0, 0, 0, 2, ...text("to"), ...text("link")]
    ],
    [
      "all attributes",
      Sftp.encodeRequest(
        3,
        Request.Setstat({
          path: "",
          attributes: {
            size: 1n,
            uid: 2,
            gid: 3,
            permissions: 4,
            atime: 5,
            mtime: 6,
            extended: [["x", Uint8Array.of(7)]]
          }
        })
      ),
      [
        ...[9, 0, 0, 0, 3, 0, 0, 0, 0, 0x80, 0, 0, 0x0f],
        ...[0, 0, 0, 0, 0, 0, 0, 1],
        ...[0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6],
        ...[0, 0, 0, 1, ...text("x"), 0, 0, 0, 1, 7]
      ]
    ],
    [
      "posix-rename",
      Sftp.encodeRequest(4, Request.PosixRename({ from: "a", to: "b" })),
      [200, 0, 0, 0, 4, ...text("posix-rename@openssh.com"), ...text("a"), ...text("b")]
    ],
    [
      "a name that is no UTF-8",
      Sftp.encodeRequest(5, Request.Stat({ path: "\udcff" })),
      [17, 0, 0, 0, 5, 0, 0, 0, 1, 0xff]
    ],
    [
      "a status, with a language",
      Sftp.encodeResponse(6, Response.Status({ code: 2, message: "No such file" })),
      [101, 0, 0, 0, 6, 0, 0, 0, 2, ...text("No such file"), ...text("")]
    ],
    [
      "a hello",
      Sftp.encodeHello("server", { version: 3, extensions: [["limits@openssh.com", "1"]] }),
      [2, 0, 0, 0, 3, ...text("limits@openssh.com"), ...text("1")]
    ]
  ])("is written as the draft and OpenSSH have it: %s", (_what, packet, bytes) => {
    assert.deepStrictEqual(Array.from(body(packet)), bytes)
  })
})
