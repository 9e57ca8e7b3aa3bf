import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either, Exit, Fiber, TestClock } from "effect"
import * as conversation from "../../src/internal/sftp/conversation.js"
import * as Sftp from "../../src/protocol/Sftp.js"
import * as Wire from "../../src/protocol/Wire.js"

const ok = Sftp.Response.Status({ code: Sftp.StatusCode.ok, message: "" })
const failure = Sftp.Response.Status({ code: Sftp.StatusCode.failure, message: "" })
const stat = Sftp.Request.Stat({ path: "/file" })
const mkdir = Sftp.Request.Mkdir({ path: "/made", attributes: {} })
const rmdir = Sftp.Request.Rmdir({ path: "/made" })
const remove = Sftp.Request.Remove({ path: "/file" })
const opening = (flags: number = Sftp.OpenFlags.read) => Sftp.Request.Open({ path: "/file", flags, attributes: {} })
const writing = opening(Sftp.OpenFlags.write)

const error: conversation.MakeError = (reason, detail) => new RemoteConnectionError({ reason, host: "host", detail })

/** A conversation at a time that the test sets, with the answers that callers have got. */
const start = () => {
  const clock = { now: 0 }
  let losses = 0
  const state = conversation.make(() => clock.now, error, () => losses++)
  const got: Array<string> = []
  const record = (name: string): conversation.Answered => (answer) =>
    void got.push(
      `${name} ${Exit.match(answer, { onSuccess: ({ _tag }) => _tag, onFailure: () => "failed" })}`
    )
  const split = Wire.splitter(Sftp.longestPacket)
  return {
    clock,
    state,
    got,
    losses: () => losses,
    post: (name: string, request: Sftp.Request, undo?: conversation.Undo) =>
      conversation.post(state, request, record(name), { undo }),
    answer: (id: number, packet: Sftp.Response) => conversation.answer(state, { id, packet }),
    handle: (text: string) => Sftp.Response.Handle({ handle: new TextEncoder().encode(text) }),
    /** The requests that were sent since the last call. */
    sent: () =>
      [...split(state.outgoing.take())].map((packet) => Either.getOrThrow(Either.flatMap(packet, Sftp.decodeRequest)))
        .map(({ id, packet }) => `${id} ${packet._tag}`)
  }
}

