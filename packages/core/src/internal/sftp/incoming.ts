/**
 * Splits the bytes of the channel into packets. The first packet is the server's hello, the others are answers.
 */
import * as Deferred from "effect/Deferred"
import * as Either from "effect/Either"
import * as FiberId from "effect/FiberId"
import * as Sftp from "../../protocol/Sftp.js"
import * as Wire from "../../protocol/Wire.js"
import type { RemoteConnectionError } from "../../RemoteError.js"
import * as buffers from "../lib/buffers.js"
import * as text from "../lib/text.js"
import * as conversation from "./conversation.js"

type Packet = Either.Either<Uint8Array, Wire.MalformedError>

/** @internal */
export interface Incoming {
  /** Receives bytes. They may change after this has returned. */
  readonly take: (bytes: Uint8Array) => void
  readonly firstPacket: Deferred.Deferred<Packet, RemoteConnectionError>
  /** The first bytes, for an error. */
  readonly beginning: () => Uint8Array
  /** Sets the data of the largest answers, whose memory is reused. */
  readonly expect: (dataSize: number) => void
  /** Releases the data of an answer. Later answers overwrite it. */
  readonly reuse: (data: Uint8Array) => void
}

const beginningShown = 512

// Type, number and length of an answer with data.
const dataOverhead = 9

// Buffers of large answers, for reuse.
const answersKept = 16

// Smaller answers are left to the garbage collector.
const largeAnswer = 16 * 1024

/** @internal */
export const make = (state: conversation.Conversation): Incoming => {
  let memory = buffers.make(0, 0)
  const split = Wire.splitter(
    Sftp.longestPacket,
    (length) => memory.size === length ? memory.take() : new Uint8Array(length)
  )
  const firstPacket = Deferred.unsafeMake<Packet, RemoteConnectionError>(FiberId.none)
  let beginning: Uint8Array = new Uint8Array()
  let isFirst = true

  const takePacket = (packet: Packet) => {
    if (state.lost !== undefined) return
    if (isFirst) {
      isFirst = false
      return Deferred.unsafeDone(firstPacket, Either.right(packet))
    }
    const response = Either.flatMap(packet, Sftp.decodeResponse)
    if (Either.isRight(response)) return conversation.answer(state, response.right)
    conversation.lose(state, state.error("Protocol", `the SFTP server violated the protocol: ${response.left.message}`))
  }
  return {
    take: (bytes) => {
      if (beginning.length < beginningShown) {
        beginning = text.concat([beginning, bytes]).slice(0, beginningShown)
      }
      for (const packet of split(bytes)) {
        // A complete packet is a view of these bytes, which will change.
        takePacket(Either.map(packet, (packet) => packet.buffer === bytes.buffer ? new Uint8Array(packet) : packet))
      }
    },
    firstPacket,
    beginning: () => beginning,
    expect: (dataSize) => {
      if (dataSize > largeAnswer) memory = buffers.make(dataSize + dataOverhead, answersKept)
    },
    reuse: (data) => memory.give(data)
  }
}
