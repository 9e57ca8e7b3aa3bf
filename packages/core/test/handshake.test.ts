import { assert, describe, it } from "@effect/vitest"
import { Option } from "effect"
import * as handshake from "../src/internal/launch/handshake.js"
import type { Output, Report } from "../src/unstable/Frame.js"

const { Refused, Started, Unguarded, Waiting } = handshake
const { NotLaunched, NotRun } = handshake.Conclusion

const failed = (step: handshake.Refusal["step"], code = 127): handshake.Refusal => ({ _tag: "Failed", step, code })
const started = (pid: number, on: Output = "stdout"): Report => ({ _tag: "Started", pid, on })
const unguarded: Report = { _tag: "Unguarded" }
const stages: Report = { _tag: "Stages", codes: [[1, 3]] }

const running = (pid: number, { isSeparate = false, refusal }: {
  readonly isSeparate?: boolean
  readonly refusal?: handshake.Refusal
} = {}) => Started({ pid, refusal: Option.fromNullable(refusal), isSeparate })

const program = failed("program")
const exec = failed("exec", 126)
const refused = Refused({ refusal: program })

const all: ReadonlyArray<handshake.Handshake> = [Waiting(), refused, Unguarded(), running(5)]

describe("step of a handshake", () => {
  it.each<[string, handshake.Handshake, Report, Output, handshake.Handshake]>([
    ["Waiting, started", Waiting(), started(5), "stdout", running(5)],
    ["Waiting, failed", Waiting(), program, "stderr", refused],
    ["Waiting, failed on the other output", Waiting(), program, "stdout", refused],
    ["Waiting, unguarded", Waiting(), unguarded, "stderr", Unguarded()],
    ["Refused, started", refused, started(5), "stdout", running(5, { refusal: program })],
    ["Refused, failed again", refused, exec, "stderr", refused],
    ["Refused, unguarded", refused, unguarded, "stderr", Unguarded()],
    ["Unguarded, started", Unguarded(), started(5), "stdout", running(5)],
    ["Unguarded, failed", Unguarded(), program, "stderr", Unguarded()],
    ["Unguarded, unguarded", Unguarded(), unguarded, "stderr", Unguarded()],
    ["Started, started again", running(5), started(6), "stdout", running(5)],
    ["Started, failed", running(5), exec, "stderr", running(5, { refusal: exec })],
    ["Started, failed twice", running(5, { refusal: exec }), program, "stderr", running(5, { refusal: exec })],
    ["Started, unguarded", running(5), unguarded, "stderr", running(5)]
  ])("%s", (_, state, report, cameOn, expected) => {
    assert.deepStrictEqual(handshake.step(state, report, cameOn), expected)
  })

  it("ignores the codes of a pipeline, and a step that failed with code 0", () => {
    for (const state of all) {
      assert.deepStrictEqual(handshake.step(state, stages, "stderr"), state)
      assert.deepStrictEqual(handshake.step(state, failed("exec", 0), "stderr"), state)
    }
  })

  it("notes that stderr has reports of its own, in either order of the outputs", () => {
    const onStderr = handshake.step(Waiting(), started(5, "stderr"), "stderr")
    assert.deepStrictEqual(onStderr, running(5, { isSeparate: true }))
    assert.deepStrictEqual(handshake.step(onStderr, started(5), "stdout"), running(5, { isSeparate: true }))
    assert.deepStrictEqual(
      handshake.step(running(5), started(5, "stderr"), "stderr"),
      running(5, { isSeparate: true })
    )
    const refusedLater = handshake.step(onStderr, exec, "stderr")
    assert.deepStrictEqual(refusedLater, running(5, { isSeparate: true, refusal: exec }))
  })

  it("does not note it when the reports for stderr come on stdout", () => {
    assert.deepStrictEqual(handshake.step(Waiting(), started(5, "stderr"), "stdout"), running(5))
    assert.deepStrictEqual(handshake.step(running(5), started(5, "stderr"), "stdout"), running(5))
  })
})

it("a host that reports nothing has started from the beginning", () => {
  assert.deepStrictEqual(handshake.initial(undefined), Waiting())
  assert.deepStrictEqual(handshake.initial(0), running(0))
})

it("refusalOf gives the step that failed, before the start and after it", () => {
  assert.deepStrictEqual(handshake.refusalOf(refused), Option.some(program))
  assert.deepStrictEqual(handshake.refusalOf(running(5, { refusal: exec })), Option.some(exec))
  for (const state of [Waiting(), Unguarded(), running(5)]) {
    assert.deepStrictEqual(handshake.refusalOf(state), Option.none())
  }
})

describe("conclude of a handshake, when both outputs have ended", () => {
  it.each<[string, handshake.Handshake, boolean, handshake.Conclusion]>([
    ["Waiting", Waiting(), false, NotLaunched()],
    ["Waiting, in a prewarmed shell", Waiting(), true, NotRun({ isUnguarded: false })],
    ["Unguarded", Unguarded(), false, NotRun({ isUnguarded: true })],
    ["Unguarded, in a prewarmed shell", Unguarded(), true, NotRun({ isUnguarded: true })],
    ["Refused", refused, false, handshake.Conclusion.Refused({ refusal: program })],
    ["Refused, in a prewarmed shell", refused, true, handshake.Conclusion.Refused({ refusal: program })],
    ["Started", running(5), false, handshake.Conclusion.Started({ pid: 5 })],
    ["Started with a refusal", running(5, { refusal: exec }), true, handshake.Conclusion.Started({ pid: 5 })]
  ])("%s", (_, state, isPrewarmed, expected) => {
    assert.deepStrictEqual(handshake.conclude(state, { isPrewarmed }), expected)
  })
})
