/**
 * Flow control of one channel (RFC 4254, section 5.2): the room of each side for data. Values with pure steps.
 */
import * as Either from "effect/Either"

/**
 * Maximum size of a data packet in either direction. Larger ones are not faster, and some crash OpenSSH's master.
 *
 * @internal
 */
export const maxPacket = 32768

// The sum of the initial windows of all channels.
const total = 64 * 1024 * 1024

const largest = 2 * 1024 * 1024
const smallest = 128 * 1024

/**
 * The initial window of a new channel if `channels` others are open. It shrinks as their number grows: this bounds the
 * memory for data that nobody reads.
 *
 * @internal
 */
export const initial = (channels: number): number =>
  Math.min(largest, Math.max(smallest, Math.floor(total / (channels + 1))))

// OpenSSH's client grants room after the same number of bytes. With a later grant, the other side would wait.
const grantedAt = 3 * maxPacket

// RFC 4254, section 5.2: a window is a 32-bit number.
const limit = 0xffffffff

/**
 * Room for data that this side may send.
 *
 * @internal
 */
export interface Sending {
  readonly room: number
  readonly maxPacket: number
}

/** @internal */
export const adjust = (window: Sending, bytes: number): Either.Either<Sending, string> => {
  const room = window.room + bytes
  return room > limit ? Either.left("a window of more than 4 GiB") : Either.right({ ...window, room })
}

/**
 * Number of `bytes` that fit into the next packet.
 *
 * @internal
 */
export const sendable = (window: Sending, bytes: number): number =>
  Math.min(bytes, window.room, window.maxPacket, maxPacket)

/** @internal */
export const spend = (window: Sending, bytes: number): Sending => ({ ...window, room: window.room - bytes })

/**
 * Room for data that the other side may send. `consumed`: bytes that were read but not yet granted again.
 *
 * @internal
 */
export interface Receiving {
  readonly room: number
  readonly consumed: number
}

/** @internal */
export const receive = (window: Receiving, bytes: number): Either.Either<Receiving, string> => {
  if (bytes > maxPacket) return Either.left(`${bytes} bytes of data in one packet`)
  if (bytes > window.room) return Either.left("more data than a channel's window")
  return Either.right({ ...window, room: window.room - bytes })
}

/**
 * Counts bytes as read. `grant` is the number for a `WINDOW_ADJUST`. 0: too few bytes were read.
 *
 * @internal
 */
export const consume = (
  window: Receiving,
  bytes: number
): { readonly window: Receiving; readonly grant: number } => {
  const consumed = window.consumed + bytes
  return consumed < grantedAt
    ? { window: { ...window, consumed }, grant: 0 }
    : { window: { room: window.room + consumed, consumed: 0 }, grant: consumed }
}
