/**
 * How commands end, and what ends them.
 */
import { sh } from "@effect-remote/core/RemoteCommand"
import * as RemoteContext from "@effect-remote/core/RemoteContext"
import * as RemoteError from "@effect-remote/core/RemoteError"
import { Transport } from "@effect-remote/core/Transport"
import * as Command from "@effect/platform/Command"
import { ExitCode } from "@effect/platform/CommandExecutor"
import { SystemError } from "@effect/platform/Error"
import { assert } from "@effect/vitest"
import * as Array from "effect/Array"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { ConformanceHost } from "../../ConformanceHost.js"
import { eventually } from "../../unstable/Eventually.js"
import { cases, type Group } from "./cases.js"
import { bytes, dropConnections, running, untilRunning } from "./support.js"

const inputs: Group = (test) => {
  test("a failure of stdin is reported, and ends the command", () =>
    Effect.gen(function*() {
      const cause = new SystemError({ module: "Stream", method: "read", reason: "Unknown", description: "broken" })
      const command = Command.make("cat").pipe(
        Command.stdin(Stream.concat(Stream.make(bytes("part")), Stream.fail(cause)))
      )
      const error = yield* Effect.flip(RemoteContext.string(command))
      assert(error._tag === "RemoteCommandError" && error.reason === "InputFailed")
      assert.strictEqual((error.cause as SystemError).description, "broken")
      assert.strictEqual(yield* running("cat"), 0)
    }))

  test("stdin that dies ends the command, too", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(
        RemoteContext.string(Command.make("cat").pipe(Command.stdin(Stream.die("bug"))))
      )
      assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
      assert.strictEqual(yield* running("cat"), 0)
    }))
}

const outputs: Group = (test) => {
  test("stderr that nobody reads does not block the command", () =>
    Effect.scoped(Effect.gen(function*() {
      const process = yield* RemoteContext.start(sh`yes | head -c 8388608 >&2; echo done`)
      assert.strictEqual(yield* Stream.mkString(Stream.decodeText(process.stdout)), "done\n")
      assert.strictEqual(yield* process.exitCode, 0)
    })))

  test("more output than maxOutput fails, and ends the command", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(RemoteContext.checkOutput(Command.make("yes"), { maxOutput: 100_000 }))
      assert.strictEqual(error.reason, "OutputTooLarge")
      assert.strictEqual(yield* running("yes"), 0)
    }))

  test("streamLines fails at a line of more than maxOutput, and ends the command", () =>
    Effect.gen(function*() {
      const long = "x".repeat(5000)
      const seen = yield* RemoteContext.streamLines(sh`printf 'one\n%s' ${long}; sleep 1004`, { maxOutput: 4999 }).pipe(
        Stream.either,
        Stream.map(Either.match({ onLeft: ({ reason }) => reason, onRight: (line) => line })),
        Stream.runCollect
      )
      assert.deepStrictEqual(Chunk.toReadonlyArray(seen), ["one", "OutputTooLarge"])
      assert.strictEqual(yield* running("sleep"), 0)
      const lines = yield* Stream.runCollect(
        RemoteContext.streamLines(sh`printf '%s\n%s\n' ${long} ${long}`, { maxOutput: 5000 })
      )
      assert.deepStrictEqual(Chunk.toReadonlyArray(lines), [long, long])
    }))

  test("exitCode does not wait for a reader of stderr that has stopped", () =>
    Effect.scoped(Effect.gen(function*() {
      // More than is kept here, by no more than the pipe of an `ssh` holds: one that cannot write does not end.
      const process = yield* RemoteContext.start(sh`yes | head -c 360000 >&2; exit 127`)
      const pull = yield* Stream.toPull(process.stderr)
      yield* Effect.either(pull)
      assert.strictEqual(yield* process.exitCode, 127)
    })))

  test("a slow reader holds a large output back", () =>
    Effect.gen(function*() {
      const process = yield* RemoteContext.start(sh`i=0; while yes | head -c 65536; do i=$((i+1)); echo $i >&2; done`)
      // The number of blocks written, which the script prints to stderr.
      let written = 0
      yield* Effect.fork(Stream.runForEach(Stream.splitLines(Stream.decodeText(process.stderr)), (line) =>
        Effect.sync(() =>
          void (written = Number(line))
        )))
      yield* Stream.runHead(process.stdout)
      let before = -1
      yield* eventually(
        Effect.delay(
          Effect.sync(() =>
            written
          ),
          "300 millis"
        ),
        (now) => {
          const stands = now === before
          before = now
          return stands
        }
      )
      assert.isBelow(written * 65536, 64 * 1024 * 1024)
    }))
}

