import { HostEvent, InMemoryHost } from "@effect-remote/testing"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber } from "effect"

const commands = { deploy: 0, restart: 0, check: 0 }

const sh = (script: string) => Command.make("sh", "-c", script)

/** A host on which these programs ran, which keeps the last few events and runs. */
const after = (lines: ReadonlyArray<string>, keptEvents: number) =>
  Effect.gen(function*() {
    const host = yield* InMemoryHost.make({ commands, keptEvents })
    yield* host.context.string(sh(lines.join("\n")))
    return host
  })

const dropped = /earlier ones? w(as|ere) dropped: `keptEvents`/

// FOUND A27
describe("the events that a host keeps", () => {
  it.scoped("are the last ones, and the number of dropped ones is reported", () =>
    Effect.gen(function*() {
      const all = yield* after(["deploy", "restart", "check", "restart"], 100)
      const few = yield* after(["deploy", "restart", "check", "restart"], 3)
      const events = yield* all.events
      assert.strictEqual(yield* all.dropped, 0)
      assert.deepStrictEqual((yield* few.events).map(HostEvent.show), events.slice(-3).map(HostEvent.show))
      assert.strictEqual(yield* few.dropped, events.length - 3)
      assert.deepStrictEqual((yield* few.runs).map(({ argv }) => argv[0]), ["restart", "check", "restart"])
    }))

  it.scoped("answer expectations that need only kept ones", () =>
    Effect.gen(function*() {
      const host = yield* after(["deploy", "restart", "check", "restart"], 3)
      yield* host.expectRan("restart")
      yield* host.expectOrder("check", "restart")
    }))

  it.scoped("fail expectations that need dropped ones, with an error that says so", () =>
    Effect.gen(function*() {
      const host = yield* after(["deploy", "restart", "check", "restart"], 3)
      for (
        const expectation of [
          host.expectRan("deploy"),
          host.expectRan("deploy", { times: 0 }),
          host.expectRan("restart", { times: 2 }),
          host.expectOrder("deploy", "check")
        ]
      ) assert.match((yield* Effect.flip(expectation)).message, dropped)
      const exit = yield* Effect.exit(host.awaitRun("deploy"))
      assert(Exit.isFailure(exit))
      assert.match(Cause.pretty(exit.cause), dropped)
      // the kept runs alone are more than one, so the dropped ones do not matter
      assert.notMatch((yield* Effect.flip(host.expectRan("restart", { times: 1 }))).message, dropped)
    }))

  it.scoped("may be limited to zero", () =>
    Effect.gen(function*() {
      const host = yield* after(["deploy"], 0)
      assert.deepStrictEqual(yield* host.events, [])
      assert.deepStrictEqual(yield* host.runs, [])
      assert.match((yield* Effect.flip(host.expectRan("deploy"))).message, dropped)
    }))

  it.scoped("are of any number while a test waits for a run", () =>
    Effect.gen(function*() {
      const host = yield* InMemoryHost.make({ commands, keptEvents: 1 })
      const waiting = yield* Effect.fork(host.awaitRun("restart", 3))
      yield* Effect.yieldNow()
      yield* host.context.string(sh("deploy; restart a; restart b; restart c; restart d"))
      assert.deepStrictEqual((yield* Fiber.join(waiting)).argv, ["restart", "c"])
    }))
})
