/**
 * The state of the guardian, as a pure state machine.
 */
import * as Option from "effect/Option"
import type { RemoteConnectionError } from "../../RemoteError.js"

/**
 * A failed start of a guardian.
 *
 * @internal
 */
export interface Failure {
  /** Time of the clock, in milliseconds. */
  readonly at: number
  readonly error: RemoteConnectionError
}

/**
 * A guardian that accepts registrations.
 *
 * - `Attached`: it receives messages of this program.
 * - `Detached`: it gave its session to a command, and watches the server's process for the connection.
 *
 * `isReachable`: commands find its FIFO.
 *
 * @internal
 */
export interface Current<G> {
  readonly _tag: "Attached" | "Detached"
  readonly guardian: G
  readonly isReachable: boolean
}

/**
 * `Starting` has the guardian to replace (`current`), and a value of the caller for those who wait for the start (`start`).
 *
 * @internal
 */
export type State<G, S> =
  | { readonly _tag: "None"; readonly failure: Option.Option<Failure> }
  | { readonly _tag: "Starting"; readonly start: S; readonly current: Option.Option<Current<G>> }
  | Current<G>

/**
 * - `Begun`: a guardian is being started.
 * - `Ready`: it was started, and receives messages of this program.
 * - `Failed`: it could not be started. Without a `failure`, the next command tries again at once.
 * - `Left`: it closed its channel. It is detached, or has ended (`"none"`).
 * - `Missed`: a command did not find its FIFO.
 * - `ConnectionLost`: the connection was lost. A detached guardian terminates its commands and itself.
 *
 * @internal
 */
export type Event<G, S> =
  | { readonly _tag: "Begun"; readonly start: S }
  | { readonly _tag: "Ready"; readonly guardian: G }
  | {
    readonly _tag: "Failed"
    readonly start: S
    readonly guardian: G | undefined
    readonly failure: Option.Option<Failure>
  }
  | { readonly _tag: "Left"; readonly guardian: G; readonly last: "detached" | "none" }
  | { readonly _tag: "Missed"; readonly guardian: G }
  | { readonly _tag: "ConnectionLost" }

/** @internal */
export const none = (failure: Option.Option<Failure> = Option.none()): State<never, never> => ({
  _tag: "None",
  failure
})

/** @internal */
export const currentOf = <G, S>(state: State<G, S>): Option.Option<Current<G>> => {
  switch (state._tag) {
    case "None":
      return Option.none()
    case "Starting":
      return state.current
    case "Attached":
    case "Detached":
      return Option.some(state)
  }
}

/**
 * The guardian, if it is attached.
 *
 * @internal
 */
export const attachedOf = <G, S>(state: State<G, S>): G | undefined =>
  Option.match(currentOf(state), {
    onNone: () => undefined,
    onSome: ({ _tag, guardian }) => _tag === "Attached" ? guardian : undefined
  })

/** Sets the current guardian. */
const replace = <G, S>(state: State<G, S>, current: Option.Option<Current<G>>): State<G, S> =>
  state._tag === "Starting" ? { ...state, current } : Option.getOrElse(current, (): State<G, S> => none())

/** @internal */
export const step = <G, S>(state: State<G, S>, event: Event<G, S>): State<G, S> => {
  const current = currentOf(state)
  const isCurrent = (guardian: G | undefined) => Option.exists(current, (current) => current.guardian === guardian)
  switch (event._tag) {
    case "Begun":
      return { _tag: "Starting", start: event.start, current }
    case "Ready":
      return { _tag: "Attached", guardian: event.guardian, isReachable: true }
    case "Failed":
      if (state._tag === "Starting" && state.start === event.start) {
        return Option.getOrElse(current, (): State<G, S> => none(event.failure))
      }
      return isCurrent(event.guardian) ? none(event.failure) : state
    case "Left":
      if (!isCurrent(event.guardian)) return state
      return replace(
        state,
        event.last === "none"
          ? Option.none()
          : Option.map(current, (current): Current<G> => ({ ...current, _tag: "Detached" }))
      )
    case "Missed":
      return isCurrent(event.guardian)
        ? replace(state, Option.map(current, (current) => ({ ...current, isReachable: false })))
        : state
    case "ConnectionLost":
      return Option.exists(current, ({ _tag }) => _tag === "Detached") ? replace(state, Option.none()) : state
  }
}
