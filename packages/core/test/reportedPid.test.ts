import { LocalMachine, RemoteContext } from "@effect-remote/core"
import { type Channel, ExitStatus, Transport } from "@effect-remote/core/Transport"
import * as Frame from "@effect-remote/core/unstable/Frame"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Either, FiberId, Option, Queue } from "effect"
import { spawnSync } from "node:child_process"
import * as terminate from "../src/internal/scripts/terminate.js"
import { transportOf } from "./fixtures/memory.js"

/** A host that reports this process id for `sleep`, runs nothing, and records all other commands. */
const reporting = (pid: number) => {
  const told: Array<string> = []
  const exec: Transport["exec"] = () =>
    Effect.sync(() => {
      const stdout = Queue.unbounded<Uint8Array>().pipe(Effect.runSync)
      const stderr = Queue.unbounded<Uint8Array>().pipe(Effect.runSync)
      const ended = Deferred.unsafeMake<void>(FiberId.none)
      const channel: Channel = {
        read: Effect.raceFirst(Effect.asSome(Queue.take(stdout)), Effect.as(Deferred.await(ended), Option.none())),
        readStderr: Effect.raceFirst(
          Effect.asSome(Queue.take(stderr)),
          Effect.as(Deferred.await(ended), Option.none())
        ),
        write: (bytes) =>
          Effect.sync(() => {
            const frame = Either.getOrUndefined(Frame.decode(bytes))
            if (frame === undefined) return true
            const [{ words }] = frame.stages
            if (words[0] === "sleep") {
              Queue.unsafeOffer(stdout, Frame.encodeReport(frame.marker, { _tag: "Started", pid, on: "stdout" }))
              Queue.unsafeOffer(stderr, Frame.encodeReport(frame.marker, { _tag: "Started", pid, on: "stderr" }))
            } else {
              told.push(words.join(" "))
              Deferred.unsafeDone(ended, Effect.void)
            }
            return true
          }),
        end: Effect.void,
        exit: Effect.as(Deferred.await(ended), ExitStatus.Code({ code: 1 }))
      }
      return channel
    })
  const transport = transportOf({ exec })
  return { told, transport }
}

describe("a process id that leads no group", () => {
  // To kill(2), 1 stands for all that this user runs, and 0 for the caller's own group.
  for (const pid of [0, 1]) {
    it.scopedLive(`${pid} is signalled neither by kill nor by the end of the scope`, () =>
      Effect.gen(function*() {
        const { told, transport } = reporting(pid)
        yield* Effect.gen(function*() {
          const process = yield* RemoteContext.start(Command.make("sleep", "1000"))
          assert.strictEqual(process.pid as number, pid)
          const error = yield* Effect.flip(process.kill("SIGTERM"))
          assert.strictEqual(error.reason, "Unsupported")
        }).pipe(
          Effect.scoped,
          Effect.provide(RemoteContext.layer()),
          Effect.provideService(Transport, transport),
          Effect.provideService(LocalMachine.LocalMachine, {})
        )
        const own = [terminate.signal(pid, "SIGTERM"), terminate.group(pid, 5000)].map(({ words }) => words[2]!)
        assert.isFalse(told.some((line) => own.some((script) => line.includes(script))), told.join("\n"))
      }))

    it(`${pid} is signalled by no script on the host`, () => {
      for (const { words } of [terminate.signal(pid, "SIGTERM"), terminate.group(pid, 0)]) {
        const [shell, option, script, ...rest] = words
        // A function goes before the shell's own kill, so that nothing is ever signalled here.
        const shadow = "kill() { echo \"kill $*\"; }"
        const { status, stdout } = spawnSync(shell, [option!, `${shadow}\n${script}`, ...rest], { encoding: "utf8" })
        assert.deepStrictEqual({ status, stdout }, { status: 0, stdout: "" })
      }
    })
  }
})
