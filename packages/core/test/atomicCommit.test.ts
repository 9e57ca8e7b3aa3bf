/**
 * An atomic write to a host that does not answer to the rename.
 */
import type * as Sftp from "@effect-remote/core/protocol/Sftp"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, Logger, Option, Stream, TestClock } from "effect"
import * as scriptedSftp from "./fixtures/scriptedSftp.js"

const hidden = /^\/\.effect-remote-[0-9a-f]+\.tmp$/

/** A server with no files that does not answer to a rename. It answers to `Remove` as `removed` says. */
const silent = (removed: (session: scriptedSftp.Served) => scriptedSftp.Answer) =>
  Effect.gen(function*() {
    const asked = yield* Deferred.make<void>()
    const answer = (request: Sftp.Request, session: scriptedSftp.Served): scriptedSftp.Answer => {
      switch (request._tag) {
        case "PosixRename":
          Deferred.unsafeDone(asked, Effect.void)
          return undefined
        case "Remove":
          return removed(session)
        case "Open":
          return scriptedSftp.handle(request.path)
        case "Lstat":
          return scriptedSftp.missing
        case "Stat":
          return scriptedSftp.attributes(request.path === "/" ? 0o040755 : undefined)
        case "Fstat":
          return scriptedSftp.attributes()
        default:
          return scriptedSftp.ok
      }
    }
    const { fs, sessions, transport } = yield* scriptedSftp.make({ extensions: ["posixRename", "fsync"], answer })
    const requests = () => sessions.flatMap(({ requests }) => requests)
    return { asked: Deferred.await(asked), fs, host: String(transport.host), requests }
  })

const settle = Effect.repeatN(Effect.yieldNow(), 200)

const logging = (logged: Array<string>) =>
  Logger.replace(Logger.defaultLogger, Logger.make(({ message }) => void logged.push(String(message))))

type Silent = Effect.Effect.Success<ReturnType<typeof silent>>

const writes: ReadonlyArray<readonly [name: string, write: (server: Silent) => Effect.Effect<void, unknown>]> = [
  ["a small atomicWrite", ({ fs }) => fs.atomicWrite("/file", "new")],
  ["a large atomicWrite", ({ fs }) => fs.atomicWrite("/file", new Uint8Array(100_000))],
  ["atomicSink", ({ fs }) => Stream.run(Stream.make(new Uint8Array(10)), fs.atomicSink("/file"))]
]

it.scoped("the rename of an atomic write fails with TimedOut after 30 seconds without an answer", () =>
  Effect.gen(function*() {
    const server = yield* silent(() => scriptedSftp.ok)
    const writing = yield* Effect.fork(Effect.flip(server.fs.atomicWrite("/file", "new")))
    yield* server.asked
    yield* TestClock.adjust("29 seconds")
    yield* settle
    assert.isTrue(Option.isNone(yield* Fiber.poll(writing)))
    // And the clean-up.
    yield* TestClock.adjust("6 seconds")
    const error = yield* Fiber.join(writing)
    assert(error._tag === "SystemError")
    assert.strictEqual(error.reason, "TimedOut")
    assert.strictEqual(error.pathOrDescriptor, "/file")
  }))

describe("an interruption during the rename of an atomic write", () => {
  for (const [name, write] of writes) {
    it.scoped(`${name}: ends within 5 seconds and warns if the host does not answer`, () =>
      Effect.gen(function*() {
        const logged: Array<string> = []
        const server = yield* silent(() => undefined)
        const writing = yield* Effect.fork(Effect.provide(write(server), logging(logged)))
        yield* server.asked
        yield* Fiber.interruptFork(writing)
        yield* settle
        assert.isTrue(Option.isNone(yield* Fiber.poll(writing)))
        assert.deepStrictEqual(logged, [])
        yield* TestClock.adjust("5 seconds")
        yield* settle
        const exit = yield* Fiber.poll(writing)
        assert.isTrue(Option.isSome(exit) && Exit.isInterrupted(exit.value))
        assert.strictEqual(logged.length, 1, logged.join("\n"))
        const [, before, path, after] = /^(.*)"(\/\.effect[^"]*)"(.*)$/.exec(logged[0]!) ?? []
        assert.strictEqual(
          before,
          `The file "/file" on ${server.host} may or may not have been replaced, and the hidden file `
        )
        assert.match(path!, hidden)
        assert.strictEqual(after, " may remain: the host did not answer within 5s")
      }))

    it.scoped(`${name}: does not warn if the host answers to the clean-up`, () =>
      Effect.gen(function*() {
        for (const answer of [scriptedSftp.ok, scriptedSftp.missing]) {
          const logged: Array<string> = []
          const server = yield* silent(() => answer)
          const writing = yield* Effect.fork(Effect.provide(write(server), logging(logged)))
          yield* server.asked
          yield* Fiber.interruptFork(writing)
          yield* settle
          // The first session is held up by the rename: another one is opened after 3 seconds.
          yield* TestClock.adjust("4 seconds")
          yield* settle
          const exit = yield* Fiber.poll(writing)
          assert.isTrue(Option.isSome(exit) && Exit.isInterrupted(exit.value))
          assert.deepStrictEqual(logged, [])
          const removed = server.requests().flatMap((request) => request._tag === "Remove" ? [request.path] : [])
          assert.strictEqual(removed.length, 1)
          assert.match(removed[0]!, hidden)
        }
      }))
  }
})
