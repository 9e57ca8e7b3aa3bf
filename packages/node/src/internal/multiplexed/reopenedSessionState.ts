/**
 * The state of a session that may be opened again, as a value with a pure step. A step that does not apply returns the same
 * state.
 */
import type { RemoteConnectionError } from "@effect-remote/core/RemoteError"

/**
 * The bytes written before the answer of the server, and their end. The next session gets them, too.
 *
 * @internal
 */
export interface Input {
  readonly writes: ReadonlyArray<Uint8Array>
  /** In bytes. */
  readonly size: number
  readonly hasEnded: boolean
}

/**
 * - `Opening`: the server has not answered the requests. Input is sent and kept.
 * - `Reopening`: the server has closed the session without an answer, and the next one does not have all input yet.
 * - `Settled`: the server has answered.
 * - `Failed`: no session was answered.
 *
 * `left` is the number of sessions that may still be opened.
 *
 * @internal
 */
export type State<Channel> =
  | { readonly _tag: "Opening"; readonly channel: Channel; readonly input: Input; readonly left: number }
  | { readonly _tag: "Reopening"; readonly input: Input; readonly left: number }
  | { readonly _tag: "Settled"; readonly channel: Channel }
  | { readonly _tag: "Failed"; readonly error: RemoteConnectionError }

/**
 * - `Written`: bytes are sent on the channel.
 * - `Ended`: the input ends.
 * - `Answered`: the server has answered the requests.
 * - `Closed`: the server has closed the session without an answer. `error` is for the last session.
 * - `Reopened`: the next session has the input.
 * - `Failed`: the next session could not be opened, or the connection was lost.
 *
 * @internal
 */
export type Event<Channel> =
  | { readonly _tag: "Written"; readonly bytes: Uint8Array }
  | { readonly _tag: "Ended" }
  | { readonly _tag: "Answered" }
  | { readonly _tag: "Closed"; readonly error: RemoteConnectionError }
  | { readonly _tag: "Reopened"; readonly channel: Channel }
  | { readonly _tag: "Failed"; readonly error: RemoteConnectionError }

/**
 * The number of sessions that are opened after the first.
 *
 * @internal
 */
export const attempts = 5

// Writers of more wait for the answer.
const longestInput = 64 * 1024
const mostWrites = 64

/** @internal */
export const initial = <Channel>(channel: Channel): State<Channel> => ({
  _tag: "Opening",
  channel,
  input: { writes: [], size: 0, hasEnded: false },
  left: attempts
})

/**
 * Whether these bytes can be sent before the server has answered.
 *
 * @internal
 */
export const accepts = <Channel>(
  state: State<Channel>,
  bytes: Uint8Array
): state is Extract<State<Channel>, { readonly _tag: "Opening" }> =>
  state._tag === "Opening" &&
  state.input.size + bytes.length <= longestInput &&
  state.input.writes.length < mostWrites

const write = ({ hasEnded, size, writes }: Input, bytes: Uint8Array): Input => ({
  writes: [...writes, bytes],
  size: size + bytes.length,
  hasEnded
})

/** @internal */
export const step = <Channel>(state: State<Channel>, event: Event<Channel>): State<Channel> => {
  if (state._tag === "Settled" || state._tag === "Failed") return state
  switch (event._tag) {
    case "Written":
      return accepts(state, event.bytes) ? { ...state, input: write(state.input, event.bytes) } : state
    case "Ended":
      return { ...state, input: { ...state.input, hasEnded: true } }
    case "Answered":
      return state._tag === "Opening" ? { _tag: "Settled", channel: state.channel } : state
    case "Closed":
      if (state._tag === "Reopening") return state
      return state.left === 0
        ? { _tag: "Failed", error: event.error }
        : { _tag: "Reopening", input: state.input, left: state.left - 1 }
    case "Reopened":
      return state._tag === "Reopening" ? { ...state, _tag: "Opening", channel: event.channel } : state
    case "Failed":
      return event
  }
}
