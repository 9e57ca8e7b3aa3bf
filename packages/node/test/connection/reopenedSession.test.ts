import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import { type Channel, ExitStatus } from "@effect-remote/core/Transport"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Option } from "effect"
import * as reopenedSession from "../../src/internal/multiplexed/reopenedSession.js"
import { attempts } from "../../src/internal/multiplexed/reopenedSessionState.js"

const bytes = (text: string) => new TextEncoder().encode(text)

const unanswered = new RemoteConnectionError({ reason: "ChannelRefused", host: "host", detail: "not answered" })

/** Sessions of a server, in the order in which they are opened. The test says how each is answered. */
const make = () => {
  const sessions: Array<{ readonly written: Array<string>; readonly answered: Deferred.Deferred<boolean> }> = []
  const open = Effect.gen(function*() {
    const answered = yield* Deferred.make<boolean>()
    const written: Array<string> = []
    const number = sessions.push({ written, answered })
    const channel: Channel = {
      read: Effect.sync(() => Option.some(bytes(`from ${number}`))),
      readStderr: Effect.succeedNone,
      write: (bytes) =>
        Effect.sync(() => {
          written.push(new TextDecoder().decode(bytes))
          return true
        }),
      end: Effect.sync(() => void written.push("end")),
      exit: Effect.succeed(ExitStatus.Code({ code: number }))
    }
    return { channel, isAnswered: Deferred.await(answered) }
  })
  const answer = (number: number, answered: boolean) =>
    Effect.zipRight(Deferred.succeed(sessions[number]!.answered, answered), Effect.yieldNow({ priority: 1 }))
  return { answer, open, written: () => sessions.map(({ written }) => written) }
}

const read = (channel: Channel) =>
  Effect.map(channel.read, (found) => new TextDecoder().decode(Option.getOrUndefined(found)))

// FOUND D1
describe("a session whose server closes it before it answers", () => {
  it.scoped("stays as it is once the server has answered", () =>
    Effect.gen(function*() {
      const { answer, open, written } = make()
      const channel = yield* reopenedSession.make(yield* open, { open, unanswered, sendsEarly: true })
      yield* channel.write(bytes("first"))
      yield* answer(0, true)
      yield* channel.write(bytes("second"))
      assert.strictEqual(yield* read(channel), "from 1")
      assert.deepStrictEqual(written(), [["first", "second"]])
    }))

  it.scoped("is opened again, and gets all that was written, in order", () =>
    Effect.gen(function*() {
      const { answer, open, written } = make()
      const channel = yield* reopenedSession.make(yield* open, { open, unanswered, sendsEarly: true })
      const reading = yield* Effect.fork(read(channel))
      yield* channel.write(bytes("first"))
      yield* answer(0, false)
      yield* channel.write(bytes("second"))
      yield* channel.end
      yield* answer(1, false)
      yield* answer(2, true)
      assert.strictEqual(yield* Fiber.join(reading), "from 3")
      assert.deepStrictEqual(yield* channel.exit, ExitStatus.Code({ code: 3 }))
      assert.deepStrictEqual(written().at(-1), ["first", "second", "end"])
    }))

  it.scoped("lets a writer of many bytes wait for the answer", () =>
    Effect.gen(function*() {
      const { answer, open, written } = make()
      const channel = yield* reopenedSession.make(yield* open, { open, unanswered, sendsEarly: true })
      const large = "x".repeat(100_000)
      const writing = yield* Effect.fork(channel.write(bytes(large)))
      yield* answer(0, false)
      yield* answer(1, true)
      assert.isTrue(yield* Fiber.join(writing))
      assert.deepStrictEqual(written(), [[], [large]])
    }))

  // FOUND D6
  it.scoped("gets no input before the answer, if it must not be sent early", () =>
    Effect.gen(function*() {
      const { answer, open, written } = make()
      const channel = yield* reopenedSession.make(yield* open, { open, unanswered, sendsEarly: false })
      const writing = yield* Effect.fork(Effect.zipRight(channel.write(bytes("first")), channel.end))
      yield* answer(0, false)
      assert.deepStrictEqual(written(), [[], []])
      yield* answer(1, true)
      yield* Fiber.join(writing)
      assert.deepStrictEqual(written(), [[], ["first", "end"]])
    }))

  it.scoped("fails after some attempts", () =>
    Effect.gen(function*() {
      const { answer, open, written } = make()
      const channel = yield* reopenedSession.make(yield* open, { open, unanswered, sendsEarly: true })
      for (let number = 0; number <= attempts; number++) yield* answer(number, false)
      assert.strictEqual(yield* Effect.flip(channel.read), unanswered)
      assert.strictEqual(yield* Effect.flip(channel.exit), unanswered)
      assert.strictEqual(yield* Effect.flip(channel.write(bytes("more"))), unanswered)
      assert.strictEqual(written().length, attempts + 1)
    }))

  it.scoped("fails if it cannot be opened again", () =>
    Effect.gen(function*() {
      const { answer, open } = make()
      const lost = new RemoteConnectionError({ reason: "ConnectionLost", host: "host", detail: "lost" })
      const channel = yield* reopenedSession.make(yield* open, { open: lost, unanswered, sendsEarly: true })
      yield* answer(0, false)
      assert.strictEqual(yield* Effect.flip(channel.read), lost)
    }))
})
