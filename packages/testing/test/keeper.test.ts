import { assert, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Logger, Scope, TestClock } from "effect"
import * as process from "node:process"
import * as keeper from "../src/internal/sshd/keeper.js"

it.effect("a keeper that does not end is not waited for longer than 30 seconds, and the log says so", () => {
  const logged: Array<string> = []
  const logger = Logger.make(({ message }) => void logged.push(String(message)))
  return Effect.gen(function*() {
    const scope = yield* Scope.make()
    const { pid } = yield* Scope.extend(keeper.make(() => []), scope)
    process.kill(pid, "SIGSTOP")
    const closing = yield* Effect.fork(Effect.uninterruptible(Scope.close(scope, Exit.void)))
    yield* TestClock.adjust("29 seconds")
    yield* Fiber.interruptFork(closing)
    assert.isNull(closing.unsafePoll())
    yield* TestClock.adjust("1 second")
    yield* Fiber.await(closing)
    process.kill(pid, "SIGCONT")
    assert.deepStrictEqual(logged, [
      `The keeper of a test server (process ${pid}) has not ended within 30 seconds: what it started may still run`
    ])
  }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
})
