import { LocalMachine, RemoteContext, Transport } from "@effect-remote/core"
import { Command } from "@effect/platform"
import { assert, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Logger, TestClock } from "effect"
import { transportOf } from "./fixtures/memory.js"

/** A host that takes what it is sent and never answers. */
const silent = (opened: () => void): Transport.Transport =>
  transportOf({
    exec: () =>
      Effect.sync((): Transport.Channel => {
        opened()
        return {
          read: Effect.never,
          readStderr: Effect.never,
          write: () => Effect.succeed(true),
          end: Effect.void,
          exit: Effect.never
        }
      })
  })

it.scoped("an interrupted launch that is not reported ends in 5 seconds, and the log says what may still run", () =>
  Effect.gen(function*() {
    const logged: Array<string> = []
    const launched = yield* Deferred.make<void>()
    let channels = 0
    const context = yield* RemoteContext.make().pipe(
      Effect.provideService(LocalMachine.LocalMachine, {}),
      Effect.provideService(
        Transport.Transport,
        // The first one is the guardian's.
        silent(() => ++channels === 2 && Deferred.unsafeDone(launched, Effect.void))
      )
    )
    const fiber = yield* context.string(Command.make("backup", "all")).pipe(
      Effect.provide(
        Logger.replace(Logger.defaultLogger, Logger.make(({ message }) => void logged.push(String(message))))
      ),
      Effect.fork
    )
    yield* TestClock.adjust("15 seconds")
    yield* Deferred.await(launched)
    yield* Effect.repeatN(Effect.yieldNow(), 100)
    yield* Fiber.interruptFork(fiber)
    yield* TestClock.adjust("4 seconds")
    yield* Fiber.interruptFork(fiber)
    assert.isNull(fiber.unsafePoll())
    yield* TestClock.adjust("1 second")
    yield* Fiber.await(fiber)
    assert.deepStrictEqual(logged, [
      "backup all may still run on luigi@worker-01:2222: its start was not reported within 5 seconds"
    ])
  }))
