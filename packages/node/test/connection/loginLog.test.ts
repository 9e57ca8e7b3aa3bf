import { assert, describe, it } from "@effect/vitest"
import * as loginLog from "../../src/internal/ssh/loginLog.js"

const receiveAll = (pieces: ReadonlyArray<string>) =>
  pieces.reduce<loginLog.LoginLog>(
    (log, piece) => loginLog.receive(log, Buffer.from(piece, "latin1"), "ready-1"),
    loginLog.initial
  )

describe("the log of a login", () => {
  it("waits for the whole line", () => {
    assert.deepStrictEqual(receiveAll(["warning\nrea", "dy-1"]), { _tag: "Waiting", text: "warning\nready-1" })
  })

  it("separates what came before the line from what came after", () => {
    const loggedIn = { _tag: "LoggedIn", before: "warning\n", after: "output" } as const
    assert.deepStrictEqual(receiveAll(["warning\nready-1\noutput"]), loggedIn)
    assert.deepStrictEqual(receiveAll([..."warning\nready-1\noutput"]), loggedIn)
  })

  it("reads the line only once", () => {
    assert.deepStrictEqual(receiveAll(["ready-1\n", "ready-1\n"]), {
      _tag: "LoggedIn",
      before: "",
      after: "ready-1\n"
    })
  })

  it("keeps a bounded part, on both sides of the line", () => {
    const long = "x".repeat(loginLog.kept)
    const waiting = receiveAll(["first", long, long])
    assert(waiting._tag === "Waiting")
    assert.strictEqual(waiting.text, long)
    const loggedIn = receiveAll(["ready-1\n", "first", long, long])
    assert(loggedIn._tag === "LoggedIn")
    assert.strictEqual(loggedIn.after, long)
  })
})
