import { LocalStdio } from "@effect-remote/core/LocalStdio"
import * as NodeSink from "@effect/platform-node/NodeSink"
import * as NodeStream from "@effect/platform-node/NodeStream"
import { SystemError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as process from "node:process"

const failure = (method: string) => (cause: unknown) =>
  new SystemError({ module: "Terminal", method, reason: "Unknown", description: "a standard stream broke", cause })

/** @internal */
export const layer: Layer.Layer<LocalStdio> = Layer.succeed(LocalStdio, {
  // Read only while a command wants it; then it keeps the program alive no longer.
  stdin: Stream.unwrapScoped(
    Effect.as(
      Effect.acquireRelease(
        Effect.sync(() => process.stdin.ref?.()),
        () =>
          Effect.sync(() => {
            process.stdin.pause()
            process.stdin.unref?.()
          })
      ),
      NodeStream.fromReadable<SystemError, Uint8Array>(() => process.stdin, failure("stdin"), { closeOnDone: false })
    )
  ),
  stdout: NodeSink.fromWritable(() => process.stdout, failure("stdout"), { endOnDone: false }),
  stderr: NodeSink.fromWritable(() => process.stderr, failure("stderr"), { endOnDone: false })
})
