import { LocalMachine, RemoteContext } from "@effect-remote/core"
import { type Channel, ExitStatus, Transport } from "@effect-remote/core/Transport"
import * as Frame from "@effect-remote/core/unstable/Frame"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Either, FiberId, Option, Queue } from "effect"
import { transportOf } from "./fixtures/memory.js"

/** A host whose shells end as soon as they have read the frame, after this report. */
const ending = (report: Option.Option<Frame.Report>) => {
  let shells = 0
  const exec: Transport["exec"] = () =>
    Effect.sync(() => {
      shells++
      const stderr = Effect.runSync(Queue.unbounded<Option.Option<Uint8Array>>())
      const ended = Deferred.unsafeMake<void>(FiberId.none)
      const channel: Channel = {
        read: Effect.as(Deferred.await(ended), Option.none()),
        readStderr: Queue.take(stderr),
        write: (bytes) =>
          Effect.sync(() => {
            const frame = Either.getOrUndefined(Frame.decode(bytes))
            if (frame === undefined) return true
            if (Option.isSome(report)) {
              Queue.unsafeOffer(stderr, Option.some(Frame.encodeReport(frame.marker, report.value)))
            }
            Queue.unsafeOffer(stderr, Option.none())
            Deferred.unsafeDone(ended, Effect.void)
            return true
          }),
        end: Effect.void,
        exit: Effect.as(Deferred.await(ended), ExitStatus.Code({ code: 1 }))
      }
      return channel
    })
  const transport = transportOf({ exec })
  const provided = <A, E>(effect: Effect.Effect<A, E, RemoteContext.RemoteContext>) =>
    effect.pipe(
      Effect.provide(RemoteContext.layer()),
      Effect.provideService(Transport, transport),
      Effect.provideService(LocalMachine.LocalMachine, {})
    )
  return { provided, shells: () => shells }
}

const reasons = Effect.forEach(
  [1, 2, 3, 4],
  () => Effect.map(Effect.flip(RemoteContext.exitCode(Command.make("true"))), ({ reason }) => reason)
)

describe("a host on which no command is launched", () => {
  it.live("whose shells end fails each command, also where a shell had waited for it", () =>
    Effect.gen(function*() {
      const { provided, shells } = ending(Option.none())
      assert.deepStrictEqual(yield* provided(reasons), Array.from({ length: 4 }, () => "ShellUnavailable"))
      assert.isBelow(shells(), 20)
    }))

  it.live("that always reports a missing guardian is asked a limited number of times", () =>
    Effect.gen(function*() {
      const { provided, shells } = ending(Option.some({ _tag: "Unguarded" }))
      assert.deepStrictEqual(yield* provided(reasons), Array.from({ length: 4 }, () => "Protocol"))
      assert.isBelow(shells(), 60)
    }))
})
