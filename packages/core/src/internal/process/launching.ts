/**
 * Launches a command on an open channel, and reads its process id.
 */
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { RunError } from "../../RemoteProcess.js"
import * as Deadline from "../../unstable/Deadline.js"
import type { Guard } from "../../unstable/Frame.js"
import * as handshakes from "../launch/handshake.js"
import * as scopes from "../lib/scopes.js"
import type { Execution } from "./execution.js"

/**
 * The command has not run and can be sent again. Its prewarmed shell had exited, or its guardian's FIFO did not exist
 * (`missed`).
 *
 * @internal
 */
export class NotRun extends Data.TaggedError("NotRun")<{ readonly missed: Option.Option<Guard> }> {}

// A longer frame is written in its own fiber, because a host may not read on before its output is read.
const longFrame = 16 * 1024

const conclude = (
  { failure, isPrewarmed, stderr, tracking }: Execution,
  guard: Option.Option<Guard>
): Effect.Effect<number, RunError | NotRun> =>
  Effect.gen(function*() {
    yield* Effect.exit(stderr.ended)
    const status = yield* Deferred.await(tracking.exited)
    const conclusion = handshakes.conclude(tracking.handshake(), { isPrewarmed })
    switch (conclusion._tag) {
      case "Started":
        return conclusion.pid
      case "NotRun":
        return yield* new NotRun({ missed: conclusion.isUnguarded ? guard : Option.none() })
      case "Refused":
        return yield* failure.fromReport(conclusion.refusal)
      case "NotLaunched":
        return yield* failure.notLaunched(status)
    }
  })

/**
 * Reads stdout until the shell reports the start. Returns the process id.
 *
 * @internal
 */
export const awaitStart = (
  execution: Execution,
  guard: Option.Option<Guard>
): Effect.Effect<number, RunError | NotRun> => {
  const { stdout, tracking } = execution
  const start: Effect.Effect<number, RunError | NotRun> = Effect.suspend(() => {
    const handshake = tracking.handshake()
    if (handshake._tag === "Started") return Effect.succeed(handshake.pid)
    return stdout.isEnded() ? conclude(execution, guard) : Effect.zipRight(stdout.readOn, start)
  })
  return start
}

/** Sends the frame. Returns the guardian with which the command registers. */
const sendFrame = Effect.fnUntraced(function*(execution: Execution, guarded: Effect.Effect<unknown>) {
  const { channel, host, plan, program, settings } = execution
  yield* guarded
  const guard = Option.map(yield* host.guardian.fifo, (fifo) => ({ fifo, keep: settings.keep }))
  const frame = plan.first(guard)
  const endsInput = settings.endInput && program.stdin === "pipe" && Option.isNone(settings.pty)
  // The reader reports the failure of a write, because it also has the reason.
  const send = Effect.ignore(Effect.zipRight(
    Option.match(frame, { onNone: () => Effect.void, onSome: channel.write }),
    endsInput ? channel.end : Effect.void
  ))
  yield* Option.exists(frame, ({ length }) => length > longFrame)
    ? scopes.forkInterruptible(send)
    : send
  yield* host.shells.prewarm
  return Option.flatMap(frame, () => guard)
})

const delay = ({ failure }: Execution): Deadline.Explanation => ({
  step: "the session is open, but the login shell did not start /bin/sh",
  output: failure.output(),
  hint:
    "Check that no startup file of the login shell (.bashrc, config.fish) waits, and that the login shell is a shell. " +
    "A slow host needs a larger connectTimeout."
})

/**
 * Launches the command within `connectTimeout`. `guarded` waits for the guardian.
 *
 * @internal
 */
export const launch = (execution: Execution, guarded: Effect.Effect<unknown>) =>
  Deadline.within(execution.host.transport.host, "launching the command", Effect.sync(() => delay(execution)))(
    Effect.flatMap(
      sendFrame(execution, guarded),
      (guard) => Effect.map(awaitStart(execution, guard), (pid) => ({ guard, pid }))
    )
  )
