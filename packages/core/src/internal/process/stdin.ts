/**
 * The stdin of a command.
 */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import type { RemoteCommandError } from "../../RemoteError.js"
import type { RemoteProcess } from "../../RemoteProcess.js"
import * as finalizer from "../lib/finalizer.js"
import * as scopes from "../lib/scopes.js"
import type { Execution } from "./execution.js"
import * as terminalInput from "./terminalInput.js"

// A cause of any length would bury the rest of the message.
const longestCause = 500

/** @internal */
export interface Stdin {
  readonly sink: RemoteProcess["stdin"]
  /** Fails if the stream given as stdin fails. */
  readonly orInputFailed: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | RemoteCommandError, R>
}

/**
 * Sends `input` in its own fiber. A failed write is not reported here, because the reads of the outputs fail, too.
 *
 * @internal
 */
export const make = Effect.fnUntraced(function*(
  { channel, failure, settings }: Execution,
  input: "pipe" | Stream.Stream<Uint8Array, unknown>
) {
  const isTerminal = Option.isSome(settings.pty)
  const { end, write } = isTerminal ? terminalInput.make(channel) : channel
  const sink: Stdin["sink"] = Sink.forEachWhile(write).pipe(Sink.ignoreLeftover, Sink.mapEffect(() => end))
  if (input === "pipe") {
    // Without a terminal, stdin was closed after the frame.
    if (settings.endInput && isTerminal) yield* scopes.forkInterruptible(Effect.ignore(end))
    const stdin: Stdin = { sink, orInputFailed: (effect) => effect }
    return stdin
  }
  const failed = yield* Deferred.make<never, RemoteCommandError>()
  yield* input.pipe(
    Stream.mapError((cause) =>
      failure.error({
        reason: "InputFailed",
        detail: cause instanceof Error && cause.message !== ""
          ? `the stream given as stdin failed: ${cause.message.slice(0, longestCause)}`
          : "the stream given as stdin failed",
        cause
      })
    ),
    Stream.run(sink),
    Effect.catchTag("RemoteConnectionError", () => Effect.void),
    Effect.tapErrorCause((cause) => Cause.isInterruptedOnly(cause) ? Effect.void : Deferred.failCause(failed, cause)),
    scopes.forkInterruptible
  )
  const stdin: Stdin = {
    sink,
    // The await normally never completes, so it must stay interruptible even in an uninterruptible region.
    orInputFailed: (effect) => finalizer.apart(Effect.raceFirst(effect, Effect.interruptible(Deferred.await(failed))))
  }
  return stdin
})
