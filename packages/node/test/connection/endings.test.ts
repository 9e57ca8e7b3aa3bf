import { ExitStatus } from "@effect-remote/core/Transport"
import { assert, describe, it } from "@effect/vitest"
import { Either, Option } from "effect"
import * as master from "../../src/internal/multiplexed/master.js"
import * as session from "../../src/internal/perChannel/session.js"

describe("an ssh that ends before it has logged in", () => {
  const failure = (code: number | null, log: string, stderr = "") =>
    master.loginFailure({ host: "host", ssh: "ssh", pinned: false }, code, { log, hops: [], stderr })

  it("was not found if the shell reports that", () => {
    assert.strictEqual(failure(127, "", "sh: 1: exec: ssh: not found\n").reason, "SshNotFound")
  })

  it("explains its failure in its log", () => {
    const { message, reason } = failure(255, "root@host: Permission denied (publickey).\n")
    assert.strictEqual(reason, "AuthenticationFailed")
    assert.include(message, "publickey")
  })

  it("fails with Unknown and its output if no rule knows the log", () => {
    const { output, reason } = failure(1, "something new\n")
    assert.strictEqual(reason, "Unknown")
    assert.strictEqual(output, "something new")
  })

  it("does not support a shared connection if it ends without a word", () => {
    assert.strictEqual(failure(0, "").reason, "Unsupported")
  })

  it("was killed if a signal ended it without a word", () => {
    assert.strictEqual(failure(null, "").reason, "ConnectionLost")
  })
})

describe("an ssh that ends after it has logged in", () => {
  const detail = (code: number | null | undefined, log: string) => {
    const { code: known, error } = master.endingOf("host", code, log)
    assert.strictEqual(known, code)
    assert.strictEqual(error.reason, "ConnectionLost")
    return error.detail
  }

  it("gives its own explanation", () => {
    assert.include(detail(255, "Timeout, server 127.0.0.1 not responding.\r\n"), "stopped answering")
  })

  it("is described by how it ended otherwise", () => {
    assert.include(detail(undefined, ""), "still runs")
    assert.include(detail(null, ""), "by a signal")
    assert.include(detail(0, ""), "code 0")
  })
})

describe("the end of a session of one ssh", () => {
  const dead = "debug2: channel 0: is dead\n"
  const request = (name: string) => `debug1: client_input_channel_req: channel 0 rtype ${name} reply 0\n`
  const exit = (code: number | null, log: string) => session.exitOf("host", code, log)

  it("has a code if the channel was closed after the status", () => {
    assert.deepStrictEqual(exit(3, request("exit-status") + dead), Either.right(ExitStatus.Code({ code: 3 })))
  })

  it("has a signal without its name", () => {
    const signal = ExitStatus.Signal({ signal: Option.none() })
    assert.deepStrictEqual(exit(255, request("exit-signal") + dead), Either.right(signal))
  })

  it("has no status if the server closed the channel without one", () => {
    assert.deepStrictEqual(exit(255, dead), Either.right(ExitStatus.None()))
  })

  it("has no status if the channel was not closed", () => {
    assert.deepStrictEqual(exit(3, request("exit-status")), Either.right(ExitStatus.None()))
  })

  it("is a loss if the log explains one, or a signal ended ssh", () => {
    const reasons = [exit(255, "client_loop: send disconnect: Broken pipe\n"), exit(null, "")].map((ended) =>
      Either.isLeft(ended) ? ended.left.reason : ended.right._tag
    )
    assert.deepStrictEqual(reasons, ["ConnectionLost", "ConnectionLost"])
  })
})
