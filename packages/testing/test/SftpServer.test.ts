import * as Sftp from "@effect-remote/core/protocol/Sftp"
import * as Wire from "@effect-remote/core/protocol/Wire"
import { Sshd } from "@effect-remote/testing"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Mailbox, Option, Scope } from "effect"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as realFileSystem from "../src/internal/sftp/realFileSystem.js"
import { type Errno, fail, type SftpFileSystem } from "../src/internal/sftp/sftpFileSystem.js"
import * as sftpServer from "../src/internal/sftp/sftpServer.js"
import { compare, directed, sessions, shown, tree } from "./fixtures/sftpDifferential.js"
import {
  ask,
  makeHome,
  openSsh,
  ours,
  type Peer,
  receive,
  serve,
  sftpServerLabel,
  sftpServerProgram,
  start,
  topOf
} from "./fixtures/sftpPeers.js"
import * as sftpProgram from "./fixtures/sftpProgram.js"
import * as ssh from "./fixtures/ssh.js"

const { Request, Response, StatusCode } = Sftp

const program = sftpServerProgram ?? ""

const hello = Sftp.encodeHello("client", { version: 3, extensions: [] })

const packet = (type: number, write: (writer: Wire.Writer) => Wire.Writer): Uint8Array => {
  const body = write(new Wire.Writer().byte(type)).bytes()
  return new Wire.Writer().string(body).bytes()
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

// A request whose answer shows that the session goes on.
const marker = 0xfeedface

/** Sends bytes to a server. Succeeds with its answers and its exit code. */
const converse = (peer: Peer, sent: ReadonlyArray<Uint8Array>) =>
  Effect.gen(function*() {
    yield* peer.send(Buffer.concat([...sent, Sftp.encodeRequest(marker, Request.Limits())]))
    const answers: Array<string> = []
    while (true) {
      const answer = yield* peer.receive
      if (Option.isNone(answer)) break
      const id = Wire.read(answer.value.subarray(0, 5), (reader) => (reader.byte(), reader.uint32()))
      if (id._tag === "Right" && id.right === marker) {
        answers.push("goes on")
        break
      }
      // the extensions depend on the version of OpenSSH
      answers.push(answer.value[0] === 2 ? "hello" : Buffer.from(answer.value).toString("latin1"))
    }
    yield* peer.end
    return { answers, exit: yield* peer.exit }
  })

const stat = (path: Uint8Array) => packet(17, (writer) => writer.uint32(1).string(path))

const extended = (name: string, write: (writer: Wire.Writer) => Wire.Writer) =>
  packet(200, (writer) => write(writer.uint32(1).string(bytes(name))))

const missing = stat(bytes("missing"))

const conversations: Readonly<Record<string, ReadonlyArray<Uint8Array>>> = {
  "a request before the first packet": [missing],
  "an extended request before the first packet": [extended("limits@openssh.com", (writer) => writer)],
  "a second first packet": [hello, missing, hello, missing],
  "an older client": [packet(1, (writer) => writer.uint32(2)), missing],
  "a newer client": [packet(1, (writer) => writer.uint32(6)), missing],
  "a first packet that is too short": [packet(1, (writer) => writer.byte(3))],
  "a first packet with more than it needs": [packet(1, (writer) => writer.uint32(3).raw(bytes("rest"))), missing],
  "a packet of an unknown type that is too short": [hello, packet(99, (writer) => writer.byte(1))],
  "an empty packet": [hello, missing, new Wire.Writer().uint32(0).bytes()],
  "a packet without a number": [hello, missing, packet(17, (writer) => writer.byte(1))],
  "a packet that claims too much": [hello, missing, new Wire.Writer().uint32(Sftp.longestPacket + 1).byte(17).bytes()],
  "a packet that claims far too much": [hello, missing, missing, new Wire.Writer().uint32(0xffffffff).byte(17).bytes()],
  "the longest packet": [
    hello,
    packet(17, (writer) => writer.uint32(1).string(bytes("x")).raw(new Uint8Array(Sftp.longestPacket - 10)))
  ],
  "a request with more than it needs": [hello, packet(17, (writer) => writer.uint32(1).string(bytes("x")).raw(hello))],
  "a name that claims too much": [hello, packet(17, (writer) => writer.uint32(1).uint32(100).raw(bytes("x")))],
  "a request without a name": [hello, packet(18, (writer) => writer.uint32(1).string(bytes("x")))],
  "a name with a NUL in it": [hello, stat(bytes("a\0b"))],
  "a name with two NULs at its end": [hello, stat(bytes("a\0\0"))],
  "a name with a NUL at its end": [hello, stat(bytes(".\0").subarray(0, 2)), stat(bytes("\0")), missing],
  "attributes that end early": [hello, packet(9, (writer) => writer.uint32(1).string(bytes("x")).uint32(1).uint32(0))],
  "attributes with unknown flags": [hello, packet(9, (writer) => writer.uint32(1).string(bytes("x")).uint32(0x70))],
  "extended attributes": [
    hello,
    packet(
      9,
      (writer) =>
        writer.uint32(1).string(bytes("x")).uint32(0x80000000).uint32(1).string(bytes("a")).string(bytes("b\0c"))
    )
  ],
  "extended attributes with a NUL in their type": [
    hello,
    packet(
      9,
      (writer) =>
        writer.uint32(1).string(bytes("x")).uint32(0x80000000).uint32(1).string(bytes("a\0a")).string(bytes("b"))
    )
  ],
  "more extended attributes than there are": [
    hello,
    packet(9, (writer) => writer.uint32(1).string(bytes("x")).uint32(0x80000000).uint32(0xffffffff))
  ],
  "an unknown extension": [hello, extended("no-such@example.org", (writer) => writer.raw(bytes("whatever")))],
  "an extended request without a name": [hello, packet(200, (writer) => writer.uint32(1))],
  "an extended request that ends early": [
    hello,
    extended("hardlink@openssh.com", (writer) => writer.string(bytes("x")))
  ],
  "handles that are none": [
    hello,
    ...[0, 3, 4, 5, 255, 256, 1000].flatMap((length) => [
      packet(4, (writer) => writer.uint32(length).string(new Uint8Array(length).fill(255))),
      packet(12, (writer) => writer.uint32(length).string(new Uint8Array(length).fill(255)))
    ])
  ],
  "the names of users and groups": [
    hello,
    extended(
      "users-groups-by-id@openssh.com",
      (writer) =>
        writer
          .string(new Wire.Writer().uint32(0).uint32(0xfffffff0).uint32(65534).bytes())
          .string(new Wire.Writer().uint32(65534).uint32(0).bytes())
    ),
    extended("users-groups-by-id@openssh.com", (writer) => writer.string(new Uint8Array()).string(new Uint8Array()))
  ],
  "names of users that end early": [
    hello,
    extended("users-groups-by-id@openssh.com", (writer) => writer.string(bytes("abc")).string(new Uint8Array()))
  ],
  "the home directory": [
    hello,
    extended("home-directory", (writer) => writer.string(bytes(os.userInfo().username))),
    extended("home-directory", (writer) => writer.string(bytes("nobody-of-that-name")))
  ]
}

describe.skipIf(sftpServerProgram === undefined)(`the SFTP server and OpenSSH's${sftpServerLabel}`, () => {
  const both = <A>(use: (peer: Peer) => Effect.Effect<A>) =>
    Effect.scoped(Effect.gen(function*() {
      const peers = [yield* openSsh(program, yield* makeHome), yield* ours(yield* makeHome)]
      return yield* Effect.forEach(peers, use, { concurrency: 2 })
    }))

  it.live("offer the same extensions", () =>
    Effect.gen(function*() {
      const [theirs, our] = yield* both(start)
      assert.strictEqual(our?.version, theirs?.version)
      // older and newer versions offer fewer and more
      const versions = new Map(theirs?.extensions)
      const common = our?.extensions.filter(([name]) => versions.has(name))
      assert.deepStrictEqual(common, common?.map(([name]) => [name, versions.get(name) ?? ""] as const))
      assert.isAbove(common?.length ?? 0, 4)
    }))

  it.live.each(Object.entries(conversations))("take alike: %s", ([, sent]) =>
    Effect.gen(function*() {
      const [theirs, our] = yield* both((peer) => converse(peer, sent))
      assert.deepStrictEqual(our, theirs)
    }))

  it.live("list a long directory in the same pieces", () =>
    Effect.gen(function*() {
      const [theirs, our] = yield* both((peer) =>
        Effect.gen(function*() {
          for (let index = 0; index < 250; index++) fs.writeFileSync(path.join(peer.home, `file ${index}`), "")
          yield* start(peer)
          const opened = yield* ask(peer, Request.Opendir({ path: "." }))
          assert.strictEqual(opened._tag, "Handle")
          const request = Request.Readdir({ handle: new Uint8Array(4) })
          const lengths: Array<number> = []
          const entries: Array<Sftp.Entry> = []
          while (true) {
            const answer = yield* ask(peer, request)
            if (answer._tag !== "Name") break
            lengths.push(answer.entries.length)
            answer.entries.forEach((entry) => entries.push(entry))
          }
          return { lengths, entries: shown(peer.home, request, Response.Name({ entries })) }
        })
      )
      assert.deepStrictEqual(our, theirs)
      assert.deepStrictEqual(our?.lengths, [100, 100, 52])
    }))

  it.live("answer many requests that were sent at once in their order", () =>
    Effect.gen(function*() {
      const count = 500
      const requests = Buffer.concat([
        hello,
        Sftp.encodeRequest(0, Request.Open({ path: "file", flags: 0x1a, attributes: {} })),
        ...Array.from({ length: count }, (_, index) =>
          Sftp.encodeRequest(
            index + 1,
            index % 2 === 0
              ? Request.Write({ handle: new Uint8Array(4), offset: BigInt(index), data: bytes(`${index}`) })
              : Request.Stat({ path: "file" })
          ))
      ])
      const [theirs, our] = yield* both((peer) =>
        Effect.gen(function*() {
          for (let at = 0; at < requests.length; at += 1777) yield* peer.send(requests.subarray(at, at + 1777))
          yield* peer.receive
          const answers: Array<unknown> = []
          for (let index = 0; index <= count; index++) {
            const { id, packet } = yield* receive(peer)
            answers.push([id, shown(peer.home, Request.Limits(), packet)])
          }
          return [answers, fs.readFileSync(path.join(peer.home, "file"), "utf8")]
        })
      )
      assert.deepStrictEqual(our, theirs)
    }))

  it.live.each(Object.entries(directed))("answer alike: %s", ([, requests]) => compare(program, requests))

  sessions({ seed: 1, count: 6, length: 250 }).forEach((requests, index) => {
    it.live(`answer random requests alike, ${index + 1}`, () => compare(program, requests))
  })
})

describe("the SFTP server", () => {
  const real = Effect.flatMap(makeHome, (home) => Effect.orDie(realFileSystem.make(home)))

  const over = (changes: Partial<SftpFileSystem>, options?: sftpServer.Options) =>
    Effect.gen(function*() {
      const peer = yield* serve({ ...(yield* real), ...changes }, options)
      yield* start(peer)
      return peer
    })

  const open = (path: string) => Request.Open({ path, flags: 0x1b, attributes: {} })

  const codes: Readonly<Partial<Record<Errno, number>>> = {
    ENOENT: StatusCode.noSuchFile,
    ENOTDIR: StatusCode.noSuchFile,
    ELOOP: StatusCode.noSuchFile,
    EBADF: StatusCode.noSuchFile,
    EACCES: StatusCode.permissionDenied,
    EPERM: StatusCode.permissionDenied,
    ENAMETOOLONG: StatusCode.badMessage,
    EINVAL: StatusCode.badMessage,
    ENOSYS: StatusCode.unsupported,
    EEXIST: StatusCode.failure,
    ENOTEMPTY: StatusCode.failure,
    EISDIR: StatusCode.failure,
    ENOSPC: StatusCode.failure,
    EROFS: StatusCode.failure,
    EIO: StatusCode.failure
  }

  it.scoped("reports errors of its file system as OpenSSH's does", () =>
    Effect.gen(function*() {
      let errno: Errno = "EIO"
      const peer = yield* over({ rmdir: () => fail(errno) })
      for (const [name, code] of Object.entries(codes)) {
        errno = name as Errno
        const answer = yield* ask(peer, Request.Rmdir({ path: "x" }))
        assert.strictEqual(answer._tag === "Status" ? answer.code : undefined, code, name)
      }
    }))

  it.scoped("fails a write that was written only in part", () =>
    Effect.gen(function*() {
      const fileSystem = yield* real
      const peer = yield* over({
        open: (path, flags, mode) =>
          Effect.map(fileSystem.open(path, flags, mode), (file) => ({ ...file, write: () => Effect.succeed(2) }))
      })
      yield* ask(peer, open("a"))
      const write = Request.Write({ handle: new Uint8Array(4), offset: 0n, data: bytes("abc") })
      assert.deepStrictEqual(yield* ask(peer, write), Response.Status({ code: StatusCode.failure, message: "Failure" }))
    }))

  it.scoped("limits open files to the number that it reports", () =>
    Effect.gen(function*() {
      const peer = yield* over({}, { handles: 2 })
      const limits = yield* ask(peer, Request.Limits())
      assert.strictEqual(
        limits._tag === "ExtendedReply" ? (yield* Sftp.decodeLimits(limits.data)).handles : undefined,
        2n
      )
      const tags: Array<string> = []
      const requests = [open("a"), open("b"), open("c"), Request.Opendir({ path: "." })]
      for (const request of requests) tags.push((yield* ask(peer, request))._tag)
      assert.deepStrictEqual(tags, ["Handle", "Handle", "Status", "Status"])
      assert.isFalse(fs.existsSync(path.join(peer.home, "c")))
      yield* ask(peer, Request.Close({ handle: new Uint8Array(4) }))
      assert.deepStrictEqual(
        yield* ask(peer, Request.Opendir({ path: "." })),
        Response.Handle({ handle: new Uint8Array(4) })
      )
    }))

  // A file system that counts open files.
  const counting = Effect.gen(function*() {
    const fileSystem = yield* real
    let held = 0
    const count = Effect.acquireRelease(Effect.sync(() => held++), () => Effect.sync(() => held--))
    const changes: Partial<SftpFileSystem> = {
      open: (path, flags, mode) => Effect.zipRight(count, fileSystem.open(path, flags, mode)),
      openDirectory: (path) => Effect.zipRight(count, fileSystem.openDirectory(path))
    }
    return { changes, held: () => held }
  })

  const fill = (peer: Peer) =>
    Effect.forEach([open("a"), open("b"), Request.Opendir({ path: "." })], (request) => ask(peer, request))

  it.scoped("closes a file once, when it is asked to", () =>
    Effect.gen(function*() {
      const { changes, held } = yield* counting
      const peer = yield* over(changes)
      yield* fill(peer)
      assert.strictEqual(held(), 3)
      const close = Request.Close({ handle: Uint8Array.from([0, 0, 0, 1]) })
      yield* ask(peer, close)
      assert.strictEqual(held(), 2)
      assert.deepStrictEqual(
        yield* ask(peer, close),
        Response.Status({ code: StatusCode.noSuchFile, message: "No such file" })
      )
    }))

  it.scoped("closes a file whose opening was not completed", () =>
    Effect.gen(function*() {
      const { changes, held } = yield* counting
      const peer = yield* over(changes)
      yield* ask(peer, open("missing/file"))
      assert.strictEqual(held(), 0)
    }))

  it.scoped("closes everything when the client ends the session", () =>
    Effect.gen(function*() {
      const { changes, held } = yield* counting
      const peer = yield* over(changes)
      yield* fill(peer)
      yield* peer.end
      assert.strictEqual(yield* peer.exit, 0)
      assert.strictEqual(held(), 0)
    }))

  it.scoped("closes everything when the client breaks the protocol", () =>
    Effect.gen(function*() {
      const { changes, held } = yield* counting
      const said: Array<string> = []
      const peer = yield* over(changes, { say: (line) => said.push(line) })
      yield* fill(peer)
      yield* peer.send(new Uint8Array(4).fill(255))
      assert.strictEqual(yield* peer.exit, 11)
      assert.isTrue(Option.isNone(yield* peer.receive))
      assert.strictEqual(held(), 0)
      assert.match(said.join(), /^error: the SFTP session ends: a packet claims to have 4294967295 bytes$/)
    }))

  it.scoped("closes everything when it is interrupted", () =>
    Effect.gen(function*() {
      const { changes, held } = yield* counting
      const scope = yield* Scope.make()
      const peer = yield* Scope.extend(over(changes), scope)
      yield* fill(peer)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(held(), 0)
    }))

  it.scoped("closes a file that is being opened when it is interrupted", () =>
    Effect.gen(function*() {
      const { changes, held } = yield* counting
      const reached = yield* Deferred.make<void>()
      const scope = yield* Scope.make()
      const slow: SftpFileSystem["open"] = (path, flags, mode) =>
        Effect.tap(changes.open!(path, flags, mode), () =>
          Effect.zipRight(Deferred.succeed(reached, undefined), Effect.never))
      const peer = yield* Scope.extend(over({ ...changes, open: slow }), scope)
      yield* peer.send(Sftp.encodeRequest(1, open("a")))
      yield* Deferred.await(reached)
      assert.strictEqual(held(), 1)
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual(held(), 0)
    }))

  it.scoped("ignores packets of unknown types", () =>
    Effect.gen(function*() {
      const said: Array<string> = []
      const peer = yield* over({}, { say: (line) => said.push(line) })
      const types = [0, 2, 21, 99, 101, 201, 255]
      yield* peer.send(Buffer.concat(types.map((type) => packet(type, (writer) => writer.uint32(1).byte(0)))))
      assert.strictEqual((yield* ask(peer, Request.Limits()))._tag, "ExtendedReply")
      assert.strictEqual(said.length, types.length)
    }))

  it.scoped("answers all requests after a slow one", () =>
    Effect.gen(function*() {
      const gate = yield* Deferred.make<void>()
      const fileSystem = yield* real
      const peer = yield* over({ rmdir: (path) => Effect.zipRight(Deferred.await(gate), fileSystem.rmdir(path)) })
      const requests = [Request.Lstat({ path: "." }), Request.Rmdir({ path: "x" }), Request.Stat({ path: "." })]
      yield* peer.send(Buffer.concat(requests.map((request, id) => Sftp.encodeRequest(id, request))))
      assert.strictEqual((yield* receive(peer)).id, 0)
      yield* peer.end
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual((yield* receive(peer)).id, 1)
      assert.strictEqual((yield* receive(peer)).id, 2)
      assert.strictEqual(yield* peer.exit, 0)
    }))

  const requestsAtOnce = 10
  const askedOften = Buffer.concat([
    hello,
    ...Array.from({ length: requestsAtOnce }, (_, id) => Sftp.encodeRequest(id, Request.Limits()))
  ])

  it.scoped("stops reading while an answer cannot be written", () =>
    Effect.gen(function*() {
      const output = yield* Mailbox.make<Uint8Array>(1)
      const full = yield* Deferred.make<void>()
      let reads = 0
      let writes = 0
      const duplex = {
        read: Effect.sync(() => reads++ < 2 ? Option.some(askedOften) : Option.none()),
        write: (bytes: Uint8Array) => {
          // one is kept, and the next one waits
          if (++writes === 2) Deferred.unsafeDone(full, Effect.void)
          return output.offer(bytes)
        },
        end: output.end
      }
      const fiber = yield* Effect.fork(Effect.ensuring(sftpServer.serve(duplex, yield* real), output.end))
      yield* Deferred.await(full)
      yield* Effect.yieldNow()
      assert.deepStrictEqual([reads, writes], [1, 2])
      const answers: Array<Uint8Array> = []
      while (true) {
        const answer = yield* Effect.option(output.take)
        if (Option.isNone(answer)) break
        answers.push(answer.value)
      }
      assert.strictEqual(yield* Fiber.join(fiber), 0)
      assert.strictEqual(answers.length, 2 * (requestsAtOnce + 1))
      assert.strictEqual(reads, 3)
    }))

  it.scoped("ends when the client reads no more", () =>
    Effect.gen(function*() {
      let writes = 0
      const duplex = {
        read: Effect.succeed(Option.some(askedOften)),
        write: () => Effect.sync(() => ++writes < 5),
        end: Effect.void
      }
      assert.strictEqual(yield* sftpServer.serve(duplex, yield* real), 0)
      assert.strictEqual(writes, 5)
    }))

  it.scoped("fails as its connection does", () =>
    Effect.gen(function*() {
      const duplex = { read: Effect.fail("lost" as const), write: () => Effect.succeed(true), end: Effect.void }
      assert.strictEqual(yield* Effect.flip(sftpServer.serve(duplex, yield* real)), "lost")
    }))
})

const isRoot = process.getuid?.() === 0

// The commands for `sftp`. "<local>" and "<remote>" are directories.
const batch = [
  "pwd",
  "lpwd",
  "lcd <local>",
  "cd <remote>",
  "put zero",
  "put big",
  "put -p small \"two words\"",
  "put small 'quote\"s'",
  "put small \"quote's\"",
  "put small caf\xe9",
  "put -f small synced",
  "-put small missing/small",
  "ls",
  "ls -la",
  "ls -1 big zero",
  "ls -ln",
  "ls -l synced",
  "-ls missing",
  "get big big.back",
  "get zero zero.back",
  "get -p \"two words\" \"two words back\"",
  "get caf\xe9 caf\xe9.back",
  "-get missing",
  "rename big big.tmp",
  "rename big.tmp part",
  "reget part",
  "rename part big",
  "put half big.half",
  "reput big big.half",
  "-reput big big.half",
  "mkdir dir",
  "-mkdir dir",
  "-mkdir missing/dir",
  "-rmdir missing",
  "put small dir/inner",
  "-rmdir dir",
  "-rm dir",
  "-cd synced",
  "-cd missing",
  "rename zero renamed",
  "-rename missing renamed",
  "-rename synced dir",
  "rename -l synced linked",
  "-rename -l linked renamed",
  "ln renamed hard",
  "-ln renamed hard",
  "-ln missing hard2",
  "ln -s renamed soft",
  "-ln -s elsewhere soft",
  "ln -s missing dangling",
  "get soft soft.back",
  "-get dangling",
  "-chmod 600 renamed",
  "-chmod 600 missing",
  "-chmod 600 soft",
  "-chmod -h 600 soft",
  "-cp big copied",
  "-cp missing copied",
  "-df",
  "-df -i",
  "-df missing",
  ...(isRoot
    ? ["chown 1 renamed", "chgrp 2 renamed", "-chown 1 missing", "-chown -h 3 soft", "-chgrp -h 4 dangling"]
    : []),
  "ls -la",
  "ls -la dir",
  "put -r tree",
  "get -r tree tree.back",
  "-rm missing",
  "rm hard",
  "rm *words",
  "rm soft",
  "-rmdir tree",
  "version"
]

const prepare = (local: string) => {
  const content = createHash("sha512").update("content").digest()
  const file = (name: string) => path.join(local, name)
  const big = Buffer.concat(Array.from({ length: 50_000 }, (_, index) => Buffer.concat([content, bytes(`${index}`)])))
  fs.writeFileSync(file("zero"), "")
  fs.writeFileSync(file("small"), "small\n", { mode: 0o640 })
  fs.utimesSync(file("small"), 1_000_000_000, 1_100_000_000)
  fs.writeFileSync(file("big"), big)
  fs.writeFileSync(file("part"), big.subarray(0, 1_000_000))
  fs.copyFileSync(file("part"), file("half"))
  fs.mkdirSync(file("tree/empty"), { recursive: true })
  fs.writeFileSync(file("tree/.hidden"), "hidden")
  fs.writeFileSync(file("tree/file"), "file", { mode: 0o755 })
}

const hasSshd = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"].some((directory) =>
  fs.existsSync(path.join(directory, "sshd"))
)

