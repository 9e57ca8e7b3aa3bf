import { assert, describe, it } from "@effect/vitest"
import { diagnose } from "../src/internal/diagnosis.js"

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
})
