import type { LocalStdio } from "@effect-remote/core/LocalStdio"
import * as NodeSink from "@effect/platform-node/NodeSink"
import * as NodeStream from "@effect/platform-node/NodeStream"
import { SystemError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type { EventEmitter } from "node:events"
import * as process from "node:process"

const failure = (method: string) => (cause: unknown) =>
  new SystemError({ module: "Terminal", method, reason: "Unknown", description: "the standard stream failed", cause })

// Number of listeners that one command adds for one event.
const listeners = 2

// Each command adds listeners to the stream while it uses it. The limit is raised, or Node would warn of a leak.
const withRoom = <E extends EventEmitter>(stream: () => E) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const emitter = stream()
      const most = emitter.getMaxListeners()
      if (most > 0) emitter.setMaxListeners(most + listeners)
      return emitter
    }),
    (emitter) =>
      Effect.sync(() => {
        const most = emitter.getMaxListeners()
        if (most > listeners) emitter.setMaxListeners(most - listeners)
      })
  )

const sink = (method: "stdout" | "stderr") =>
  Sink.unwrapScoped(Effect.map(
    withRoom(() => process[method]),
    (stream) => NodeSink.fromWritable<SystemError, Uint8Array>(() => stream, failure(method), { endOnDone: false })
  ))

/** @internal */
export const stdio: LocalStdio = {
  // Read only while a command uses it. Otherwise it does not keep the program alive.
  stdin: Stream.unwrapScoped(
    Effect.as(
      Effect.zipRight(
        withRoom(() => process.stdin),
        Effect.acquireRelease(
          Effect.sync(() => process.stdin.ref?.()),
          () =>
            Effect.sync(() => {
              process.stdin.pause()
              process.stdin.unref?.()
            })
        )
      ),
      NodeStream.fromReadable<SystemError, Uint8Array>(() => process.stdin, failure("stdin"), { closeOnDone: false })
    )
  ),
  stdout: sink("stdout"),
  stderr: sink("stderr")
}
