import { SystemError } from "@effect/platform/Error"
import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Option, Stream } from "effect"
import { copy } from "../src/internal/files/copy.js"
import { remove } from "../src/internal/files/remove.js"
import * as posixPath from "../src/internal/lib/posixPath.js"
import { make as makeOperations, type Operations } from "../src/internal/sftp/requests.js"
import { make as makeSession } from "../src/internal/sftp/session.js"
import * as Sftp from "../src/protocol/Sftp.js"
import * as RemoteError from "../src/RemoteError.js"
import { findConnectionError } from "../src/RemoteError.js"
import { Outcome, TransferError } from "../src/Transfer.js"
import * as scriptedSftp from "./fixtures/scriptedSftp.js"

const { attributes, eof, handle, names, ok } = scriptedSftp

const directoryMode = 0o040755

const entry = (filename: string, permissions = 0o100644) => ({ filename, longname: "", attributes: { permissions } })

type Answers = {
  readonly [K in Sftp.Request["_tag"]]?: (request: Extract<Sftp.Request, { _tag: K }>) => scriptedSftp.Answer
}

/** The files of a server that answers so, and else as one that has all that it is asked about. */
const files = (answers: Answers, extensions: scriptedSftp.Options["extensions"] = []) =>
  Effect.map(
    scriptedSftp.make({
      extensions,
      answer: (request) => {
        const own = answers[request._tag] as ((request: Sftp.Request) => scriptedSftp.Answer) | undefined
        if (own !== undefined) return own(request)
        switch (request._tag) {
          case "Open":
          case "Opendir":
            return handle(request._tag)
          case "Stat":
          case "Lstat":
          case "Fstat":
            return attributes()
          case "Read":
          case "Readdir":
            return eof
          case "Realpath":
            return names(request.path)
          default:
            return ok
        }
      }
    }),
    ({ fs, sessions, transport }) => ({ fs, sessions, transport })
  )

const listing = (...all: ReadonlyArray<string>) => {
  let isListed = false
  return () => {
    if (isListed) return eof
    isListed = true
    return names(...all)
  }
}

const isProtocol = (error: unknown) => Option.exists(findConnectionError(error), ({ reason }) => reason === "Protocol")

describe("names that a server makes up", () => {
  // FOUND E15
  for (const name of ["../../.bashrc", "/etc/passwd", "", "a\0b", "a/b"]) {
    it.scoped(`${JSON.stringify(name)} is refused by readDirectory, remove and copy`, () =>
      Effect.gen(function*() {
        const removed: Array<string> = []
        const make = () =>
          files({
            Readdir: listing("fine", name),
            Lstat: ({ path }) => path === "/new" ? scriptedSftp.missing : attributes(directoryMode),
            Stat: () => attributes(directoryMode),
            Remove: ({ path }) => {
              removed.push(path)
              return ok
            }
          })
        for (
          const verb of [
            ({ fs }: Effect.Effect.Success<ReturnType<typeof files>>) => fs.readDirectory("/directory"),
            ({ fs }: Effect.Effect.Success<ReturnType<typeof files>>) =>
              fs.readDirectory("/directory", { recursive: true }),
            ({ fs }: Effect.Effect.Success<ReturnType<typeof files>>) => fs.remove("/directory", { recursive: true }),
            ({ fs }: Effect.Effect.Success<ReturnType<typeof files>>) => fs.copy("/directory", "/new")
          ]
        ) {
          const error = yield* Effect.flip(verb(yield* make()))
          assert(error._tag === "SystemError" && error.reason === "InvalidData", error.message)
        }
        assert.deepStrictEqual(removed, [])
      }))
  }
})

