/**
 * The life of a command, as a pure state machine. When the scope closes, the finalizer depends on the state.
 */
import * as Data from "effect/Data"
import * as Option from "effect/Option"

/**
 * - `Launching`: the process id is not known yet. `hasExited`: the exit status has arrived before it.
 * - `Abandoned`: the launch was given up. The channel is closed, so the shell cannot write its report and does not run the
 *   command.
 * - `Running`: the command runs.
 * - `Exited`: the exit status has arrived. Other processes may still hold the outputs open.
 * - `Lost`: the connection was lost.
 *
 * @internal
 */
export type Lifecycle = Data.TaggedEnum<{
  readonly Launching: { readonly hasExited: boolean }
  readonly Abandoned: { readonly hasExited: boolean }
  readonly Running: { readonly pid: number }
  readonly Exited: { readonly pid: number }
  readonly Lost: { readonly pid: Option.Option<number> }
}>

/** @internal */
export const Lifecycle = Data.taggedEnum<Lifecycle>()

/**
 * - `Reported`: the process id was read.
 * - `GivenUp`: the launch failed because the host did not answer, or violated the protocol.
 * - `Ended`: the exit status has arrived.
 * - `ConnectionLost`: a read failed.
 *
 * @internal
 */
export type Event = Data.TaggedEnum<{
  readonly Reported: { readonly pid: number }
  readonly GivenUp: {}
  readonly Ended: {}
  readonly ConnectionLost: {}
}>

/** @internal */
export const Event = Data.taggedEnum<Event>()

/** @internal */
export const pidOf: (state: Lifecycle) => Option.Option<number> = Lifecycle.$match({
  Launching: () => Option.none(),
  Abandoned: () => Option.none(),
  Running: ({ pid }) => Option.some(pid),
  Exited: ({ pid }) => Option.some(pid),
  Lost: ({ pid }) => pid
})

const reported = (state: Lifecycle, pid: number): Lifecycle => {
  switch (state._tag) {
    case "Launching":
    case "Abandoned":
      return state.hasExited ? Lifecycle.Exited({ pid }) : Lifecycle.Running({ pid })
    case "Lost":
      return Lifecycle.Lost({ pid: Option.orElseSome(state.pid, () => pid) })
    case "Running":
    case "Exited":
      return state
  }
}

const ended = (state: Lifecycle): Lifecycle => {
  switch (state._tag) {
    case "Launching":
      return Lifecycle.Launching({ hasExited: true })
    case "Abandoned":
      return Lifecycle.Abandoned({ hasExited: true })
    case "Running":
      return Lifecycle.Exited({ pid: state.pid })
    case "Exited":
    case "Lost":
      return state
  }
}

/** @internal */
export const step = (state: Lifecycle, event: Event): Lifecycle => {
  switch (event._tag) {
    case "Reported":
      return reported(state, event.pid)
    case "GivenUp":
      return state._tag === "Launching" ? Lifecycle.Abandoned(state) : state
    case "Ended":
      return ended(state)
    case "ConnectionLost":
      return state._tag === "Lost" ? state : Lifecycle.Lost({ pid: pidOf(state) })
  }
}
