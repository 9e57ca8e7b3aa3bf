import { Sshd } from "@effect-remote/testing"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { vi } from "vitest"

vi.mock("ssh2", () => {
  throw new Error("Cannot find package 'ssh2'")
})

// B21: ssh2 is an optional peer, so it may be missing
it.effect("the embedded server says that ssh2 is missing", () =>
  Effect.gen(function*() {
    const error = yield* Effect.flip(Effect.scoped(Sshd.make({ kind: "embedded" })))
    assert.strictEqual(error.reason, "Ssh2NotFound")
    assert.include(error.message, "npm install --save-dev ssh2")
  }))
