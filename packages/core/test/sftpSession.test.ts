import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Logger, Option, Stream, TestClock } from "effect"
import * as Sftp from "../src/protocol/Sftp.js"
import * as scriptedSftp from "./fixtures/scriptedSftp.js"

const { attributes, handle, ok } = scriptedSftp

/** A server whose files are endless and take all that is written. */
const endless = (request: Sftp.Request): scriptedSftp.Answer => {
  switch (request._tag) {
    case "Open":
      return handle(request.path)
    case "Read":
      return Sftp.Response.Data({ data: new Uint8Array(request.length) })
    case "Stat":
    case "Lstat":
      return attributes(request.path === "/" ? 0o040755 : undefined)
    case "Fstat":
      return attributes()
    case "Realpath":
      return scriptedSftp.names(request.path)
    default:
      return ok
  }
}

describe("a server that reads no more", () => {
  // FOUND E6
  it.scoped("does not hold the interruption of a stream, nor of what writes", () =>
    Effect.gen(function*() {
      const taken = yield* Deferred.make<void>()
      const stalled = yield* Deferred.make<void>()
      const { fs } = yield* scriptedSftp.make({
        answer: (request, session) => {
          if (request._tag === "Write") {
            session.stall()
            Deferred.unsafeDone(stalled, Effect.void)
          }
          return endless(request)
        }
      })
      const streaming = yield* Effect.fork(Stream.runForEach(
        fs.stream("/endless"),
        () => Effect.zipRight(Deferred.succeed(taken, undefined), Effect.never)
      ))
      yield* Deferred.await(taken)
      const writing = yield* Effect.forEach(
        ["/a", "/b", "/c"],
        (path) => Effect.fork(fs.writeFile(path, new Uint8Array(16 * 1024 * 1024)))
      )
      yield* Deferred.await(stalled)
      // The requests of the writes fill the queue.
      yield* Effect.repeatN(Effect.yieldNow(), 100)
      const ended = yield* Effect.fork(Fiber.interruptAll([streaming, ...writing]))
      yield* TestClock.adjust("5 seconds")
      assert.isTrue(Option.isSome(yield* Fiber.poll(ended)))
    }))
})

const pipe = 0o010644

/** A server that does nothing else while it opens `/pipe`, as OpenSSH's does. It reports `type` for the pipe. */
const blocking = (type: number) => {
  const isBlocked = new Set<number>()
  return (request: Sftp.Request, { number }: scriptedSftp.Served): scriptedSftp.Answer => {
    if (isBlocked.has(number)) return undefined
    if (request._tag === "Open" && request.path === "/pipe") {
      isBlocked.add(number)
      return undefined
    }
    if (request._tag === "Stat" && request.path === "/pipe") return attributes(type)
    return request._tag === "Read" && request.offset > 0n ? scriptedSftp.eof : endless(request)
  }
}

/** Gives the fibers their turn. */
const settle = Effect.repeatN(Effect.yieldNow(), 200)

const joined = <A, E>(fiber: Fiber.Fiber<A, E>) =>
  Effect.gen(function*() {
    yield* settle
    assert.isTrue(Option.isSome(yield* Fiber.poll(fiber)), "it has not ended")
    return yield* Fiber.join(fiber)
  })