describe("the state of a session", () => {
  it("matches answers with requests by number, in any order", () => {
    const { answer, got, post, sent } = start()
    post("first", stat)
    post("second", stat)
    assert.deepStrictEqual(sent(), ["0 Stat", "1 Stat"])
    answer(1, ok)
    answer(0, failure)
    assert.deepStrictEqual(got, ["second Status", "first Status"])
  })

  it("wraps the numbers of requests at 32 bits", () => {
    const { post, sent, state } = start()
    state.nextId = 0xffffffff
    post("last", stat)
    post("first", stat)
    assert.deepStrictEqual(sent(), ["4294967295 Stat", "0 Stat"])
  })

  it("is lost through an answer to a request that nobody made", () => {
    const { answer, got, losses, post, state } = start()
    post("mine", stat)
    answer(7, ok)
    assert.include(state.lost?.message, "request 7")
    assert.deepStrictEqual(got, ["mine failed"])
    assert.strictEqual(losses(), 1)
  })

  it("fails everything in flight once when it is lost, and what comes after", () => {
    const { got, losses, post, sent, state } = start()
    post("before", stat)
    conversation.lose(state, error("ConnectionLost", "cut"))
    conversation.lose(state, error("ConnectionLost", "cut again"))
    post("after", stat)
    assert.deepStrictEqual(got, ["before failed", "after failed"])
    assert.strictEqual(state.lost?.detail, "cut")
    assert.strictEqual(losses(), 1)
    assert.deepStrictEqual(sent(), [])
  })

  it("closes a handle once", () => {
    const { answer, handle, post, sent, state } = start()
    post("open", opening())
    const opened = handle("a")
    answer(0, opened)
    sent()
    assert.strictEqual(state.handles.count(), 1)
    conversation.close(state, opened.handle)
    conversation.close(state, opened.handle)
    conversation.closeUnused(state, opened)
    assert.deepStrictEqual(sent(), ["1 Close"])
    assert.strictEqual(state.handles.count(), 0)
  })

  it("closes the handle of an opening that was abandoned", () => {
    const { answer, got, handle, post, sent } = start()
    const abandon = post("open", opening())
    abandon()
    sent()
    answer(0, handle("a"))
    assert.deepStrictEqual(sent(), ["1 Close"])
    assert.deepStrictEqual(got, [])
  })

  it("leaves the handle to its caller if the answer came before the abandonment", () => {
    const { answer, handle, post, sent, state } = start()
    const abandon = post("open", opening())
    answer(0, handle("a"))
    abandon()
    assert.deepStrictEqual(sent(), ["0 Open"])
    assert.strictEqual(state.handles.count(), 1)
    assert.strictEqual(state.doubts.count(), 0)
  })

  it("doubts the requests about a handle that is left", () => {
    const { answer, handle, post, state } = start()
    post("open", opening())
    const opened = handle("a")
    answer(0, opened)
    post("read", Sftp.Request.Read({ handle: opened.handle, offset: 0n, length: 1 }))
    post("other", stat)
    conversation.leave(state, opened.handle, false)
    // The read and the close.
    assert.strictEqual(state.doubts.count(), 2)
  })

  it("is idle without handles and without requests in flight", () => {
    const { answer, handle, post, state } = start()
    assert.isTrue(conversation.isIdle(state))
    post("open", opening())
    assert.isFalse(conversation.isIdle(state))
    const opened = handle("a")
    answer(0, opened)
    assert.isFalse(conversation.isIdle(state))
    conversation.close(state, opened.handle)
    assert.isFalse(conversation.isIdle(state))
    answer(1, ok)
    assert.isTrue(conversation.isIdle(state))
  })

  it("is idle after 3 seconds if only abandoned requests are in flight", () => {
    const { clock, post, state } = start()
    post("made", mkdir)()
    clock.now = 2999
    assert.isFalse(conversation.isIdle(state))
    clock.now = 3000
    assert.isTrue(conversation.isIdle(state))
    assert.isTrue(conversation.isBlocked(state))
    post("other", stat)
    assert.isFalse(conversation.isIdle(state))
  })

  it("is not blocked while the server answers", () => {
    const { answer, clock, post, state } = start()
    post("one", stat)
    post("made", mkdir)()
    post("other", stat)
    clock.now = 2999
    answer(2, ok)
    clock.now = 5000
    assert.isFalse(conversation.isBlocked(state))
    answer(0, ok)
    clock.now = 7999
    assert.isFalse(conversation.isBlocked(state))
    clock.now = 8000
    assert.isTrue(conversation.isBlocked(state))
  })

  it("fails the requests after an unanswered one after 30 seconds, and closes their handles later", () => {
    const { answer, clock, got, handle, post, sent, state } = start()
    post("held", opening())()
    post("behind", opening())
    clock.now = 29_999
    assert.isTrue(conversation.checkTime(state))
    assert.deepStrictEqual(got, [])
    clock.now = 30_000
    conversation.checkTime(state)
    assert.deepStrictEqual(got, ["behind failed"])
    sent()
    answer(1, handle("late"))
    assert.deepStrictEqual(got, ["behind failed"])
    assert.deepStrictEqual(sent(), ["2 Close"])
  })

  it("does not watch the time without doubts", () => {
    const { answer, clock, post, state } = start()
    post("slow", stat)
    clock.now = 1_000_000
    assert.isFalse(conversation.checkTime(state))
    post("held", stat)()
    assert.isTrue(conversation.checkTime(state))
    answer(0, ok)
    answer(1, ok)
    assert.isFalse(conversation.checkTime(state))
  })

  it.effect("waits for the answers in doubt, for 3 seconds", () =>
    Effect.gen(function*() {
      const { answer, post, state } = start()
      assert.isTrue(yield* conversation.goesOn(state))
      post("held", stat)()
      const goesOn = yield* Effect.fork(conversation.goesOn(state))
      yield* TestClock.adjust("1 second")
      answer(0, ok)
      assert.isTrue(yield* Fiber.join(goesOn))
    }))
})

