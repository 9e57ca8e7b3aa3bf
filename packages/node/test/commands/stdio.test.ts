import { NodeMachine } from "@effect-remote/node"
import { eventually } from "@effect-remote/testing/unstable/Eventually"
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"

// FOUND E17
it.live("takes more than ten commands at once on the standard streams, without a warning", () =>
  Effect.gen(function*() {
    const warnings: Array<string> = []
    const warn = ({ name }: Error) => void warnings.push(name)
    yield* Effect.acquireRelease(
      Effect.sync(() => process.on("warning", warn)),
      () => Effect.sync(() => process.off("warning", warn))
    )
    const { stderr, stdin, stdout } = (yield* NodeMachine.make).stdio
    const streams = [process.stdin, process.stdout, process.stderr]
    const limits = () => streams.map((stream) => stream.getMaxListeners())
    const before = limits()
    const commands = 30
    const uses = [Stream.runDrain(stdin), Stream.run(Stream.never, stdout), Stream.run(Stream.never, stderr)]
    const running = yield* Effect.forkAll(
      uses.flatMap((use): ReadonlyArray<Effect.Effect<unknown, unknown>> => Array.from({ length: commands }, () => use))
    )
    yield* eventually(
      Effect.sync(() => streams.map((stream) => stream.listenerCount("error"))),
      (counts) => counts[1]! >= commands && counts[2]! >= commands
    )
    // A warning is emitted in the next turn.
    yield* Effect.promise(() => new Promise(setImmediate))
    assert.deepStrictEqual(warnings, [])
    yield* Fiber.interrupt(running)
    assert.deepStrictEqual(limits(), before)
  }).pipe(Effect.scoped))