describe("control characters in a server's messages", () => {
  const orders = "\u001b]0;title\u0007\u001b[2J\u009b31m\r\u202e"
  const shown = "\\u001b]0;title\\u0007\\u001b[2J\\u009b31m\\u000d\\u202e"
  const status = Sftp.Response.Status({ code: Sftp.StatusCode.failure, message: orders })

  it.scoped("are escaped in the message of a status, and unchanged in its cause", () =>
    Effect.gen(function*() {
      const { fs } = yield* files({ Stat: () => status })
      const error = yield* Effect.flip(fs.stat("/file"))
      assert.include(error.message, `the SFTP server said: ${shown}`)
      assert(error._tag === "SystemError" && error.cause instanceof RemoteError.SftpStatusError)
      assert.strictEqual(error.cause.detail, orders)
      assert.include(error.cause.message, shown)
    }))

  it("is escaped in the messages of a command, a connection, a tunnel and a transfer", () => {
    const failed = new SystemError({
      module: "FileSystem",
      method: "get",
      reason: "Unknown",
      pathOrDescriptor: `/${orders}`
    })
    const messages = [
      new RemoteError.RemoteCommandError({ reason: "Exit", host: "a", command: "b", detail: "c", stderr: orders }),
      new RemoteError.RemoteConnectionError({ reason: "Protocol", host: "a", detail: "b", output: orders }),
      new RemoteError.TunnelError({ reason: "Unknown", detail: orders }),
      new TransferError({
        from: "/a",
        to: "/b",
        host: "c",
        files: 0,
        bytes: 0n,
        entries: [{
          path: `${orders}\nall is well`,
          type: "File",
          size: 0n,
          outcome: Outcome.Failed({ error: failed })
        }]
      })
    ].map(({ message }) => message)
    for (const message of messages) {
      assert.include(message, "\\u001b]0;title\\u0007\\u001b[2J\\u009b31m")
      assert.notMatch(message, /(?!\n)\p{Cc}|\u202e/u)
    }
    assert.include(messages[3], "\\u000aall is well: ")
  })
})

