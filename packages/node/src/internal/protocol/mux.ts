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
  /** Set by `close`: ends its wait. */
  closing: (() => void) | undefined
}

const closedError = (host: string) =>
  new RemoteConnectionError({ reason: "ConnectionLost", host, detail: "the connection is closed" })

// A channel whose CLOSE was sent may end any time later; only a half-open one must be waited for.
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
    // We send no global requests, and the server's offers are not used.
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
        // Some servers send more on a channel that both sides closed.
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
      new RemoteConnectionError({ reason: "Protocol", host, detail: `the other side broke the protocol: ${detail}` })
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