const timeouts: Group = (test) => {
  test("a timeout fails with the partial output, and ends the command", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        RemoteContext.string(sh`echo partial; echo words >&2; sleep 1001`, { timeout: "3 seconds" })
      )
      assert(error._tag === "RemoteCommandError")
      assert.strictEqual(error.reason, "TimedOut")
      assert.strictEqual(new TextDecoder().decode(error.stdout), "partial\n")
      assert.strictEqual(error.stderr, "words\n")
      assert.include(error.message, "timed out after 3s and was terminated")
      assert.strictEqual(yield* running("sleep"), 0)
      const streamed = yield* RemoteContext.stream(sh`echo partial; sleep 1001`, { timeout: "3 seconds" }).pipe(
        Stream.either,
        Stream.runCollect
      )
      const [first, last] = Chunk.toReadonlyArray(streamed)
      assert(first !== undefined && Either.isRight(first))
      assert(last !== undefined && Either.isLeft(last) && last.left.reason === "TimedOut")
      assert.strictEqual(yield* running("sleep"), 0)
    }))

  test("a timeout keeps what the command prints while it ends", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        RemoteContext.exitCode(
          sh`trap 'echo dying >&2; exit 3' TERM; echo begun >&2; while :; do sleep 0.1; done`,
          { timeout: "2 seconds" }
        )
      )
      assert(error._tag === "RemoteCommandError" && error.reason === "TimedOut")
      assert.match(error.stderr, /^begun\n[^]*dying\n$/)
    }), "jobs")

  // FOUND A1
  test("streamLines drops a partial line when the stream fails", () =>
    Effect.gen(function*() {
      const command = sh`printf 'ready\nbalance: 12'; sleep 1003; echo 345`
      const lineAndReason = (
        options: RemoteContext.TextOptions,
        onLine: Effect.Effect<unknown, never, ConformanceHost>
      ) =>
        RemoteContext.streamLines(command, options).pipe(
          Stream.tap(() => onLine),
          Stream.either,
          Stream.map(Either.match({ onLeft: ({ reason }) => `failed: ${reason}`, onRight: (line) => line })),
          Stream.runCollect,
          Effect.map(Chunk.toReadonlyArray)
        )
      assert.deepStrictEqual(yield* lineAndReason({ timeout: "3 seconds" }, Effect.void), ["ready", "failed: TimedOut"])
      assert.strictEqual(yield* running("sleep"), 0)
      assert.deepStrictEqual(yield* lineAndReason({}, dropConnections), ["ready", "failed: ConnectionLost"])
      const killed = yield* Stream.runCollect(
        Stream.either(RemoteContext.streamLines(sh`printf 'one\ntwo'; kill -9 $$`))
      )
      assert.deepStrictEqual(Chunk.toReadonlyArray(Chunk.filterMap(killed, Either.getRight)), ["one"])
      yield* untilRunning("sleep", 0)
    }))

  test("every verb can be used in a finalizer", () =>
    Effect.gen(function*() {
      const command = sh`echo done`
      const results = yield* Effect.uninterruptible(Effect.all([
        RemoteContext.exitCode(command, { timeout: "20 seconds" }),
        RemoteContext.string(command),
        Stream.mkString(RemoteContext.streamLines(command, { timeout: "20 seconds" })),
        Effect.scoped(Effect.flatMap(
          RemoteContext.start(Command.make("cat").pipe(Command.stdin(Stream.never))),
          (process) => Effect.as(process.isRunning, "started")
        ))
      ]))
      assert.deepStrictEqual(results, [ExitCode(0), "done\n", "done", "started"])
      const late = yield* Effect.flip(Effect.uninterruptible(
        RemoteContext.exitCode(Command.make("sleep", "1000"), { timeout: "2 seconds" })
      ))
      assert.strictEqual(late.reason, "TimedOut")
    }))
}

// A transport that opens a connection for each channel learns the code when the output ends.
const assertExited = (error: RemoteContext.RunError, code: number) =>
  Effect.map(Transport, ({ capabilities }) => {
    assert(error._tag === "RemoteCommandError" && error.reason === "TimedOut")
    const known = capabilities.oneConnection
    assert.strictEqual(error.exitCode, known ? code : undefined, error.message)
    assert.include(error.message, `had exited${known ? ` with code ${code}` : ""}, but its output had not ended`)
  })

