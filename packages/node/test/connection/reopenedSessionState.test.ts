import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import { assert, describe, it } from "@effect/vitest"
import * as reopenedSessionState from "../../src/internal/multiplexed/reopenedSessionState.js"

type State = reopenedSessionState.State<string>
type Event = reopenedSessionState.Event<string>

const bytes = (text: string) => new TextEncoder().encode(text)

const failure = (detail: string) => new RemoteConnectionError({ reason: "ChannelRefused", host: "host", detail })
const [unanswered, lost] = [failure("unanswered"), failure("lost")]

const input = (writes: ReadonlyArray<string>, hasEnded = false): reopenedSessionState.Input => ({
  writes: writes.map(bytes),
  size: writes.join("").length,
  hasEnded
})

const opening = (channel: string, writes: ReadonlyArray<string> = [], left = 5, hasEnded = false): State => ({
  _tag: "Opening",
  channel,
  input: input(writes, hasEnded),
  left
})

const reopening = (writes: ReadonlyArray<string> = [], left = 4, hasEnded = false): State => ({
  _tag: "Reopening",
  input: input(writes, hasEnded),
  left
})

const settled: State = { _tag: "Settled", channel: "one" }
const failed: State = { _tag: "Failed", error: lost }

const written = (text: string): Event => ({ _tag: "Written", bytes: bytes(text) })
const ended: Event = { _tag: "Ended" }
const answered: Event = { _tag: "Answered" }
const closed: Event = { _tag: "Closed", error: unanswered }
const reopened: Event = { _tag: "Reopened", channel: "two" }
const failing: Event = { _tag: "Failed", error: lost }

const transitions: ReadonlyArray<readonly [string, State, Event, State]> = [
  ["keeps what was written", opening("one", ["a"]), written("b"), opening("one", ["a", "b"])],
  ["keeps nothing written while it reopens", reopening(["a"]), written("b"), reopening(["a"])],
  ["keeps the end of the input", opening("one", ["a"]), ended, opening("one", ["a"], 5, true)],
  ["keeps an end that comes while it reopens", reopening(["a"]), ended, reopening(["a"], 4, true)],
  ["settles with the answer", opening("one", ["a"]), answered, settled],
  ["takes no answer while it reopens", reopening(), answered, reopening()],
  ["reopens after a close without an answer", opening("one", ["a"]), closed, reopening(["a"])],
  ["takes one close for each session", reopening(), closed, reopening()],
  ["fails after the last session", opening("one", [], 0), closed, { _tag: "Failed", error: unanswered }],
  ["waits for the answer to the next session", reopening(["a"], 4, true), reopened, opening("two", ["a"], 4, true)],
  ["takes no session that it did not ask for", opening("one"), reopened, opening("one")],
  ["fails if the connection is lost", opening("one"), failing, failed],
  ["fails if it cannot be opened again", reopening(), failing, failed]
]

// FOUND D1
describe("the state of a session that may be opened again", () => {
  it.each(transitions)("%s", (_, state, event, next) => {
    assert.deepStrictEqual(reopenedSessionState.step(state, event), next)
  })

  it.each([settled, failed])("stays $_tag after every event", (state) => {
    for (const event of [written("a"), ended, answered, closed, reopened, failing]) {
      assert.strictEqual(reopenedSessionState.step(state, event), state)
    }
  })

  it("begins without input, with all attempts left", () => {
    assert.deepStrictEqual(reopenedSessionState.initial("one"), opening("one", [], reopenedSessionState.attempts))
  })

  it("accepts 64 KiB before the answer", () => {
    const full = reopenedSessionState.step<string>(reopenedSessionState.initial("one"), {
      _tag: "Written",
      bytes: new Uint8Array(64 * 1024)
    })
    assert.isTrue(reopenedSessionState.accepts(full, new Uint8Array()))
    assert.isFalse(reopenedSessionState.accepts(full, new Uint8Array(1)))
    assert.isFalse(reopenedSessionState.accepts(reopenedSessionState.initial("one"), new Uint8Array(64 * 1024 + 1)))
  })

  it("accepts 64 writes before the answer", () => {
    assert.isTrue(reopenedSessionState.accepts(opening("one", Array<string>(63).fill("a")), bytes("a")))
    assert.isFalse(reopenedSessionState.accepts(opening("one", Array<string>(64).fill("a")), bytes("a")))
  })

  it.each([reopening(), settled, failed])("accepts no input before the answer while $_tag", (state) => {
    assert.isFalse(reopenedSessionState.accepts(state, new Uint8Array()))
  })
})