describe("a server that is held up by a file", () => {
  // FOUND E13
  it.scoped("serves what comes after an abandoned request in another session", () =>
    Effect.gen(function*() {
      const { fs, sessions } = yield* scriptedSftp.make({ answer: blocking(0o100644) })
      const reading = yield* Effect.fork(Effect.timeoutOption(fs.readFile("/pipe"), "1 second"))
      yield* TestClock.adjust("1 second")
      assert.isTrue(Option.isNone(yield* joined(reading)))
      const next = yield* Effect.fork(fs.readFile("/file"))
      yield* TestClock.adjust("3 seconds")
      assert.isAbove((yield* joined(next)).length, 0)
      assert.deepStrictEqual(sessions.map(({ isClosed }) => isClosed), [true, false])
      // The new session serves the next request at once.
      yield* fs.stat("/file")
      assert.strictEqual(sessions.length, 2)
    }))

  it.scoped("serves an uninterruptible caller after an abandoned request", () =>
    Effect.gen(function*() {
      const { fs } = yield* scriptedSftp.make({ answer: blocking(0o100644) })
      const reading = yield* Effect.fork(Effect.timeoutOption(fs.readFile("/pipe"), "1 second"))
      yield* TestClock.adjust("1 second")
      yield* joined(reading)
      const next = yield* Effect.fork(Effect.uninterruptible(fs.readFile("/file")))
      yield* TestClock.adjust("3 seconds")
      assert.isAbove((yield* joined(next)).length, 0)
    }))

  // FOUND E13
  it.scoped("serves others while a caller waits for a pipe, and closes the pipe's session afterwards", () =>
    Effect.gen(function*() {
      const { fs, sessions } = yield* scriptedSftp.make({ answer: blocking(pipe) })
      const reading = yield* Effect.fork(fs.readFile("/pipe"))
      yield* settle
      const next = yield* Effect.fork(fs.readFile("/file"))
      yield* TestClock.adjust("3 seconds")
      yield* joined(next)
      assert.deepStrictEqual(sessions.map(({ isClosed }) => isClosed), [false, false])
      yield* TestClock.adjust("1 minute")
      assert.isTrue(Option.isNone(yield* Fiber.poll(reading)))
      yield* Fiber.interrupt(reading)
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(sessions.map(({ isClosed }) => isClosed), [true, false])
    }))

  // FOUND E13
  it.scoped("fails requests sent after the blocked one with TimedOut", () =>
    Effect.gen(function*() {
      const { fs } = yield* scriptedSftp.make({ answer: blocking(0o100644) })
      yield* fs.stat("/file")
      const reading = yield* Effect.fork(Effect.timeoutOption(fs.readFile("/pipe"), "1 second"))
      yield* settle
      const behind = yield* Effect.fork(Effect.flip(fs.stat("/file")))
      yield* TestClock.adjust("1 second")
      yield* joined(reading)
      yield* TestClock.adjust("31 seconds")
      const error = yield* joined(behind)
      assert(error._tag === "SystemError" && error.reason === "TimedOut")
      assert.include(error.message, "held up by an earlier request (Open)")
    }))

  it.scoped("stays in its session when the abandoned answer comes late", () =>
    Effect.gen(function*() {
      const opens: Array<() => void> = []
      const { fs, sessions } = yield* scriptedSftp.make({
        answer: (request, session, id) => {
          if (request._tag !== "Open") return endless(request)
          opens.push(() => session.send(id, handle("late")))
          return undefined
        }
      })
      const reading = yield* Effect.fork(fs.readFile("/file"))
      yield* settle
      yield* Fiber.interrupt(reading)
      const next = yield* Effect.fork(fs.stat("/file"))
      yield* TestClock.adjust("2 seconds")
      assert.isTrue(Option.isNone(yield* Fiber.poll(next)))
      opens[0]!()
      yield* joined(next)
      assert.strictEqual(sessions.length, 1)
      // The handle that nobody wanted any more was closed.
      assert.strictEqual(sessions[0]!.requests.filter(({ _tag }) => _tag === "Close").length, 1)
    }))
})

/** A server that counts what is open, and refuses more than it allows. */
const counting = (most: number) => {
  let open = 0
  let largest = 0
  return {
    largest: () => largest,
    answer: (request: Sftp.Request): scriptedSftp.Answer => {
      switch (request._tag) {
        case "Limits":
          return Sftp.Response.ExtendedReply({
            data: Sftp.encodeLimits({ packet: 0n, read: 0n, write: 0n, handles: BigInt(most) })
          })
        case "Open":
        case "Opendir":
          if (open === most) return scriptedSftp.failure
          largest = Math.max(largest, ++open)
          return handle(`${request._tag} ${request.path} ${Math.random()}`)
        case "Close":
          open--
          return ok
        case "Read":
          return request.offset > 0n ? scriptedSftp.eof : Sftp.Response.Data({ data: new Uint8Array(10) })
        case "Readdir":
          return scriptedSftp.eof
        case "Fstat":
          return attributes(0o100644, 10n)
        case "Lstat":
          return request.path.startsWith("/new") ? scriptedSftp.missing : attributes(0o100644, 10n)
        default:
          return endless(request)
      }
    }
  }
}