describe("an abandoned request with an undo", () => {
  it("is undone when it succeeds", () => {
    const { answer, post, sent, state } = start()
    post("made", mkdir, rmdir)()
    assert.deepStrictEqual(sent(), ["0 Mkdir"])
    assert.isTrue(conversation.owesUndo(state))
    answer(0, ok)
    assert.deepStrictEqual(sent(), ["1 Rmdir"])
    assert.isTrue(conversation.owesUndo(state))
    answer(1, ok)
    assert.isFalse(conversation.owesUndo(state))
    assert.deepStrictEqual(sent(), [])
  })

  it("is closed before it is undone if it opens a file", () => {
    const { answer, handle, post, sent } = start()
    post("made", writing, remove)()
    sent()
    answer(0, handle("a"))
    assert.deepStrictEqual(sent(), ["1 Close", "2 Remove"])
  })

  it("is not undone when it fails", () => {
    const { answer, post, sent, state } = start()
    post("made", mkdir, rmdir)()
    sent()
    answer(0, failure)
    assert.deepStrictEqual(sent(), [])
    assert.isFalse(conversation.owesUndo(state))
  })

  it("is undone if it was given up after 30 seconds", () => {
    const { answer, clock, got, post, sent, state } = start()
    post("held", stat)()
    post("made", mkdir, rmdir)
    clock.now = 30_000
    conversation.checkTime(state)
    assert.deepStrictEqual(got, ["made failed"])
    sent()
    answer(1, ok)
    assert.deepStrictEqual(sent(), ["2 Rmdir"])
  })

  it("is not undone if it was answered before", () => {
    const { answer, post, sent, state } = start()
    const abandon = post("made", mkdir, rmdir)
    answer(0, ok)
    abandon()
    assert.deepStrictEqual(sent(), ["0 Mkdir"])
    assert.isFalse(conversation.owesUndo(state))
  })

  it("keeps the session from being idle, until the server was silent for 5 minutes", () => {
    const { clock, post, state } = start()
    post("made", mkdir, rmdir)()
    clock.now = 299_999
    assert.isFalse(conversation.isIdle(state))
    clock.now = 300_000
    assert.isTrue(conversation.isIdle(state))
    assert.isFalse(conversation.owesUndo(state))
  })

  it("is not owed by a session that is lost", () => {
    const { post, state } = start()
    post("made", mkdir, rmdir)()
    conversation.lose(state, error("ConnectionLost", "cut"))
    assert.isFalse(conversation.owesUndo(state))
  })
})

describe("the handles of a session", () => {
  const limited = (count: number) => {
    const all = start()
    all.state.handles.limit(count, conversation.handleWithin)
    return all
  }

  it("hold back an opening until one of the same kind was closed", () => {
    const { answer, handle, post, sent, state } = limited(2)
    post("first", opening())
    post("second", opening())
    post("write", writing)
    assert.deepStrictEqual(sent(), ["0 Open", "1 Open"])
    const opened = handle("a")
    answer(0, opened)
    conversation.close(state, opened.handle)
    assert.deepStrictEqual(sent(), ["2 Close"])
    answer(2, ok)
    assert.deepStrictEqual(sent(), ["3 Open"])
  })

  it("give back the turn of an opening that fails", () => {
    const { answer, post, sent } = limited(2)
    post("first", opening())
    post("second", opening())
    sent()
    answer(0, failure)
    assert.deepStrictEqual(sent(), ["1 Open"])
  })

  it("forget an opening that was abandoned before it was sent", () => {
    const { answer, got, post, sent } = limited(2)
    post("first", opening())
    const abandon = post("second", opening())
    post("third", opening())
    abandon()
    sent()
    answer(0, failure)
    assert.deepStrictEqual(sent(), ["1 Open"])
    answer(1, failure)
    assert.deepStrictEqual(got, ["first Status", "third Status"])
  })

  it("refuse an opening after a minute without a close", () => {
    const { clock, got, post, state } = limited(2)
    post("first", opening())
    post("second", opening())
    clock.now = 59_999
    assert.isTrue(conversation.checkTime(state))
    assert.deepStrictEqual(got, [])
    clock.now = 60_000
    assert.isFalse(conversation.checkTime(state))
    assert.deepStrictEqual(got, ["second failed"])
  })

  it("let waiting openings go when the session is lost", () => {
    const { got, post, state } = limited(2)
    post("first", opening())
    post("second", opening())
    conversation.lose(state, error("ConnectionLost", "cut"))
    assert.deepStrictEqual(got, ["first failed", "second failed"])
  })

  it("have one for writing even if the server allows one", () => {
    const { post, sent } = limited(1)
    post("read", opening())
    post("write", writing)
    assert.deepStrictEqual(sent(), ["0 Open", "1 Open"])
  })
})
