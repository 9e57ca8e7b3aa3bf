/**
 * The client's side of the SSH connection protocol (RFC 4254): channels over one stream of bytes. The caller connects it
 * with a socket. This file numbers the channels, dispatches packets and handles the loss of the connection.
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
  /** Receives bytes. It copies those that it buffers. */
  readonly receive: (bytes: Uint8Array) => void
  readonly drained: () => void
  /** The channel closes with the scope. */
  readonly open: (
    type: string,
    data: Uint8Array,
    watcher?: channel.Watcher
  ) => Effect.Effect<channel.Channel, channel.OpenRefused | RemoteConnectionError, Scope.Scope>
  /** Fails all pending and later calls. */
  readonly fail: (error: RemoteConnectionError) => void
  /**
   * Fails every channel and refuses new ones. Waits until no channel is half open: OpenSSH's master crashes if its client
   * leaves earlier.
   */
  readonly close: Effect.Effect<void>
  /** The number of channels, including half-open and half-closed ones. */
  readonly size: () => number
}

// RFC 4253, section 6.1: packets of 35000 bytes must be accepted.
const longestPacket = 35000

const administrativelyProhibited = 1

// Two buffers suffice for the packets of one read: only the first and the last may be incomplete, and none is kept after it.
const makeSplitter = () => {
  let [memory, spare] = [new Uint8Array(longestPacket), new Uint8Array(longestPacket)]
  return Wire.splitter(longestPacket, (length) => {
    ;[memory, spare] = [spare, memory]
    return memory.subarray(0, length)
  })
}

interface State {
  readonly host: string
  readonly output: outgoing.Output
  readonly packets: outgoing.Outgoing<channel.Entry>
  readonly link: channel.Link
  /** Added by `open`; removed when the other side refused or closed the channel, and by `fail`. */
  readonly entries: Map<number, channel.Entry>
  /** Counted by `open`. */
  nextId: number
  /** Set once, by `fail`. */
  failure: RemoteConnectionError | undefined
  /** Set by `close`. Resumes it. */
  closing: (() => void) | undefined
}

const closedError = (host: string) =>
  new RemoteConnectionError({ reason: "ConnectionLost", host, detail: "the connection is closed" })

// Only half-open channels must be awaited. After CLOSE was sent, a channel may end at any time.
const checkClosed = ({ closing, entries }: State): void => {
  if (closing === undefined) return
  if (!Array.from(entries.values()).some(({ state }) => state.phase === "opening")) closing()
}

const fail = (state: State, error: RemoteConnectionError): void => {
  if (state.failure !== undefined) return
  state.failure = error
  state.packets.stop()
  const lost = Array.from(state.entries.values())
  state.entries.clear()
  for (const entry of lost) channel.lose(entry, error)
  checkClosed(state)
  state.output.failed(error)
}

const dispatch = (state: State, packet: message.Message): void => {
  switch (packet._tag) {
    // Global requests of the server are ignored, and none are sent.
    case "GlobalRequest":
    case "GlobalReply":
      return
    case "Open": {
      const refusal = { recipient: packet.sender, reason: administrativelyProhibited, description: "not expected" }
      return state.packets.reply({ _tag: "Refuse", ...refusal })
    }
    default: {
      const entry = state.entries.get(packet.recipient)
      if (entry === undefined) {
        // Some servers send further messages on a channel that both sides have closed.
        if (packet.recipient < state.nextId) return
        return state.link.violation(`a message for channel ${packet.recipient}, which does not exist`)
      }
      channel.receive(entry, packet)
      if (entry.state.phase === "gone") state.entries.delete(packet.recipient)
      checkClosed(state)
    }
  }
}

const open = (state: State): Multiplexer["open"] => (type, data, watcher) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      if (state.failure !== undefined) return yield* state.failure
      if (state.closing !== undefined) return yield* closedError(state.host)
      const id = state.nextId
      state.nextId = (id + 1) >>> 0
      const receiveWindow = window.initial(state.entries.size)
      const entry = channel.make(state.link, receiveWindow, watcher)
      const leave = Effect.sync(() => channel.leave(entry))
      state.entries.set(id, entry)
      yield* Effect.addFinalizer(() => leave)
      watcher?.sent()
      state.packets.send({ _tag: "Open", type, sender: id, window: receiveWindow, maxPacket: window.maxPacket, data })
      const opened = yield* restore(entry.opened.await).pipe(Effect.onInterrupt(() => leave))
      yield* opened
      return channel.owned(entry)
    })
  )

/** @internal */
export const make = (host: string, output: outgoing.Output): Multiplexer => {
  const violation = (detail: string) =>
    fail(
      state,
      new RemoteConnectionError({ reason: "Protocol", host, detail: `the server violated the SSH protocol: ${detail}` })
    )
  const packets = outgoing.make(output.write, channel.sendNext, violation)
  const state: State = {
    host,
    output,
    packets,
    link: { ...packets, violation },
    entries: new Map(),
    nextId: 0,
    failure: undefined,
    closing: undefined
  }
  const split = makeSplitter()

  return {
    receive: (bytes) => {
      for (const packet of split(bytes)) {
        if (state.failure !== undefined) return
        const decoded = Either.flatMap(packet, message.decode)
        if (Either.isLeft(decoded)) violation(decoded.left.message)
        else dispatch(state, decoded.right)
      }
    },
    drained: packets.drained,
    open: open(state),
    fail: (error) => fail(state, error),
    close: Effect.async<void>((resume) => {
      state.closing = () => resume(Effect.void)
      for (const entry of Array.from(state.entries.values())) channel.fail(entry, closedError(host))
      checkClosed(state)
    }),
    size: () => state.entries.size
  }
}