const leftovers: Group = (test) => {
  test("a program that makes a process group of its own is ended as well", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(RemoteContext.string(sh`timeout 1000 sleep 1000; true`))
      yield* untilRunning("sleep", 1)
      yield* Fiber.interrupt(fiber)
      yield* untilRunning("sleep", 0)
      yield* untilRunning("timeout", 0)
    }), "jobs")

  test("a timeout ends what a command that has exited left behind with its output", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(RemoteContext.string(sh`sleep 1000 & echo hi`, { timeout: "3 seconds" }))
      assert.strictEqual(error.reason, "TimedOut")
      assert.strictEqual(yield* running("sleep"), 0)
    }), "jobs")

  // FOUND A25, B8
  test(
    "exitCode waits for what the command left behind with its output, and its timeout ends that",
    () =>
      Effect.gen(function*() {
        const options = { timeout: "5 seconds" } as const
        const left = (code: number) => sh`sleep 1005 & exit ${code}`
        const [ended, ...failed] = yield* Effect.all([
          Effect.flip(RemoteContext.exitCode(left(0), options)),
          Effect.flip(RemoteContext.exitCode(left(3), options)),
          Effect.flip(RemoteContext.run(left(3), options)),
          Effect.flip(RemoteContext.lines(left(3), options)),
          Effect.flip(Stream.runDrain(RemoteContext.streamLines(left(3), options)))
        ], { concurrency: "unbounded" })
        yield* assertExited(ended, 0)
        for (const error of failed) yield* assertExited(error, 3)
        assert.strictEqual(yield* running("sleep"), 0)
      }),
    "jobs"
  )

  // FOUND A25
  test("a command that fails leaves running what it started with its output elsewhere", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(RemoteContext.string(sh`sleep 1006 >/dev/null 2>&1 & echo $! >&2; exit 3`))
      assert(error._tag === "RemoteCommandError")
      assert.strictEqual(error.exitCode, 3)
      assert.strictEqual(yield* running("sleep"), 1)
      assert.strictEqual(yield* RemoteContext.exitCode(Command.make("kill", error.stderr.trim())), 0)
      yield* eventually(running("sleep"), (count) => count === 0)
    }), "jobs")
}

const interruption: Group = (test) => {
  test("interruption ends every part of a pipeline", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(RemoteContext.string(sh`sleep 1000 | sleep 1000`))
      yield* untilRunning("sleep", 2)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* running("sleep"), 0)
    }))

  test("interruption ends the whole process group", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(RemoteContext.string(sh`sleep 1000 & sleep 1000 & wait`))
      yield* untilRunning("sleep", 2)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* running("sleep"), 0)
    }), "jobs")

  test("interruption at any moment of a launch leaves nothing", () =>
    Effect.gen(function*() {
      yield* Effect.forEach(Array.range(0, 11), (step) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(RemoteContext.string(Command.make("sleep", "1000")))
          yield* Effect.sleep(step * 40)
          yield* Fiber.interrupt(fiber)
        }), { concurrency: 3 })
      assert.strictEqual(yield* running("sleep"), 0)
    }))

  test("what ignores TERM is killed after the grace period", () =>
    Effect.gen(function*() {
      const stubborn = sh`trap '' TERM; echo ready; while :; do sleep 1000; done`
      yield* Effect.scoped(Effect.gen(function*() {
        const process = yield* RemoteContext.start(stubborn, { killAfter: "300 millis" })
        yield* Stream.runHead(process.stdout)
      }))
      assert.strictEqual(yield* running("sleep"), 0)
    }), "jobs")

  test("a stream that is left early ends its command", () =>
    Effect.gen(function*() {
      const lines = yield* RemoteContext.streamLines(Command.make("yes")).pipe(Stream.take(3), Stream.runCollect)
      assert.deepStrictEqual(Chunk.toReadonlyArray(lines), ["y", "y", "y"])
      assert.strictEqual(yield* running("yes"), 0)
    }))
}

