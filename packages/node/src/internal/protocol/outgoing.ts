/**
 * Sends the packets of a multiplexer: replies and requests at once, data of the channels in turns while the connection has
 * room.
 */
import type { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import * as message from "./message.js"

/**
 * The connection that carries the packets.
 *
 * @internal
 */
export interface Output {
  /** Writes bytes in order. After `false`, data waits until `drained` is called. */
  readonly write: (bytes: Uint8Array) => boolean
  /** Called once, after `fail` or a violation of the protocol. */
  readonly failed: (error: RemoteConnectionError) => void
}

/** @internal */
export type Packet = Parameters<typeof message.encode>[0]

/** @internal */
export interface Outgoing<Sender> {
  readonly send: (packet: Packet) => void
  /** Answers a request of the other side. The number of unsent replies is bounded. */
  readonly reply: (packet: Packet) => void
  readonly sendData: (recipient: number, data: Uint8Array) => void
  /** Lets the sender send, in turns with others, until it has no more data. */
  readonly enqueue: (sender: Sender) => void
  /** Called when the connection has room again. */
  readonly drained: () => void
  /** Stops sending. */
  readonly stop: () => void
}

// Smaller data is copied after its header, because a separate write costs more.
const copiedBelow = 4096

// Maximum number of unsent replies, for a server that sends requests without reading the replies.
const maxUnsentReplies = 1000

/**
 * `sendNext` sends one packet of a sender, and returns whether it has more.
 *
 * @internal
 */
export const make = <Sender>(
  write: Output["write"],
  sendNext: (sender: Sender) => boolean,
  violation: (detail: string) => void
): Outgoing<Sender> => {
  // Senders in the order of their turns. Changed by `enqueue` and `pump`.
  const senders = new Set<Sender>()
  // Set by a write that returned `false`, cleared by `drained`.
  let isCongested = false
  let isStopped = false
  // Counted while congested.
  let unsentReplies = 0

  const put = (bytes: Uint8Array) => {
    if (!write(bytes)) isCongested = true
  }
  const send = (packet: Packet) => {
    if (!isStopped) put(message.encode(packet))
  }
  const pump = () => {
    while (!isCongested && !isStopped) {
      const [sender] = senders
      if (sender === undefined) return
      senders.delete(sender)
      if (sendNext(sender)) senders.add(sender)
    }
  }

  return {
    send,
    reply: (packet) => {
      if (isCongested && ++unsentReplies > maxUnsentReplies) {
        return violation("requests are sent without reading the replies")
      }
      send(packet)
    },
    sendData: (recipient, data) => {
      if (data.length < copiedBelow) return send({ _tag: "Data", recipient, data })
      write(message.dataHeader(recipient, data.length))
      put(data)
    },
    enqueue: (sender) => {
      senders.add(sender)
      pump()
    },
    drained: () => {
      isCongested = false
      unsentReplies = 0
      pump()
    },
    stop: () => {
      isStopped = true
      senders.clear()
    }
  }
}