/** A server that makes something later than its caller waits. */
const late = (made: Sftp.Request["_tag"], answer: scriptedSftp.Answer) => {
  const held: Array<() => void> = []
  const warnings: Array<string> = []
  const logger = Logger.make(({ message }) => {
    warnings.push(String(message))
  })
  return {
    warnings,
    release: () => {
      for (const answer of held.splice(0)) answer()
    },
    files: scriptedSftp.make({
      answer: (request, session, id) => {
        if (request._tag === made && session.number === 0) {
          held.push(() => session.send(id, answer))
          return undefined
        }
        // Nothing of it exists yet.
        return "path" in request && request.path !== "/" ? scriptedSftp.missing : endless(request)
      }
    }),
    logged: Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
    /** Interrupts it once it waits, until its clean-up has run in another session. */
    interrupted: <A, E>(effect: Effect.Effect<A, E>) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(effect)
        yield* settle
        yield* Fiber.interruptFork(fiber)
        yield* settle
        yield* TestClock.adjust("3 seconds")
        yield* settle
        assert.isTrue(Option.isSome(yield* Fiber.poll(fiber)), "it has not ended")
      })
  }
}

const lastOf = ({ requests }: scriptedSftp.Served, count: number) =>
  requests.slice(-count).map((request) => "path" in request ? [request._tag, request.path] : [request._tag])

describe("a creation that the server answers after its caller has gone", () => {
  it.scoped("removes a temporary directory in the session that made it, which is then closed", () => {
    const { files, interrupted, logged, release, warnings } = late("Mkdir", ok)
    return logged(Effect.gen(function*() {
      const { fs, sessions } = yield* files
      yield* interrupted(fs.makeTempDirectory())
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(sessions.map(({ isClosed }) => isClosed), [false, false])
      release()
      yield* settle
      const [made, removed] = lastOf(sessions[0]!, 2)
      assert.deepStrictEqual([made![0], removed], ["Mkdir", ["Rmdir", made![1]!]])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(sessions.map(({ isClosed }) => isClosed), [true, false])
      assert.deepStrictEqual(warnings, [])
    }))
  })

  for (
    const [name, content] of [
      ["a small atomic write", new Uint8Array(10)],
      ["an atomic write of a stream", Stream.make(new Uint8Array(10))]
    ] as const
  ) {
    it.scoped(`closes and removes the hidden file of ${name}`, () =>
      Effect.gen(function*() {
        const { files, interrupted, release } = late("Open", handle("late"))
        const { fs, sessions } = yield* files
        yield* interrupted(fs.atomicWrite("/file", content))
        release()
        yield* settle
        const [opened, closed, removed] = lastOf(sessions[0]!, 3)
        assert.deepStrictEqual([opened![0], closed, removed], ["Open", ["Close"], ["Remove", opened![1]!]])
        yield* TestClock.adjust("1 second")
        assert.isTrue(sessions[0]!.isClosed)
      }))
  }

  it.scoped("keeps a directory of the user's own name", () =>
    Effect.gen(function*() {
      const { files, interrupted } = late("Mkdir", ok)
      const { fs, sessions } = yield* files
      yield* interrupted(fs.makeDirectory("/mine"))
      const next = yield* Effect.fork(fs.stat("/"))
      yield* TestClock.adjust("3 seconds")
      yield* joined(next)
      yield* TestClock.adjust("1 second")
      assert.isTrue(sessions[0]!.isClosed)
      assert.deepStrictEqual(lastOf(sessions[0]!, 1), [["Mkdir", "/mine"]])
    }))

  it.scoped("is given up after 5 minutes of silence, with a warning", () => {
    const { files, interrupted, logged, warnings } = late("Mkdir", ok)
    return logged(Effect.gen(function*() {
      const { fs, sessions } = yield* files
      yield* interrupted(fs.makeTempDirectory({ directory: "/temporary" }))
      yield* TestClock.adjust("4 minutes")
      assert.isFalse(sessions[0]!.isClosed)
      assert.deepStrictEqual(warnings, [])
      yield* TestClock.adjust("1 minute")
      assert.isTrue(sessions[0]!.isClosed)
      assert.strictEqual(warnings.length, 1)
      assert.match(warnings[0]!, /"\/temporary\/[0-9a-f]{12}" on .* may remain/)
    }))
  })
})

