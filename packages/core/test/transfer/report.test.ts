import { SystemError } from "@effect/platform/Error"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect } from "effect"
import * as report from "../../src/internal/transfer/report.js"
import { RemoteConnectionError } from "../../src/RemoteError.js"
import { Outcome, type Outcome as AnyOutcome, type Source } from "../../src/Transfer.js"

const failure = (cause?: unknown, path = "/file") =>
  new SystemError({ module: "FileSystem", method: "put", reason: "Unknown", pathOrDescriptor: path, cause })
const lost = failure(new RemoteConnectionError({ reason: "ConnectionLost", host: "host", detail: "gone" }))
const copied = Outcome.Copied({ resumedAt: 0n })
const failed = Outcome.Failed({ error: failure() })
const failedByLoss = Outcome.Failed({ error: lost })
const failedAt = (path: string) => Outcome.Failed({ error: failure(lost.cause, path) })

const added = (outcomes: ReadonlyArray<AnyOutcome>, stopOnFailure = false, before = report.empty): report.Report =>
  outcomes.reduce((state, outcome) => report.add(state, { outcome, bytes: 3n }, stopOnFailure), before)

const source = (path: string): Source => ({ path, type: "File", size: 1n })

describe("add", () => {
  it("counts the files and the bytes of copies", () => {
    assert.deepStrictEqual(added([copied, copied]), { ...report.empty, files: 2, bytes: 6n })
  })

  it.each<AnyOutcome>([
    Outcome.Created(),
    Outcome.Linked({ target: "a" }),
    Outcome.Unchanged(),
    Outcome.Skipped({ reason: "filtered" }),
    Outcome.Deleted()
  ])("counts bytes alone for $_tag", (outcome) => {
    assert.deepStrictEqual(added([outcome], true), { ...report.empty, bytes: 3n })
  })

  it("counts a failure and goes on", () => {
    assert.deepStrictEqual(added([failed]), { ...report.empty, bytes: 3n, failures: 1 })
    assert.isUndefined(report.refusal(added([failed]), "b"))
  })

  it("stops at a failure if asked, and stays stopped", () => {
    const stopped = added([failed], true)
    assert.isTrue(stopped.isStopped)
    assert.isTrue(added([copied], true, stopped).isStopped)
    assert.deepStrictEqual(report.refusal(stopped, "b"), report.leftOver)
  })

  it("keeps the first failure of a lost connection, which every later entry gets with its own path", () => {
    const state = added([failed, failedByLoss, Outcome.Failed({ error: failure(lost.cause) })])
    assert.strictEqual(state.failures, 3)
    assert.strictEqual(state.lost, lost)
    assert.deepStrictEqual(report.refusal(state, "b"), failedAt("b"))
  })

  it("refuses with the stop if the connection was lost, too", () => {
    const state = added([failedByLoss], true)
    assert.strictEqual(state.lost, lost)
    assert.deepStrictEqual(report.refusal(state, "b"), report.leftOver)
  })
})

it.effect("the result is sorted by path, and fails if an entry failed", () =>
  Effect.gen(function*() {
    const job = { host: "host", method: "get" as const, source: "/from", target: "/to", options: {} }
    const entries = (outcome: AnyOutcome) => [{ ...source("b"), outcome }, { ...source("a"), outcome: copied }]
    const result = yield* report.finish(job, added([copied]), entries(copied))
    assert.deepStrictEqual(result.entries.map(({ path }) => path), ["a", "b"])
    assert.strictEqual(result.files, 1)
    const error = yield* Effect.flip(report.finish(job, added([failed]), entries(failed)))
    assert.deepStrictEqual(error.entries.map(({ path }) => path), ["a", "b"])
    assert.strictEqual(error.to, "/to")
    const [, { outcome }] = error.entries
    assert.strictEqual(outcome._tag === "Failed" && outcome.error.method, "get")
  }))

describe("a recorder", () => {
  it.effect("records a failure of an entry, and begins the next one", () =>
    Effect.gen(function*() {
      const { attempt, current, entries } = yield* report.makeRecorder(false)
      yield* attempt(source("a"), Effect.fail(failure()))
      yield* attempt(source("b"), Effect.succeed({ outcome: copied, bytes: 5n }))
      assert.deepStrictEqual(entries.map(({ outcome }) => outcome._tag), ["Failed", "Copied"])
      assert.deepStrictEqual(current(), { ...report.empty, files: 1, bytes: 5n, failures: 1 })
    }))

  it.effect("begins no work after a lost connection", () =>
    Effect.gen(function*() {
      const { attempt, entries, through } = yield* report.makeRecorder(false)
      yield* through(source("a"), Effect.fail(lost))
      yield* attempt(source("b"), Effect.dieMessage("began"))
      yield* through(source("c"), Effect.dieMessage("began"))
      assert.deepStrictEqual(entries.map(({ outcome }) => outcome), [failedByLoss, failedAt("b"), failedAt("c")])
    }))

  it.effect("interrupts work on its way at the first failure if asked", () =>
    Effect.gen(function*() {
      const { attempt, current, entries } = yield* report.makeRecorder(true)
      const begun = yield* Deferred.make<void>()
      const slow = attempt(source("slow"), Effect.zipRight(Deferred.succeed(begun, undefined), Effect.never))
      const failing = Effect.zipRight(Deferred.await(begun), attempt(source("bad"), Effect.fail(failure())))
      yield* Effect.all([slow, failing], { concurrency: 2 })
      assert.deepStrictEqual(entries.map(({ outcome, path }) => [path, outcome._tag]), [["bad", "Failed"], [
        "slow",
        "Skipped"
      ]])
      assert.isTrue(current().isStopped)
    }))

  it.effect("records nothing for work that records its own entries", () =>
    Effect.gen(function*() {
      const { entries, through } = yield* report.makeRecorder(false)
      yield* through(source("directory"), Effect.void)
      assert.deepStrictEqual(entries, [])
    }))
})