describe.skipIf(!hasSshd)(`OpenSSH's sftp${hasSshd ? "" : " (skipped: sshd is not installed)"}`, () => {
  const talk = (options: Sshd.Options) =>
    Effect.gen(function*() {
      const sshd = yield* Sshd.make(options)
      const [local, remote] = [yield* makeHome, yield* makeHome]
      prepare(local)
      const lines = batch.map((line) =>
        Buffer.from(line.replaceAll("<local>", local).replaceAll("<remote>", remote), "latin1")
      )
      const result = yield* sftpProgram.run(sshd.host, path.join(topOf(local), "batch"), lines)
      const text = (output: string) =>
        output
          .replaceAll(local, "<local>")
          .replaceAll(remote, "<remote>")
          // what was made just now
          .replace(/[A-Z][a-z]{2} [ \d]\d \d\d:\d\d/g, "<date>")
          // others use the disk, too
          .replace(/^[ \d]+%$/gm, (line) => line.replace(/ +\d+/g, " N"))
          .replace(/^( *\d+){4,5} +\d+%/gm, "numbers")
      return {
        code: result.code,
        stdout: text(result.stdout).split("\n"),
        stderr: text(result.stderr).split("\n"),
        local: tree(local),
        remote: tree(remote)
      }
    })

  it.scopedLive("has the same from the embedded server as from OpenSSH's", () =>
    Effect.gen(function*() {
      const [theirs, our] = yield* Effect.all(
        [talk({ kind: "openssh", sftp: "internal" }), talk({ kind: "embedded", sftp: "internal" })],
        { concurrency: 2 }
      )
      assert.deepStrictEqual(our, theirs)
      assert.strictEqual(our.code, 0)
    }))
})