const concurrency: Group = (test) => {
  test("commands run concurrently, and each has its own input, output and end", () =>
    Effect.gen(function*() {
      const numbers = Array.range(1, 20)
      const results = yield* Effect.forEach(numbers, (number) =>
        Effect.scoped(Effect.gen(function*() {
          const process = yield* RemoteContext.start(sh`read word; echo "$word"; echo "$word" >&2; exit ${number}`)
          yield* Stream.run(Stream.make(bytes(`number ${number}\n`)), process.stdin)
          return yield* Effect.all([
            Stream.mkString(Stream.decodeText(process.stdout)),
            Stream.mkString(Stream.decodeText(process.stderr)),
            process.exitCode
          ], { concurrency: "unbounded" })
        })), { concurrency: 10 })
      assert.deepStrictEqual(
        results,
        numbers.map((number) => [`number ${number}\n`, `number ${number}\n`, ExitCode(number)])
      )
    }))

  test("each of some commands that wait for each other runs", () =>
    Effect.gen(function*() {
      // None goes on before all have begun.
      const count = 5
      const all = yield* Deferred.make<void>()
      let begun = 0
      const outputs = yield* Effect.forEach(Array.range(1, count), () => {
        const go = Stream.fromEffect(Effect.as(Deferred.await(all), bytes("go\n")))
        return RemoteContext.streamLines(sh`echo ready; read word; echo "$word"`.pipe(Command.stdin(go))).pipe(
          Stream.tap((line) => line === "ready" && ++begun === count ? Deferred.succeed(all, undefined) : Effect.void),
          Stream.runCollect
        )
      }, { concurrency: "unbounded" })
      for (const lines of outputs) assert.deepStrictEqual(Chunk.toReadonlyArray(lines), ["ready", "go"])
    }))
}

const signals: Group = (test) => {
  test("death by a signal is not an exit code", () =>
    Effect.gen(function*() {
      const process = yield* RemoteContext.start(Command.make("sleep", "1000"))
      yield* process.kill("SIGKILL")
      const error = yield* Effect.flip(process.exitCode)
      assert(error._tag === "RemoteCommandError")
      assert.strictEqual(error.reason, "Signal")
      const { capabilities } = yield* Transport
      assert.strictEqual(error.signal, capabilities.exitSignal ? "SIGKILL" : undefined)
    }))

  test("start gives a process to talk to, that a signal reaches", () =>
    Effect.scoped(Effect.gen(function*() {
      const process = yield* RemoteContext.start(sh`echo $$; cat`)
      assert.isTrue(yield* process.isRunning)
      const output = yield* Effect.fork(Stream.mkString(Stream.decodeText(process.stdout)))
      yield* Stream.run(Stream.make(bytes("hello\n")), process.stdin)
      const code = yield* process.exitCode
      assert.strictEqual(code, 0)
      assert.strictEqual(yield* Fiber.join(output), `${process.pid}\nhello\n`)
      assert.isFalse(yield* process.isRunning)
    })))

  test("kill sends the signal asked for and waits for the end", () =>
    Effect.scoped(Effect.gen(function*() {
      const process = yield* RemoteContext.start(sh`trap 'exit 7' USR1; echo ready; while :; do sleep 0.1; done`)
      yield* Stream.runHead(process.stdout)
      yield* process.kill("SIGUSR1")
      assert.isFalse(yield* process.isRunning)
      assert.strictEqual(yield* process.exitCode, 7)
    })), "jobs")

  test("kill says what the host does not know", () =>
    Effect.scoped(Effect.gen(function*() {
      const process = yield* RemoteContext.start(Command.make("cat"))
      const unknown = yield* Effect.flip(process.kill("SIGBREAK"))
      assert.strictEqual(unknown.reason, "InvalidCommand")
      assert.isTrue(yield* process.isRunning)
    })))
}

const lostConnections: Group = (test) => {
  test("a lost connection is never a success, whatever was read", () =>
    Effect.gen(function*() {
      const dropped = <A, E, R>(run: Effect.Effect<A, E, R>) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(Effect.exit(run))
          yield* untilRunning("sleep", 1)
          yield* dropConnections
          const exit = yield* Fiber.join(fiber)
          // The guardian, which has lost its connection with it, ends it.
          yield* untilRunning("sleep", 0)
          return exit
        })
      const command = Command.make("sh", "-c", "echo some; exec sleep 1002")
      for (
        const run of [
          Effect.asVoid(RemoteContext.string(command)),
          Effect.asVoid(RemoteContext.exitCode(command)),
          Stream.runDrain(RemoteContext.stream(command)),
          Stream.runDrain(RemoteContext.streamLines(command))
        ]
      ) {
        const error = yield* Effect.flip(Effect.flatten(dropped(run)))
        assert.strictEqual(error.reason, "ConnectionLost")
      }
      const platform = yield* Effect.flip(Effect.flatten(
        dropped(Effect.provide(Command.string(command), RemoteContext.layerCommandExecutor))
      ))
      const found = RemoteError.findConnectionError(platform)
      assert.strictEqual(Option.getOrThrow(found).reason, "ConnectionLost")
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(RemoteContext.string(Command.make("true")))))
    }))
}

/** @internal */
export const processes = cases(
  "processes",
  inputs,
  outputs,
  timeouts,
  leftovers,
  interruption,
  concurrency,
  signals,
  lostConnections
)
