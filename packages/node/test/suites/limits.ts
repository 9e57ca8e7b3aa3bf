import { RemoteContext, RemoteFileSystem, sh } from "@effect-remote/core"
import { Sshd } from "@effect-remote/testing"
import { Command } from "@effect/platform"
import { assert } from "@effect/vitest"
import { Array, Deferred, Effect, Fiber, Schedule, Stream } from "effect"
import * as Fs from "node:fs"

/** Runs `size` commands, fifty at once. */
export const crowd = Effect.fnUntraced(function*(size: number) {
  const numbers = Array.range(1, size)
  const outputs = yield* Effect.forEach(
    numbers,
    (number) => RemoteContext.string(Command.make("echo", String(number))),
    { concurrency: 50 }
  )
  assert.deepStrictEqual(outputs, numbers.map((number) => `${number}\n`))
})

/** The same while an SFTP session is in use. */
export const crowdBesideFiles = Effect.fnUntraced(function*(size: number) {
  const fs = yield* RemoteFileSystem.RemoteFileSystem
  const path = `${(yield* Sshd.Sshd).directory}/beside`
  const file = yield* fs.open(path, { flag: "w+" })
  const done = yield* Deferred.make<void>()
  let written = 0
  const writing = yield* file.writeAll(new Uint8Array(1000)).pipe(
    Effect.tap(() => Effect.sync(() => void (written += 1000))),
    Effect.zipRight(fs.stat(path)),
    Effect.tap((info) => Effect.sync(() => assert.strictEqual(Number(info.size), written))),
    Effect.repeat({ schedule: Schedule.spaced("2 millis"), until: () => Deferred.isDone(done) }),
    Effect.fork
  )
  yield* crowd(size)
  yield* Deferred.succeed(done, undefined)
  yield* Fiber.join(writing)
  assert.strictEqual(Fs.statSync(path).size, written)
}, Effect.scoped)

/** Runs `count` commands at the same time. All answer before the first one ends. */
export const together = Effect.fnUntraced(function*(count: number) {
  const commands = yield* Effect.forEach(
    Array.range(1, count),
    () => RemoteContext.start(sh`echo ready; read word; echo "$word"`),
    { concurrency: "unbounded" }
  )
  const answers = yield* Effect.forEach(commands, ({ exitCode, stdin, stdout }, index) =>
    Effect.gen(function*() {
      const output = yield* Effect.fork(Stream.mkString(Stream.decodeText(stdout)))
      yield* Stream.run(Stream.encodeText(Stream.make(`${index}\n`)), stdin)
      assert.strictEqual(yield* exitCode, 0)
      return yield* Fiber.join(output)
    }))
  assert.deepStrictEqual(answers, commands.map((_, index) => `ready\n${index}\n`))
}, Effect.scoped)
