import { assert, describe, it } from "@effect/vitest"
import * as connectionState from "../../src/internal/multiplexed/connectionState.js"

type State = connectionState.State<string>

const connecting = (isFirst: boolean): State => ({ _tag: "Connecting", isFirst })
const ready: State = { _tag: "Ready", connection: "one" }
const lost = (isFirst: boolean): State => ({ _tag: "Lost", isFirst })

const states: ReadonlyArray<State> = [
  connectionState.idle,
  connecting(true),
  connecting(false),
  ready,
  lost(true),
  lost(false),
  connectionState.closed
]

const afterEach = (step: (state: State) => State) => states.map(step)

describe("the state of a connection", () => {
  it("connects from every state except closed, and remembers whether there was a connection", () => {
    assert.deepStrictEqual(afterEach(connectionState.connect), [
      connecting(true),
      connecting(true),
      connecting(false),
      connecting(false),
      connecting(true),
      connecting(false),
      connectionState.closed
    ])
  })

  it("is ready after a successful attempt, except when closed", () => {
    const two: State = { _tag: "Ready", connection: "two" }
    assert.deepStrictEqual(
      afterEach((state) => connectionState.succeed(state, "two")),
      [two, two, two, two, two, two, connectionState.closed]
    )
  })

  it("is lost after a failed attempt, and only then", () => {
    assert.deepStrictEqual(afterEach(connectionState.fail), [
      connectionState.idle,
      lost(true),
      lost(false),
      ready,
      lost(true),
      lost(false),
      connectionState.closed
    ])
  })

  it("is lost with its own connection, not with an earlier one", () => {
    assert.deepStrictEqual(
      afterEach((state) => connectionState.lose(state, "one")),
      states.map((state) => state === ready ? lost(false) : state)
    )
    assert.deepStrictEqual(afterEach((state) => connectionState.lose(state, "none of them")), states)
  })

  it("shows a closed connection as lost", () => {
    assert.deepStrictEqual(
      states.map(connectionState.shown),
      ["idle", "connecting", "connecting", "ready", "lost", "lost", "lost"]
    )
  })
})
