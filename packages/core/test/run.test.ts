import { LocalMachine, RemoteContext } from "@effect-remote/core"
import { type Channel, ExitStatus, Transport } from "@effect-remote/core/Transport"
import * as Frame from "@effect-remote/core/unstable/Frame"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Either, FiberId, Option, Queue } from "effect"
import { transportOf } from "./fixtures/memory.js"

const piece = new Uint8Array(32 * 1024).fill(97)

/** A host whose commands print `pieces` pieces on stderr before the report that they started arrives on stdout. */
const noisy = (pieces: number, status: ExitStatus = ExitStatus.Code({ code: 7 })): Transport => {
  const exec: Transport["exec"] = () =>
    Effect.sync(() => {
      const stdout = Effect.runSync(Queue.unbounded<Option.Option<Uint8Array>>())
      const stderr = Effect.runSync(Queue.unbounded<Option.Option<Uint8Array>>())
      const piecesRead = Deferred.unsafeMake<void>(FiberId.none)
      const end = () => {
        Queue.unsafeOffer(stdout, Option.none())
        Queue.unsafeOffer(stderr, Option.none())
      }
      let reads = 0
      const channel: Channel = {
        read: Queue.take(stdout),
        // The first piece is the report. A read that begins has handed over everything before it.
        readStderr: Effect.suspend(() => {
          if (reads++ === pieces + 1) Deferred.unsafeDone(piecesRead, Effect.void)
          return Queue.take(stderr)
        }),
        write: (bytes) =>
          Effect.suspend(() => {
            const frame = Either.getOrUndefined(Frame.decode(bytes))
            if (frame === undefined) return Effect.succeed(true)
            if (frame.stages[0].words[0] !== "noisy") return Effect.as(Effect.sync(end), true)
            const started = (on: Frame.Output) =>
              Option.some(Frame.encodeReport(frame.marker, { _tag: "Started", pid: 4711, on }))
            Queue.unsafeOffer(stderr, started("stderr"))
            for (let count = 0; count < pieces; count++) Queue.unsafeOffer(stderr, Option.some(piece))
            return Effect.as(Deferred.await(piecesRead), true).pipe(
              Effect.tap(() => {
                Queue.unsafeOffer(stdout, started("stdout"))
                end()
              })
            )
          }),
        end: Effect.void,
        exit: Effect.succeed(status)
      }
      return channel
    })
  return transportOf({ exec })
}

const run = (pieces: number, options: RemoteContext.TextOptions, status?: ExitStatus) =>
  RemoteContext.run(Command.make("noisy"), options).pipe(
    Effect.provide(RemoteContext.layer({ onDisconnect: "keep" })),
    Effect.provideService(Transport, noisy(pieces, status)),
    Effect.provideService(LocalMachine.LocalMachine, {})
  )

describe("run", () => {
  it.live("keeps all of a stderr that arrives before the command is reported as started", () =>
    Effect.gen(function*() {
      const { exitCode, signal, stderr, stdout } = yield* run(64, {})
      assert.strictEqual(stderr.length, 64 * piece.length)
      assert.deepStrictEqual({ exitCode: Number(exitCode), signal, stdout }, {
        exitCode: 7,
        signal: undefined,
        stdout: ""
      })
    }))

  it.live("fails if such a stderr is larger than maxOutput", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(run(64, { maxOutput: 64 * piece.length - 1 }))
      assert.strictEqual(error.reason, "OutputTooLarge")
      const { stderr } = yield* run(64, { maxOutput: 64 * piece.length })
      assert.strictEqual(stderr.length, 64 * piece.length)
    }))

  it.live("gives the signal that ended the command, and the outputs", () =>
    Effect.gen(function*() {
      const signal = (name: Option.Option<string>) => run(1, {}, ExitStatus.Signal({ signal: name }))
      const stderr = "a".repeat(piece.length)
      assert.deepStrictEqual(yield* signal(Option.some("SIGKILL")), {
        exitCode: undefined,
        signal: "SIGKILL",
        stderr,
        stdout: ""
      })
      assert.deepStrictEqual(yield* signal(Option.none()), {
        exitCode: undefined,
        signal: undefined,
        stderr,
        stdout: ""
      })
    }))

  it.live("fails if the channel closes without an exit status", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(run(1, {}, ExitStatus.None()))
      assert.strictEqual(error.reason, "ConnectionLost")
    }))
})
