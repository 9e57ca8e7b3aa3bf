/**
 * The client's side of the SSH connection protocol (RFC 4254): channels over one stream of bytes. It takes bytes and gives
 * bytes; the socket is its caller's. This file numbers the channels, dispatches packets and handles the loss of the
 * connection.
 */
import * as Wire from "@effect-remote/core/protocol/Wire"
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import * as channel from "./channel.js"
import * as message from "./message.js"
import * as outgoing from "./outgoing.js"
import * as window from "./window.js"

/** @internal */
export interface Multiplexer {
  /** Copies what it keeps of the bytes. */
  readonly receive: (bytes: Uint8Array) => void
  readonly drained: () => void
  /** The channel closes with the scope. */
  readonly open: (
    type: string,
    data: Uint8Array,
    watcher?: channel.Watcher
  ) => Effect.Effect<channel.Channel, channel.OpenRefused | RemoteConnectionError, Scope.Scope>
  /** Fails everything in flight and every later use. */
  readonly fail: (error: RemoteConnectionError) => void
  /**
   * Fails every channel and refuses new ones. Waits until no channel is half open: OpenSSH's master crashes if its client
   * leaves earlier.
   */
  readonly close: Effect.Effect<void>
  /** The number of channels, including half-open and half-closed ones. */
  readonly size: () => number
}

// RFC 4253, section 6.1: implementations must accept packets of 35000 bytes.
const longestPacket = 35000

const administrativelyProhibited = 1

// Two buffers suffice for the packets of one read: only its first and its last may be incomplete, and none is kept.
const makeSplitter = () => {
  let [memory, spare] = [new Uint8Array(longestPacket), new Uint8Array(longestPacket)]
  return Wire.splitter(longestPacket, (length) => {
    ;[memory, spare] = [spare, memory]
    return memory.subarray(0, length)
  })
}

/** @internal */
export const make = (host: string, output: outgoing.Output): Multiplexer => {
  const split = makeSplitter()
  // Added by `open`; removed when the other side refused or closed the channel, and by `fail`.
  const entries = new Map<number, channel.Entry>()
  // Counted by `open`.
  let nextId = 0
  // Set once, by `fail`.
  let failure: RemoteConnectionError | undefined
  // Set by `close`: ends its wait.
  let closing: (() => void) | undefined

  const violation = (detail: string) =>
    fail(
      new RemoteConnectionError({ reason: "Protocol", host, detail: `the other side broke the protocol: ${detail}` })
    )
  const closed = () => new RemoteConnectionError({ reason: "ConnectionLost", host, detail: "the connection is closed" })
  const packets = outgoing.make(output.write, channel.sendNext, violation)
  const link: channel.Link = { ...packets, violation }

  // A channel whose CLOSE was sent may end any time later; only a half-open one must be waited for.
  const checkClosed = () => {
    if (closing === undefined) return
    if (!Array.from(entries.values()).some(({ state }) => state.phase === "opening")) closing()
  }

  const fail = (error: RemoteConnectionError) => {
    if (failure !== undefined) return
    failure = error
    packets.stop()
    const lost = Array.from(entries.values())
    entries.clear()
    for (const entry of lost) channel.lose(entry, error)
    checkClosed()
    output.failed(error)
  }

  const dispatch = (packet: message.Message) => {
    switch (packet._tag) {
      // We send no global requests, and the server's offers are not used.
      case "GlobalRequest":
      case "GlobalReply":
        return
      case "Open": {
        const refusal = { recipient: packet.sender, reason: administrativelyProhibited, description: "not expected" }
        return packets.reply({ _tag: "Refuse", ...refusal })
      }
      default: {
        const entry = entries.get(packet.recipient)
        if (entry === undefined) {
          // Some servers send more on a channel that both sides closed.
          if (packet.recipient < nextId) return
          return violation(`a message for channel ${packet.recipient}, which does not exist`)
        }
        channel.receive(entry, packet)
        if (entry.state.phase === "gone") entries.delete(packet.recipient)
        checkClosed()
      }
    }
  }

  const open: Multiplexer["open"] = (type, data, watcher) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        if (failure !== undefined) return yield* failure
        if (closing !== undefined) return yield* closed()
        const id = nextId
        nextId = (nextId + 1) >>> 0
        const receiveWindow = window.initial(entries.size)
        const entry = channel.make(link, receiveWindow, watcher)
        const leave = Effect.sync(() => channel.leave(entry))
        entries.set(id, entry)
        yield* Effect.addFinalizer(() => leave)
        watcher?.sent()
        packets.send({ _tag: "Open", type, sender: id, window: receiveWindow, maxPacket: window.maxPacket, data })
        const opened = yield* restore(entry.opened.await).pipe(Effect.onInterrupt(() => leave))
        yield* opened
        return channel.owned(entry)
      })
    )

  return {
    receive: (bytes) => {
      for (const packet of split(bytes)) {
        if (failure !== undefined) return
        const decoded = Either.flatMap(packet, message.decode)
        if (Either.isLeft(decoded)) violation(decoded.left.message)
        else dispatch(decoded.right)
      }
    },
    drained: packets.drained,
    open,
    fail,
    close: Effect.async<void>((resume) => {
      closing = () => resume(Effect.void)
      for (const entry of Array.from(entries.values())) channel.fail(entry, closed())
      checkClosed()
    }),
    size: () => entries.size
  }
}
