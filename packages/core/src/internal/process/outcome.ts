/**
 * The exit code of a command, or the error.
 */
import { ExitCode } from "@effect/platform/CommandExecutor"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { RunError } from "../../RemoteProcess.js"
import type { ExitStatus } from "../../Transport.js"
import * as errors from "../command/errors.js"
import * as handshakes from "../launch/handshake.js"
import * as finalizer from "../lib/finalizer.js"
import type { Execution } from "./execution.js"

/**
 * Time limit to read the remaining output of an exited command. A process that keeps the outputs open goes on.
 *
 * @internal
 */
export const drainedWithin = "200 millis"

const sentByGuardian = ["SIGTERM", "SIGKILL"]

// 126 and 127 may mean that the shell failed to run the command. The codes of a pipeline are in a report.
const mayBeReported = ({ program, settings }: Execution, status: ExitStatus): boolean =>
  status._tag === "Code" &&
  (status.code === 126 || status.code === 127 ||
    (program.stages.length > 1 && (status.code !== 0 || !settings.pipefail)))

// The reports of a shell may arrive after the exit status. The command has exited, so little output is left: stdout is
// buffered for its reader. Releasing stderr lets the reports pass even if its reader has stopped.
const awaitReports = ({ stderr, stdout, tracking }: Execution) =>
  Effect.gen(function*() {
    yield* stderr.release
    yield* Effect.exit(stderr.ended)
    const handshake = tracking.handshake()
    if (handshake._tag === "Started" && handshake.isSeparate) return
    const isReported = () => stdout.isEnded() || Option.isSome(handshakes.refusalOf(tracking.handshake()))
    yield* finalizer.apart(Effect.timeoutOption(
      Effect.interruptible(Effect.ignore(Effect.repeat(stdout.readOn, { until: isReported }))),
      drainedWithin
    ))
  })

/** @internal */
export const make = (execution: Execution, pid: number): Effect.Effect<ExitCode, RunError> => {
  const { failure, host, settings, tracking } = execution
  return Effect.flatMap(Deferred.await(tracking.exited), (status) =>
    Effect.gen(function*() {
      if (mayBeReported(execution, status)) yield* awaitReports(execution)
      const refusal = handshakes.refusalOf(tracking.handshake())
      if (Option.isSome(refusal)) return yield* failure.fromReport(refusal.value)
      const ask = status._tag === "Signal" && Option.match(status.signal, {
        onNone: () => true,
        onSome: (name) => sentByGuardian.includes(name)
      })
      const silence = settings.keep ? Option.none() : yield* host.guardian.silence(pid, { ask })
      if (Option.isSome(silence)) return yield* failure.silence(silence.value)
      switch (status._tag) {
        case "Code":
          return ExitCode(status.code)
        case "Signal":
          return yield* failure.signal(status.signal)
        case "None":
          return yield* failure.connection({
            reason: "ConnectionLost",
            detail: "the channel was closed without an exit status: whether the command succeeded is unknown",
            hint: errors.channelClosed
          })
      }
    }))
}
