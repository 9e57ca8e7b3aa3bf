/**
 * Reads a command's channel, and tracks the state of its launch and its life.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Span } from "effect/Tracer"
import type { RemoteConnectionError } from "../../RemoteError.js"
import type { Channel, ExitStatus } from "../../Transport.js"
import type { Output } from "../../unstable/Frame.js"
import type { CommandFailure } from "../command/errors.js"
import * as handshakes from "../launch/handshake.js"
import type { Plan } from "../launch/plan.js"
import * as lifecycles from "./lifecycle.js"

/**
 * The next bytes of an output, without reports.
 *
 * @internal
 */
export interface Piece {
  readonly bytes: Uint8Array
  /** Whether the output ends after these bytes. */
  readonly isLast: boolean
}

/** @internal */
export interface Tracking {
  readonly handshake: () => handshakes.Handshake
  readonly lifecycle: () => lifecycles.Lifecycle
  /** Gives up the launch. */
  readonly abandon: Effect.Effect<void>
  readonly next: (output: Output) => Effect.Effect<Piece, RemoteConnectionError>
  readonly exited: Deferred.Deferred<ExitStatus, RemoteConnectionError>
  /** How the command has ended, if it has. `ExitStatus.None` if the status is not known yet. */
  readonly ended: Effect.Effect<Option.Option<ExitStatus>>
}

/** @internal */
export const make = Effect.fnUntraced(function*(channel: Channel, plan: Plan, failure: CommandFailure, span: Span) {
  let handshake = handshakes.initial(plan.pid)
  let lifecycle: lifecycles.Lifecycle = plan.pid === undefined
    ? lifecycles.Lifecycle.Launching({ hasExited: false })
    : lifecycles.Lifecycle.Running({ pid: plan.pid })
  const move = (event: lifecycles.Event) => {
    lifecycle = lifecycles.step(lifecycle, event)
  }
  const noticingLoss = <A>(effect: Effect.Effect<A, RemoteConnectionError>) =>
    Effect.tapError(effect, () => Effect.sync(() => move(lifecycles.Event.ConnectionLost())))

  const outputs = {
    stdout: { read: noticingLoss(channel.read), scanner: plan.stdout() },
    stderr: { read: noticingLoss(channel.readStderr), scanner: plan.stderr() }
  }

  const next: Tracking["next"] = (on) => {
    const { read, scanner } = outputs[on]
    return Effect.map(read, (found) => {
      const { noise, output, reports } = Option.isSome(found) ? scanner.push(found.value) : scanner.end()
      failure.noise.push(noise)
      for (const report of reports) {
        handshake = handshakes.step(handshake, report, on)
        if (report._tag === "Started") move(lifecycles.Event.Reported({ pid: report.pid }))
        if (report._tag === "Stages") failure.stagesEnded(report.codes.map(([, code]) => code))
        if (handshake._tag === "Started" && handshake.isSeparate) outputs.stdout.scanner.settle()
      }
      return { bytes: output, isLast: Option.isNone(found) }
    })
  }

  const exited = yield* Deferred.make<ExitStatus, RemoteConnectionError>()
  yield* noticingLoss(channel.exit).pipe(
    Effect.tap((status) =>
      Effect.sync(() => {
        move(lifecycles.Event.Ended())
        if (status._tag === "Code") span.attribute("process.exit.code", status.code)
      })
    ),
    Effect.intoDeferred(exited),
    Effect.interruptible,
    Effect.forkScoped
  )

  const tracking: Tracking = {
    handshake: () => handshake,
    lifecycle: () => lifecycle,
    abandon: Effect.sync(() => move(lifecycles.Event.GivenUp())),
    next,
    exited,
    ended: Effect.flatMap(
      Deferred.poll(exited),
      Option.match({
        onSome: Effect.option,
        onNone: () => channel.exitReported ?? Effect.succeedNone
      })
    )
  }
  return tracking
})
