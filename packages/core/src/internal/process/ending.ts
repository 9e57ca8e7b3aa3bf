/**
 * Terminates the processes of a command when its scope closes.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as finalizer from "../lib/finalizer.js"
import * as scopes from "../lib/scopes.js"
import * as terminate from "../scripts/terminate.js"
import * as control from "./control.js"
import type { Execution } from "./execution.js"
import * as launching from "./launching.js"
import * as lifecycles from "./lifecycle.js"
import { drainedWithin } from "./outcome.js"

// After an interrupted launch, the process id is awaited this long. Later the shell cannot write its report, because the
// channel is closed, and does not run the command.
const reportedWithin = "5 seconds"

// An interruption waits for the host for the grace period and this time.
const answeredWithin = "2 seconds"
const connectedWithin = "5 seconds"

// A shell that has not read its whole frame exits at the end of its stdin.
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

// Whether all processes of an exited command have closed its outputs.
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
    return yield* Effect.logWarning(
      `${program.shown} may still run on ${transport.host}: it leads no process group that can be signalled`
    )
  }
  // The output must be read, or the command could block before it exits.
  yield* scopes.forkInterruptible(Effect.ignore(stdout.drain))
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
 * Runs as the finalizer of a command, on a host that reports process ids.
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
    // After a lost connection, only the guardian can terminate the command.
    return yield* tracking.lifecycle()._tag === "Lost" ? guardian.lost(pid) : endGroup(execution, pid)
  }).pipe(Effect.scoped, finalizer.apart)
}
