/**
 * Ends what is left of a command when its scope closes.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as finalizer from "../lib/finalizer.js"
import * as terminate from "../scripts/terminate.js"
import * as control from "./control.js"
import type { Execution } from "./execution.js"
import * as launching from "./launching.js"
import * as lifecycles from "./lifecycle.js"
import { drainedWithin } from "./outcome.js"

// A command that was interrupted while it was launched reports its process id in this time. Otherwise its shell finds that
// nobody reads the report, and runs nothing.
const reportedWithin = "5 seconds"

// An interruption waits for the host no longer than the grace period and this.
const answeredWithin = "2 seconds"
const connectedWithin = "5 seconds"

// The end of the input ends a shell that has not read its whole frame.
const awaitReport = (execution: Execution) => {
  const { channel, host, program } = execution
  return Effect.flatten(Effect.timeoutTo(
    Effect.interruptible(
      Effect.ignore(Effect.zipRight(Effect.ignore(channel.end), launching.awaitStart(execution, Option.none())))
    ),
    {
      duration: reportedWithin,
      onSuccess: () => Effect.void,
      onTimeout: () =>
        Effect.logWarning(
          `${program.shown} may still run on ${host.transport.host}: ` +
            `its start was not reported within ${reportedWithin}`
        )
    }
  ))
}

// Whether nothing of an exited command is left: the processes that it started have closed its outputs, too.
const outputsEnd = ({ stderr, stdout }: Execution) =>
  Effect.gen(function*() {
    if (stdout.isEnded() && (yield* stderr.isEnded)) return true
    return yield* Effect.timeoutTo(
      Effect.interruptible(Effect.exit(Effect.zipRight(stdout.drain, stderr.ended))),
      { duration: drainedWithin, onSuccess: () => true, onTimeout: () => false }
    )
  })

const endGroup = Effect.fnUntraced(function*({ failure, host, program, settings, stdout }: Execution, pid: number) {
  const { guardian, transport } = host
  if (!terminate.leadsGroup(pid)) {
    return yield* Effect.logWarning(`The command with process id ${pid} may still run on ${transport.host}`)
  }
  // A command that prints while it ends must not be held back.
  yield* Effect.forkScoped(Effect.interruptible(Effect.ignore(stdout.drain)))
  const grace = Duration.toMillis(settings.killAfter)
  const confirmedWithin = (patience: Duration.DurationInput) => {
    const duration = Duration.sum(settings.killAfter, patience)
    const detail = `the host did not confirm the end of ${program.shown} within ${Duration.format(duration)}`
    return <A, E>(effect: Effect.Effect<A, E>) =>
      Effect.timeoutFail(Effect.interruptible(effect), {
        duration,
        onTimeout: () => failure.connection({ reason: "TimedOut", detail })
      })
  }
  yield* Effect.if(confirmedWithin(answeredWithin)(guardian.end(pid, grace)), {
    onTrue: () => Effect.void,
    onFalse: () =>
      confirmedWithin(Duration.min(transport.host.connectTimeout, connectedWithin))(
        control.run(transport, terminate.group(pid, grace))
      )
  }).pipe(
    Effect.catchAll((error) =>
      Effect.logWarning(`The process group ${pid} may still run on ${transport.host}: ${error.message}`)
    )
  )
})

/**
 * The finalizer of a command on a host that reports process ids.
 *
 * @internal
 */
export const end = (execution: Execution): Effect.Effect<void> => {
  const { host: { guardian }, stderr, stdout, tracking } = execution
  return Effect.gen(function*() {
    yield* stdout.discard
    yield* stderr.discard
    if (tracking.lifecycle()._tag === "Launching") yield* awaitReport(execution)
    const found = lifecycles.pidOf(tracking.lifecycle())
    if (Option.isNone(found)) return
    const pid = found.value
    if (tracking.lifecycle()._tag === "Exited" && (yield* outputsEnd(execution))) {
      return yield* tracking.lifecycle()._tag === "Lost" ? guardian.lost(pid) : guardian.done(pid)
    }
    // After a lost connection the host cannot be asked.
    return yield* tracking.lifecycle()._tag === "Lost" ? guardian.lost(pid) : endGroup(execution, pid)
  }).pipe(Effect.scoped, finalizer.apart)
}