// FOUND E14
describe("what a server sends without end", () => {
  it.scoped("a name, a link's target and a path of more than 4096 bytes break the protocol", () =>
    Effect.gen(function*() {
      const long = "x".repeat(4097)
      const { fs } = yield* files({
        Readdir: () => names(long),
        Readlink: () => names("/".repeat(260_000)),
        Realpath: () => names(long)
      })
      for (const verb of [fs.readDirectory("/"), fs.readLink("/link"), fs.realPath("/")]) {
        assert.isTrue(isProtocol(yield* Effect.flip(Effect.asVoid<unknown, unknown, never>(verb))))
      }
    }))

  it.scoped("a handle of more than 256 bytes breaks the protocol", () =>
    Effect.gen(function*() {
      const { fs } = yield* files({ Open: () => handle("h".repeat(257)) })
      assert.isTrue(isProtocol(yield* Effect.flip(fs.readFile("/file"))))
    }))

  it.scoped("a read and a write of a byte each are not what a server is believed to allow", () =>
    Effect.gen(function*() {
      const limits = { packet: 0n, read: 1n, write: 1n, handles: 0n }
      const { fs, sessions } = yield* files({
        Limits: () => Sftp.Response.ExtendedReply({ data: Sftp.encodeLimits(limits) })
      }, ["limits"])
      yield* fs.writeFile("/file", new Uint8Array(2048))
      assert.strictEqual(sessions[0]!.requests.filter(({ _tag }) => _tag === "Write").length, 2)
    }))

  it.scoped("an answer with only . and .. is invalid", () =>
    Effect.gen(function*() {
      let answers = 0
      const { fs } = yield* files({
        Readdir: () => ++answers > 100 ? eof : names(".", ".."),
        Lstat: () => attributes(directoryMode)
      })
      assert.include((yield* Effect.flip(fs.readDirectory("/"))).message, "answered readDirectory with Name")
    }))

  it.scoped("a listing ends at its limit", () =>
    Effect.gen(function*() {
      const { fs } = yield* files({
        Readdir: () => names(...Array.from({ length: 100 }, (_, index) => `${index}`)),
        Lstat: () => attributes(directoryMode)
      })
      for (
        const verb of [
          fs.readDirectory("/", { limit: 1000 }),
          fs.readDirectory("/", { limit: 1000, recursive: true }),
          fs.listFiles("/", { limit: 1000 }),
          Stream.runDrain(fs.walk("/", { limit: 1000 }))
        ]
      ) {
        const error = yield* Effect.flip(Effect.asVoid(verb))
        assert.include(error.message, "more than 1000 names")
      }
      assert.strictEqual((yield* Effect.flip(fs.readDirectory("/", { limit: -1 })))._tag, "BadArgument")
    }))

  it.scoped("answers without names end a listing", () =>
    Effect.gen(function*() {
      const { fs } = yield* files({ Readdir: () => names(), Readlink: () => names() })
      assert.isTrue(isProtocol(yield* Effect.flip(fs.readDirectory("/"))))
      assert.isTrue(isProtocol(yield* Effect.flip(fs.readLink("/link"))))
    }))

  it.scoped("a file ends at the limit of what is read", () =>
    Effect.gen(function*() {
      const { fs, sessions } = yield* files({
        Read: ({ length }) => Sftp.Response.Data({ data: new Uint8Array(length) })
      })
      const limit = 1_000_000
      for (
        const verb of [
          Effect.asVoid(fs.readFile("/file", { limit })),
          Effect.asVoid(fs.readFileString("/file", "utf-8", { limit }))
        ]
      ) {
        const error = yield* Effect.flip(verb)
        assert.include(error.message, "more than 1000000 bytes")
      }
      yield* fs.stat("/file")
      // Each was closed.
      assert.strictEqual(sessions[0]!.requests.filter(({ _tag }) => _tag === "Close").length, 2)
      assert.strictEqual((yield* Effect.flip(fs.readFile("/file", { limit: -1 })))._tag, "BadArgument")
    }))

  it.scoped("a file that is too large by its size is not read at all", () =>
    Effect.gen(function*() {
      const { fs, sessions } = yield* files({ Stat: () => attributes(0o100644, 2n ** 31n) })
      assert.include((yield* Effect.flip(fs.readFile("/file"))).message, "more than 2147483647 bytes")
      assert.isFalse(sessions[0]!.requests.some(({ _tag }) => _tag === "Read"))
    }))

  it.scoped("a walk of an endless tree holds at most `limit` names", () =>
    Effect.gen(function*() {
      let open = false
      const { fs } = yield* files({
        Opendir: () => {
          open = true
          return handle("directory")
        },
        Readdir: () => {
          if (!open) return eof
          open = false
          return Sftp.Response.Name({
            entries: Array.from({ length: 100 }, (_, index) => entry(`${index}`, directoryMode))
          })
        }
      })
      // Each directory leaves 99 names waiting.
      const walked = yield* Stream.runCollect(
        Stream.takeUntil(fs.walk("/", { limit: 1000 }), ({ _tag }) => _tag === "Failed")
      )
      const last = Chunk.unsafeLast(walked)
      assert(last._tag === "Failed")
      assert.include(last.error.message, "more than")
      assert.isBelow(last.depth, 12)
    }))

  /** Every directory has these directories, which are as the one above them. */
  const endless = (...filenames: ReadonlyArray<string>) => {
    const fresh = new Set<string>()
    let opened = 0
    return files({
      Opendir: () => {
        const name = `${opened++}`
        fresh.add(name)
        return handle(name)
      },
      Readdir: ({ handle }) =>
        fresh.delete(scriptedSftp.handleText(handle))
          ? Sftp.Response.Name({ entries: filenames.map((name) => entry(name, directoryMode)) })
          : eof,
      Stat: () => attributes(directoryMode),
      Lstat: () => attributes(directoryMode)
    })
  }
  const listed = ({ sessions }: Effect.Effect.Success<ReturnType<typeof endless>>) =>
    sessions[0]!.requests.filter(({ _tag }) => _tag === "Opendir").length

  it.scoped("a tree that has no end ends at the limit of its transfer", () =>
    Effect.gen(function*() {
      for (
        const [filenames, why] of [
          [Array.from({ length: 10 }, (_, index) => `${index}`), "the tree has more than 1000 names: raise `limit`"],
          [["x".repeat(250), "y".repeat(250)], "the paths of the tree have more than 256000 characters: raise `limit`"]
        ] as const
      ) {
        const source = yield* endless(...filenames)
        const target = yield* files({
          Stat: ({ path }) => path === "/" ? attributes(directoryMode) : scriptedSftp.missing,
          Lstat: () => scriptedSftp.missing
        })
        const error = yield* Effect.flip(source.fs.get("/", "/copy", { limit: 1000, local: target.fs }))
        assert(error._tag === "TransferError")
        assert.isTrue(
          error.entries.some(({ outcome }) => outcome._tag === "Failed" && outcome.error.message.includes(why))
        )
        assert.isAtMost(error.entries.length, 1001)
        // Only the directories that were being listed at the same time are added.
        assert.isBelow(listed(source), 101 + 64)
      }
      const { fs } = yield* endless()
      assert.strictEqual((yield* Effect.flip(fs.get("/", "/copy", { limit: -1, local: fs })))._tag, "BadArgument")
    }))

  it.scoped("a target that has no end ends at the limit of a transfer that deletes", () =>
    Effect.gen(function*() {
      const source = yield* files({ Stat: () => attributes(directoryMode) })
      const target = yield* endless(...Array.from({ length: 10 }, (_, index) => `${index}`))
      const error = yield* Effect.flip(target.fs.put("/", "/copy", { delete: true, limit: 1000, local: source.fs }))
      assert(error._tag === "TransferError")
      assert.isTrue(error.entries.some(({ outcome }) => outcome._tag === "Failed"))
      assert.isAtMost(error.entries.length, 1001)
      assert.isBelow(listed(target), 1001)
    }))

  const wide = Array.from({ length: 10 }, (_, index) => `${index}`)

  /** Counts the entries below `/a` that are looked at at once. */
  const counted = (operations: Operations) => {
    let now = 0
    let most = 0
    const lstat: Operations["lstat"] = (attempt) => {
      if (!attempt.path.startsWith("/a")) return operations.lstat(attempt)
      return Effect.acquireUseRelease(
        Effect.sync(() => {
          most = Math.max(most, ++now)
        }),
        () => Effect.zipRight(Effect.forEach(wide, () => Effect.yieldNow()), operations.lstat(attempt)),
        () =>
          Effect.sync(() => {
            now--
          })
      )
    }
    return { operations: { ...operations, lstat }, most: () => most }
  }

  it.scoped("a tree that has no end ends at the limit of its removal and of its copy, eight entries at once", () =>
    Effect.gen(function*() {
      for (
        const verb of [
          (operations: Operations) => remove(operations, { method: "remove", path: "/a" }, { recursive: true }, 1000),
          // The failure of one worker also ends those that wait for work.
          (operations: Operations) =>
            Effect.uninterruptible(copy(operations, { method: "copy", path: "/a" }, "/b", {}, 1000))
        ]
      ) {
        const source = yield* endless(...wide)
        const { most, operations } = counted(
          makeOperations(yield* makeSession(source.transport), String(source.transport.host))
        )
        const error = yield* Effect.flip(verb(operations))
        assert(error._tag === "SystemError" && error.reason === "Unknown")
        assert.include(error.message, "the tree has more than 1000 names")
        assert.isBelow(listed(source), 1000 / 9 + 9)
        assert.isAbove(most(), 4)
        assert.isAtMost(most(), 8)
      }
    }))

  it.scoped("what a server says of its failure is cut", () =>
    Effect.gen(function*() {
      const { fs } = yield* files({
        Mkdir: () => Sftp.Response.Status({ code: Sftp.StatusCode.failure, message: "no ".repeat(50_000) }),
        Lstat: () => scriptedSftp.missing,
        Stat: () => scriptedSftp.missing
      })
      assert.isBelow((yield* Effect.flip(fs.makeDirectory("/new"))).message.length, 1000)
    }))
})

// FOUND E14: quadratic with a regular expression, minutes for these.
describe("paths of many slashes", () => {
  it("are taken apart in linear time", () => {
    const slashes = "/".repeat(4_000_000)
    assert.strictEqual(posixPath.parent(`${slashes}a`), "/")
    assert.strictEqual(posixPath.base(`${slashes}a${slashes}`), "a")
    assert.strictEqual(posixPath.withoutSlashes(`${slashes}a${slashes}`), `${slashes}a`)
    assert.strictEqual(posixPath.withoutSlashes(slashes), "/")
    assert.strictEqual(posixPath.withoutSlashes(""), "")
    assert.strictEqual(posixPath.parent(slashes), "/")
  })
})
