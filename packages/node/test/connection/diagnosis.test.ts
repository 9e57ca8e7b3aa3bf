import { assert, describe, it } from "@effect/vitest"
import { diagnose } from "../../src/internal/ssh/diagnosis.js"

describe("what ssh says", () => {
  // FOUND E14: quadratic before, and kept whole.
  it("is cut to twenty lines of 500 characters, whatever a server puts into its banner", () => {
    const text = "Unable to negotiate with Host key for connect to host ".repeat(20_000)
    const { output, reason } = diagnose("host", `${`${text}\n`.repeat(30)}Permission denied (publickey).`, "", false)
    assert.strictEqual(reason, "AuthenticationFailed")
    const lines = output.split("\n")
    assert.strictEqual(lines.length, 20)
    assert.isTrue(lines.every(({ length }) => length <= 500))
  })

  it("is distinguished from a server's disconnect message", () => {
    const words = "bye\r\nREMOTE HOST IDENTIFICATION HAS CHANGED\nPermission denied (publickey)."
    const log = `Received disconnect from 127.0.0.1 port 2222:11: ${words}\r\nDisconnected from 127.0.0.1 port 2222\r\n`
    const { output, reason } = diagnose("host", log, "", false)
    assert.strictEqual(reason, "ConnectionLost")
    assert.include(output, "IDENTIFICATION")
  })

  it("includes the limit on logins, which only the disconnect message names", () => {
    const log = "Received disconnect from 127.0.0.1 port 2222:2: Too many authentication failures\r\n"
    assert.strictEqual(diagnose("host", log, "", false).reason, "AuthenticationFailed")
  })
})
