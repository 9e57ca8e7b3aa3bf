/**
 * The reports of a shell that launches a command, as a pure state machine. It accepts the reports in any order, because the
 * host is not trusted.
 */
import * as Data from "effect/Data"
import * as Option from "effect/Option"
import type { Output, Report } from "../../unstable/Frame.js"

/**
 * The step that failed before the command ran.
 *
 * @internal
 */
export type Refusal = Extract<Report, { readonly _tag: "Failed" }>

/**
 * - `Waiting`: nothing was reported yet.
 * - `Refused`: a step failed. This is final only after both outputs have ended, because another program of a pipeline may
 *   start.
 * - `Unguarded`: the guardian's FIFO did not exist, so the shell did not run the command.
 * - `Started`: the command runs. `refusal`: a step that failed after the report, such as `exec` itself.
 *
 * @internal
 */
export type Handshake = Data.TaggedEnum<{
  readonly Waiting: {}
  readonly Refused: { readonly refusal: Refusal }
  readonly Unguarded: {}
  readonly Started: {
    readonly pid: number
    readonly refusal: Option.Option<Refusal>
    /** Whether the reports for stderr arrive on stderr. A host that merges both outputs sends them on stdout. */
    readonly isSeparate: boolean
  }
}>

/** @internal */
export const { $match: match, Refused, Started, Unguarded, Waiting } = Data.taggedEnum<Handshake>()

/**
 * The state before the first report. `pid` is for a host that does not send reports.
 *
 * @internal
 */
export const initial = (pid: number | undefined): Handshake =>
  pid === undefined ? Waiting() : Started({ pid, refusal: Option.none(), isSeparate: false })

/**
 * The first step that failed.
 *
 * @internal
 */
export const refusalOf: (state: Handshake) => Option.Option<Refusal> = match({
  Waiting: () => Option.none(),
  Refused: ({ refusal }) => Option.some(refusal),
  Unguarded: () => Option.none(),
  Started: ({ refusal }) => refusal
})

/**
 * The state after a report that arrived on the output `cameOn`.
 *
 * @internal
 */
export const step = (state: Handshake, report: Report, cameOn: Output): Handshake => {
  switch (report._tag) {
    case "Started":
      return Started({
        pid: state._tag === "Started" ? state.pid : report.pid,
        refusal: refusalOf(state),
        isSeparate: (state._tag === "Started" && state.isSeparate) || (report.on === "stderr" && cameOn === "stderr")
      })
    case "Unguarded":
      return state._tag === "Started" ? state : Unguarded()
    case "Failed":
      if (report.code === 0 || state._tag === "Unguarded" || Option.isSome(refusalOf(state))) return state
      return state._tag === "Started"
        ? Started({ ...state, refusal: Option.some(report) })
        : Refused({ refusal: report })
    case "Stages":
      return state
  }
}

/**
 * - `NotRun`: the command has not run and can be sent again, to another shell or without the guardian (`isUnguarded`).
 * - `NotLaunched`: the login shell ended without a report.
 *
 * @internal
 */
export type Conclusion = Data.TaggedEnum<{
  readonly Started: { readonly pid: number }
  readonly NotRun: { readonly isUnguarded: boolean }
  readonly Refused: { readonly refusal: Refusal }
  readonly NotLaunched: {}
}>

/** @internal */
export const Conclusion = Data.taggedEnum<Conclusion>()

/**
 * The result of the launch, after both outputs have ended. A prewarmed shell may have exited before it read the frame.
 *
 * @internal
 */
export const conclude = (
  state: Handshake,
  { isPrewarmed }: { readonly isPrewarmed: boolean }
): Conclusion => {
  switch (state._tag) {
    case "Started":
      return Conclusion.Started({ pid: state.pid })
    case "Unguarded":
      return Conclusion.NotRun({ isUnguarded: true })
    case "Refused":
      return Conclusion.Refused({ refusal: state.refusal })
    case "Waiting":
      return isPrewarmed ? Conclusion.NotRun({ isUnguarded: false }) : Conclusion.NotLaunched()
  }
}
