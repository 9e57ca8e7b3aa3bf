/**
 * The state of one channel of the SSH connection protocol (RFC 4254, section 5), as a value. Each step is pure and returns
 * the next state. A step that does not apply returns the same state. A `Left` is a violation of the protocol by the other
 * side.
 */
import type { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import { ExitStatus } from "@effect-remote/core/Transport"
import * as Either from "effect/Either"
import * as message from "./message.js"
import * as window from "./window.js"

/** @internal */
export interface ChannelState {
  /** The other side confirms or refuses the opening. `gone` after its CLOSE, its refusal or the loss of the connection. */
  readonly phase: "opening" | "open" | "gone"
  /** The number of the channel on the other side. Set by CONFIRM. */
  readonly remote: number
  /** Room that the other side has granted. Used by our writer. */
  readonly sending: window.Sending
  /** Room that our readers have granted. Used by the other side. */
  readonly receiving: window.Receiving
  /**
   * The last message that this side sent. The owner sends EOF and CLOSE. A CLOSE of the other side is answered with CLOSE.
   */
  readonly sent: "data" | "eof" | "close"
  /** Set by the other side. */
  readonly receivedEof: boolean
  /** The other side no longer reads. Set by its `eow@openssh.com`. */
  readonly deaf: boolean
  /** The owner has left: arriving data is dropped. */
  readonly abandoned: boolean
  /** Set by the other side. */
  readonly status: ExitStatus
  /** Set once, by the owner or by the loss of the connection. */
  readonly failure: RemoteConnectionError | undefined
}

/** @internal */
export const make = (receiveWindow: number): ChannelState => ({
  phase: "opening",
  remote: 0,
  sending: { room: 0, maxPacket: 0 },
  receiving: { room: receiveWindow, consumed: 0 },
  sent: "data",
  receivedEof: false,
  deaf: false,
  abandoned: false,
  status: ExitStatus.None(),
  failure: undefined
})

/**
 * Whether data may still be sent.
 *
 * @internal
 */
export const isWritable = (state: ChannelState): boolean =>
  state.phase === "open" && state.sent === "data" && !state.deaf

/**
 * Whether requests may still be sent.
 *
 * @internal
 */
export const isUsable = (state: ChannelState): boolean => state.phase === "open" && state.sent !== "close"

/**
 * Whether the input of the owner has ended.
 *
 * @internal
 */
export const hasNoMoreData = (state: ChannelState): boolean => state.receivedEof || hasEnded(state)

/**
 * Whether the exit status is valid.
 *
 * @internal
 */
export const hasEnded = (state: ChannelState): boolean =>
  state.phase === "gone" || state.abandoned || state.failure !== undefined

/** @internal */
export const confirm = (
  state: ChannelState,
  confirmed: { readonly sender: number; readonly window: number; readonly maxPacket: number }
): ChannelState => ({
  ...state,
  phase: "open",
  remote: confirmed.sender,
  sending: { room: confirmed.window, maxPacket: confirmed.maxPacket }
})

/** @internal */
export const adjust = (state: ChannelState, bytes: number): Either.Either<ChannelState, string> =>
  Either.map(window.adjust(state.sending, bytes), (sending) => ({ ...state, sending }))

/**
 * Number of `bytes` that may be sent now. 0: the writer must wait.
 *
 * @internal
 */
export const sendable = (state: ChannelState, bytes: number): number =>
  isWritable(state) ? window.sendable(state.sending, bytes) : 0

/** @internal */
export const spend = (state: ChannelState, bytes: number): ChannelState => ({
  ...state,
  sending: window.spend(state.sending, bytes)
})

/** @internal */
export const receiveData = (state: ChannelState, bytes: number): Either.Either<ChannelState, string> =>
  state.receivedEof
    ? Either.left("data after the end of a channel")
    : Either.map(window.receive(state.receiving, bytes), (receiving) => ({ ...state, receiving }))

/**
 * The owner has read data. `grant` is the room to grant to the other side.
 *
 * @internal
 */
export const consume = (
  state: ChannelState,
  bytes: number
): { readonly state: ChannelState; readonly grant: number } => {
  // The other side sends no more data, or must not receive any message.
  if (state.receivedEof || !isUsable(state)) return { state, grant: 0 }
  const { grant, window: receiving } = window.consume(state.receiving, bytes)
  return { state: { ...state, receiving }, grant }
}

/** @internal */
export const receiveEof = (state: ChannelState): ChannelState => ({ ...state, receivedEof: true })

/**
 * Unknown requests are ignored.
 *
 * @internal
 */
export const receiveRequest = (
  state: ChannelState,
  name: string,
  data: Uint8Array
): Either.Either<ChannelState, string> => {
  switch (name) {
    case "exit-status":
    case "exit-signal":
      return Either.mapBoth(message.exitStatus(name, data), {
        onLeft: (malformed) => malformed.message,
        onRight: (status) => ({ ...state, status })
      })
    case "eow@openssh.com":
      return Either.right({ ...state, deaf: true })
    default:
      return Either.right(state)
  }
}

/** @internal */
export const end = (state: ChannelState): ChannelState => isWritable(state) ? { ...state, sent: "eof" } : state

/** @internal */
export const close = (state: ChannelState): ChannelState => isUsable(state) ? { ...state, sent: "close" } : state

/** @internal */
export const abandon = (state: ChannelState): ChannelState => state.abandoned ? state : { ...state, abandoned: true }

/** @internal */
export const remove = (state: ChannelState): ChannelState => ({ ...state, phase: "gone" })

/**
 * The first failure stays.
 *
 * @internal
 */
export const fail = (state: ChannelState, failure: RemoteConnectionError): ChannelState =>
  state.failure === undefined ? { ...state, failure } : state