describe("SFTP over SSH", () => {
  it.scopedLive.each<Sshd.Kind>(hasSshd ? ["openssh", "embedded"] : ["embedded"])(
    "ends with the exit status of its server, %s",
    (kind) =>
      Effect.gen(function*() {
        const { host } = yield* Sshd.make({ kind })
        assert.strictEqual((yield* ssh.run(host, "sftp", { args: ["-s"], stdin: hello })).code, 0)
        // OpenSSH's server does not look at what it got before the end
        const code = (...sent: ReadonlyArray<Uint8Array>) =>
          Effect.flatMap(ssh.start(host, "sftp", { args: ["-s"] }), ({ result, stdin }) => {
            stdin.write(Buffer.concat(sent))
            return Effect.map(result, ({ code }) => code)
          })
        assert.strictEqual(yield* code(hello, new Uint8Array(5).fill(255)), 11)
        assert.strictEqual(yield* code(missing), 255)
      })
  )

  it.scopedLive("takes a session of the embedded server, until it ends", () =>
    Effect.gen(function*() {
      const { directory, host } = yield* Sshd.make({ kind: "embedded", maxSessions: 1 })
      const socket = path.join(directory, "master")
      const master = yield* ssh.start(host, undefined, { args: ["-N", "-v", "-M", "-S", socket] })
      yield* master.said(/Entering interactive session/, "stderr")
      // a port without a listener, so that a refused client cannot connect by itself
      const args = ["-s", "-S", socket, "-p", "9"]
      const first = yield* ssh.start(host, "sftp", { args })
      first.stdin.write(hello)
      yield* first.said(/posix-rename/)
      const second = ssh.run(host, "sftp", { args, stdin: hello })
      assert.include((yield* second).stderr, "Session open refused by peer")
      first.stdin.end()
      assert.strictEqual((yield* first.result).code, 0)
      const third = yield* Effect.repeat(second, {
        until: ({ stderr }) => !stderr.includes("refused by peer"),
        times: 100
      })
      assert.include(third.stdout.toString("latin1"), "posix-rename")
    }))
})
