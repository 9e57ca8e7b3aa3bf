import { assert, describe, it } from "@effect/vitest"
import * as sessionLimit from "../../src/internal/multiplexed/sessionLimit.js"

const { initial } = sessionLimit

/** A limit of two that was learned at 1000, with two sessions in use. */
const full: sessionLimit.SessionLimit = { ...initial, limit: 2, learnedAt: 1000, open: 2, confirmed: 2, held: 2 }

describe("the limit of sessions", () => {
  it("admits any number until a refusal", () => {
    assert.isTrue(sessionLimit.canAdmit({ ...initial, open: 1000 }))
    assert.isFalse(sessionLimit.isFull({ ...initial, open: 1000 }))
  })

  it("admits nobody at the limit, or while paused", () => {
    assert.isTrue(sessionLimit.isFull(full))
    assert.isFalse(sessionLimit.canAdmit(full))
    const free = sessionLimit.release(full)
    assert.isTrue(sessionLimit.canAdmit(free))
    assert.isFalse(sessionLimit.canAdmit({ ...free, isPaused: true }))
    assert.isTrue(sessionLimit.canAdmit(sessionLimit.resume({ ...free, isPaused: true })))
    assert.isFalse(sessionLimit.canAdmit(sessionLimit.admit(free)))
  })

  it.each<readonly [Partial<sessionLimit.SessionLimit>, waiting: number, spare: number, boolean]>([
    [{ open: 1 }, 0, 0, true],
    [{ open: 1 }, 0, 1, false],
    [{ open: 0 }, 0, 1, true],
    [{ open: 2 }, 0, 0, false],
    [{ open: 0 }, 1, 0, false],
    [{ open: 0, isPaused: true }, 0, 0, false],
    [{ open: 9, limit: Infinity }, 0, 1, true]
  ])("with %o, %i waiting and %i to spare admits at once: %s", (change, waiting, spare, expected) => {
    assert.strictEqual(sessionLimit.canAdmitAtOnce({ ...full, ...change }, waiting, spare), expected)
  })

  it("is learned from a refusal while sessions are open", () => {
    const asked = { ...full, limit: Infinity, open: 3 }
    const { refusal, state } = sessionLimit.refuse(asked, 5000, 5001)
    assert.strictEqual(refusal, "Full")
    assert.deepStrictEqual(state, { ...full, learnedAt: 5001 })
  })

  it("is not learned from a refusal soon after a session was gone", () => {
    const asked = { ...full, limit: Infinity, open: 3, lastGoneAt: 5000 }
    const soon = sessionLimit.refuse(asked, 5249, 5260)
    assert.strictEqual(soon.refusal, "Lagging")
    assert.deepStrictEqual(soon.state, { ...asked, open: 2, isPaused: true })
    assert.strictEqual(sessionLimit.refuse(asked, 5250, 5260).refusal, "Full")
  })

  it("is not learned from a refusal without open sessions", () => {
    const { refusal, state } = sessionLimit.refuse({ ...initial, open: 1 }, 5000, 5001)
    assert.strictEqual(refusal, "Denied")
    assert.deepStrictEqual(state, initial)
  })

  it("is probed by one more after ten seconds, if a caller waits", () => {
    assert.strictEqual(sessionLimit.probe(full, 0, 20_000), full)
    assert.strictEqual(sessionLimit.probe(full, 1, 11_000), full)
    assert.deepStrictEqual(sessionLimit.probe(full, 1, 11_001), {
      ...full,
      limit: 3,
      learnedAt: 11_001,
      isProbing: true
    })
    const free = sessionLimit.release(full)
    assert.strictEqual(sessionLimit.probe(free, 1, 20_000), free)
  })

  it("returns to what it was if the probe is refused", () => {
    const probing = sessionLimit.admit(sessionLimit.probe(full, 1, 20_000))
    assert.deepStrictEqual(sessionLimit.refuse(probing, 20_001, 20_002).state, { ...full, learnedAt: 20_002 })
    const lagging = sessionLimit.refuse({ ...probing, lastGoneAt: 20_000 }, 20_001, 20_002).state
    assert.deepStrictEqual([lagging.limit, lagging.isProbing, lagging.isPaused], [2, false, true])
  })

  it("grows if the probe is confirmed", () => {
    const probing = sessionLimit.admit(sessionLimit.probe(full, 1, 20_000))
    const { confirmed, held, isProbing, limit } = sessionLimit.confirm(probing)
    assert.deepStrictEqual([limit, confirmed, held, isProbing], [3, 3, 3, false])
  })

  it("stays when fewer sessions than allowed are confirmed", () => {
    const some = { ...initial, limit: 5, open: 1, isProbing: true }
    assert.deepStrictEqual(sessionLimit.confirm(some), { ...some, confirmed: 1, held: 1 })
  })

  it("records when the last session was left, and when one was gone", () => {
    const one = sessionLimit.leave(full, 3000)
    assert.deepStrictEqual([one.held, one.unheldSince], [1, -Infinity])
    const none = sessionLimit.leave(one, 4000)
    assert.deepStrictEqual([none.held, none.unheldSince], [0, 4000])
    const gone = sessionLimit.forget(none, 5000)
    assert.deepStrictEqual([gone.confirmed, gone.lastGoneAt, gone.open], [1, 5000, 2])
  })
})
