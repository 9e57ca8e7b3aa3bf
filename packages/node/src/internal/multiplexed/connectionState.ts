/**
 * The state of a connection that is replaced after a loss, as a value with pure steps. A step that does not apply returns
 * the same state.
 */
import type { ConnectionState } from "@effect-remote/core/Transport"

/**
 * `isFirst`: the transport was never connected before.
 *
 * @internal
 */
export type State<Connection> =
  | { readonly _tag: "Idle" }
  | { readonly _tag: "Connecting"; readonly isFirst: boolean }
  | { readonly _tag: "Ready"; readonly connection: Connection }
  | { readonly _tag: "Lost"; readonly isFirst: boolean }
  /** The scope of the transport has closed. */
  | { readonly _tag: "Closed" }

/** @internal */
export const idle: State<never> = { _tag: "Idle" }

/** @internal */
export const closed: State<never> = { _tag: "Closed" }

/** @internal */
export const isFirst = <C>(state: State<C>): boolean =>
  state._tag === "Idle" || ((state._tag === "Connecting" || state._tag === "Lost") && state.isFirst)

/** @internal */
export const connect = <C>(state: State<C>): State<C> =>
  state._tag === "Closed" ? state : { _tag: "Connecting", isFirst: isFirst(state) }

/** @internal */
export const succeed = <C>(state: State<C>, connection: C): State<C> =>
  state._tag === "Closed" ? state : { _tag: "Ready", connection }

/**
 * All attempts to connect failed.
 *
 * @internal
 */
export const fail = <C>(state: State<C>): State<C> =>
  state._tag === "Connecting" ? { _tag: "Lost", isFirst: state.isFirst } : state

/**
 * A connection was lost. It may already be replaced.
 *
 * @internal
 */
export const lose = <C>(state: State<C>, connection: C): State<C> =>
  state._tag === "Ready" && state.connection === connection ? { _tag: "Lost", isFirst: false } : state

/**
 * The public state of the transport.
 *
 * @internal
 */
export const shown = <C>({ _tag }: State<C>): ConnectionState => {
  switch (_tag) {
    case "Idle":
      return "idle"
    case "Connecting":
      return "connecting"
    case "Ready":
      return "ready"
    case "Lost":
    case "Closed":
      return "lost"
  }
}