describe("a server that does not answer a rename", () => {
  it.scoped("fails the atomic write of an uninterruptible caller after 30 seconds", () =>
    Effect.gen(function*() {
      const asked = yield* Deferred.make<void>()
      const { fs } = yield* scriptedSftp.make({
        answer: (request) => {
          if (request._tag === "Stat" || request._tag === "Lstat") {
            return request.path === "/" ? attributes(0o040755) : scriptedSftp.missing
          }
          if (request._tag !== "Rename" && request._tag !== "Extended") return endless(request)
          Deferred.unsafeDone(asked, Effect.void)
          return undefined
        }
      })
      const writing = yield* Effect.fork(Effect.uninterruptible(Effect.flip(fs.atomicWrite("/file", "text"))))
      yield* Deferred.await(asked)
      yield* TestClock.adjust("30 seconds")
      yield* TestClock.adjust("5 seconds")
      const error = yield* joined(writing)
      assert(error._tag === "SystemError" && error.reason === "TimedOut")
    }))
})

describe("a server that limits the open files", () => {
  // FOUND A18
  it.scoped("is asked for no more than it allows, whatever is done at once", () =>
    Effect.gen(function*() {
      const server = counting(6)
      const { fs } = yield* scriptedSftp.make({ answer: server.answer, extensions: ["limits"] })
      const at = Array.from({ length: 50 }, (_, index) => index)
      yield* Effect.all([
        Effect.forEach(at, (index) => fs.readFile(`/${index}`), { concurrency: "unbounded" }),
        Effect.forEach(at, () => fs.readDirectory("/"), { concurrency: "unbounded" }),
        Effect.forEach(at, (index) => fs.writeFileString(`/${index}`, "x"), { concurrency: "unbounded" }),
        // Two at a time.
        Effect.forEach(at, (index) => fs.copyFile(`/${index}`, `/new ${index}`), { concurrency: "unbounded" }),
        Effect.forEach(at, (index) => fs.atomicWrite(`/new file ${index}`, new Uint8Array(10)), {
          concurrency: "unbounded"
        })
      ], { concurrency: "unbounded" })
      assert.strictEqual(server.largest(), 6)
    }))

  // FOUND A18
  it.scoped("gives handles in the order in which they were asked for, and to nobody who has gone", () =>
    Effect.gen(function*() {
      const server = counting(2)
      const { fs, sessions } = yield* scriptedSftp.make({ answer: server.answer, extensions: ["limits"] })
      const opened = yield* Deferred.make<void>()
      const first = yield* Effect.fork(
        Effect.scoped(
          Effect.zipRight(fs.open("/first"), Effect.zipRight(Deferred.succeed(opened, undefined), Effect.never))
        )
      )
      yield* Deferred.await(opened)
      const [second, gone, third] = yield* Effect.forEach(
        ["/second", "/gone", "/third"],
        (path) => Effect.zipLeft(Effect.fork(fs.readFile(path)), settle)
      )
      yield* Fiber.interrupt(gone!)
      yield* Fiber.interrupt(first)
      yield* joined(second!)
      yield* joined(third!)
      assert.deepStrictEqual(
        sessions[0]!.requests.flatMap((request) => request._tag === "Open" ? [request.path] : []),
        ["/first", "/second", "/third"]
      )
    }))

  // FOUND A18
  it.scoped("an operation that waits for a free handle fails with TimedOut after 60 seconds", () =>
    Effect.gen(function*() {
      const server = counting(2)
      const { fs } = yield* scriptedSftp.make({ answer: server.answer, extensions: ["limits"] })
      yield* fs.open("/held")
      const waiting = yield* Effect.fork(Effect.flip(fs.readFile("/file")))
      yield* TestClock.adjust("61 seconds")
      const error = yield* joined(waiting)
      assert(error._tag === "SystemError" && error.reason === "TimedOut")
      assert.include(error.message, "limits@openssh.com")
    }))
})
