import * as Wire from "@effect-remote/core/protocol/Wire"
import { Either } from "effect"
import * as message from "../../src/internal/protocol/message.js"

/** A channel as the server has it. */
export interface Channel {
  readonly id: number
  /** The channel's number on the client's side. */
  readonly client: number
  readonly type: string
  readonly data: Uint8Array
  /** Room for data to the client, initially and now. */
  readonly fullWindow: number
  window: number
  /** Room for data from the client. */
  granted: number
  readonly maxPacket: number
  readonly received: Array<Uint8Array>
  /** Bytes that came and were not granted again. */
  unread: number
  readonly requests: Array<{ readonly name: string; readonly wantReply: boolean; readonly data: Uint8Array }>
  unanswered: number
  readonly answers: Array<boolean>
  /** How many answers the client owes. */
  asked: number
  clientEof: boolean
  clientClosed: boolean
  eof: boolean
  closed: boolean
  /** The server announced that it reads no more. */
  deaf: boolean
  exitCode: number | undefined
  readonly stdout: Array<Uint8Array>
  readonly stderr: Array<Uint8Array>
}

export interface Opening {
  readonly client: number
  readonly type: string
  readonly data: Uint8Array
  readonly window: number
  readonly maxPacket: number
}

/**
 * An honest server: bytes in, bytes out. It does what a test asks as far as the protocol allows, and records where the client
 * breaks the protocol.
 */
export class FakeServer {
  readonly violations: Array<string> = []
  /** Openings of the client that are not answered yet. */
  readonly openings: Array<Opening> = []
  /** All there have been. */
  readonly channels: Array<Channel> = []
  readonly refusals: Array<Extract<message.Message, { readonly _tag: "Refuse" }>> = []
  private readonly split = Wire.splitter(256 * 1024)
  private readonly live = new Map<number, Channel>()
  /** Numbers of the client's that it may not give to another channel. */
  private readonly taken = new Set<number>()
  private offers = 0
  private nextId = 1000

  constructor(
    readonly write: (bytes: Uint8Array) => void,
    readonly on: {
      readonly open?: (opening: Opening) => void
      readonly request?: (channel: Channel, name: string, wantReply: boolean) => void
      readonly data?: (channel: Channel, bytes: Uint8Array) => void
      readonly eof?: (channel: Channel) => void
      readonly close?: (channel: Channel) => void
    } = {}
  ) {}

  send(packet: Parameters<typeof message.encode>[0]): void {
    this.write(message.encode(packet))
  }

  get open(): ReadonlyArray<Channel> {
    return Array.from(this.live.values())
  }

  receive(bytes: Uint8Array): void {
    for (const packet of this.split(bytes)) {
      const decoded = Either.flatMap(packet, message.decode)
      if (Either.isLeft(decoded)) this.violations.push(decoded.left.message)
      else {
        const size = Either.getOrThrow(packet).length
        if (Either.getOrThrow(packet)[0] !== 0) this.violations.push("a packet with padding")
        if (size > 35000) this.violations.push(`a packet of ${size} bytes`)
        this.take(decoded.right)
      }
    }
  }

  private take(packet: message.Message): void {
    const wrong = (what: string) => void this.violations.push(`${packet._tag}: ${what}`)
    switch (packet._tag) {
      case "GlobalRequest":
      case "GlobalReply":
      case "Confirm":
      case "ExtendedData":
        return wrong("not from a client")
      case "Open": {
        if (this.taken.has(packet.sender)) return wrong(`channel ${packet.sender} is open`)
        if (packet.window === 0) wrong("no window")
        if (packet.maxPacket > 32768) wrong(`packets of ${packet.maxPacket} bytes kill OpenSSH's master`)
        this.taken.add(packet.sender)
        const { data, maxPacket, type, window } = packet
        const opening = { client: packet.sender, type, data, window, maxPacket }
        this.openings.push(opening)
        return this.on.open?.(opening)
      }
      case "Refuse":
        if (--this.offers < 0) return wrong("of nothing")
        return void this.refusals.push(packet)
    }
    const channel = this.live.get(packet.recipient)
    if (channel === undefined) return wrong(`there is no channel ${packet.recipient}`)
    if (channel.clientClosed) return wrong("after CLOSE")
    switch (packet._tag) {
      case "WindowAdjust":
        channel.window += packet.bytes
        if (packet.bytes === 0) wrong("by nothing")
        if (channel.window > channel.fullWindow) wrong("a window larger than at first")
        return
      case "Data":
        if (channel.clientEof) wrong("after EOF")
        if (packet.data.length === 0) wrong("of no bytes")
        if (packet.data.length > channel.granted) wrong(`${packet.data.length} bytes, the window is ${channel.granted}`)
        if (packet.data.length > channel.maxPacket) {
          wrong(`${packet.data.length} bytes, packets have ${channel.maxPacket}`)
        }
        channel.granted -= packet.data.length
        channel.unread += packet.data.length
        channel.received.push(packet.data)
        return this.on.data?.(channel, packet.data)
      case "Eof":
        if (channel.clientEof) wrong("twice")
        channel.clientEof = true
        return this.on.eof?.(channel)
      case "Close":
        channel.clientClosed = true
        this.forget(channel)
        return this.on.close?.(channel)
      case "Request":
        channel.requests.push(packet)
        if (packet.wantReply) channel.unanswered++
        return this.on.request?.(channel, packet.name, packet.wantReply)
      case "Success":
      case "Failure":
        if (--channel.asked < 0) wrong("of nothing")
    }
  }

  private forget(channel: Channel): void {
    if (!channel.closed || !channel.clientClosed) return
    this.live.delete(channel.id)
    this.taken.delete(channel.client)
  }

  confirm(opening: Opening, window: number, maxPacket = 32768): Channel {
    this.openings.splice(this.openings.indexOf(opening), 1)
    const channel: Channel = {
      id: this.nextId++,
      client: opening.client,
      type: opening.type,
      data: opening.data,
      fullWindow: opening.window,
      window: opening.window,
      granted: window,
      maxPacket,
      received: [],
      unread: 0,
      requests: [],
      unanswered: 0,
      answers: [],
      asked: 0,
      clientEof: false,
      clientClosed: false,
      eof: false,
      closed: false,
      deaf: false,
      exitCode: undefined,
      stdout: [],
      stderr: []
    }
    this.channels.push(channel)
    this.live.set(channel.id, channel)
    this.send({ _tag: "Confirm", recipient: channel.client, sender: channel.id, window, maxPacket })
    return channel
  }

  refuse(opening: Opening, reason = 2, description = "open failed"): void {
    this.openings.splice(this.openings.indexOf(opening), 1)
    this.taken.delete(opening.client)
    this.send({ _tag: "Refuse", recipient: opening.client, reason, description })
  }

  /** Sends as many bytes as one packet may have, and returns their number. */
  data(channel: Channel, bytes: Uint8Array, to: "stdout" | "stderr" = "stdout"): number {
    if (channel.closed || channel.eof) return 0
    const data = bytes.subarray(0, Math.min(channel.window, 32768))
    channel.window -= data.length
    channel[to].push(data)
    this.send(
      to === "stdout"
        ? { _tag: "Data", recipient: channel.client, data }
        : { _tag: "ExtendedData", recipient: channel.client, type: 1, data }
    )
    return data.length
  }

  adjust(channel: Channel, bytes = channel.unread): void {
    if (channel.closed || bytes === 0) return
    channel.unread = Math.max(0, channel.unread - bytes)
    channel.granted += bytes
    this.send({ _tag: "WindowAdjust", recipient: channel.client, bytes })
  }

  answer(channel: Channel, success: boolean): boolean {
    if (channel.closed || channel.unanswered === 0) return false
    channel.unanswered--
    channel.answers.push(success)
    this.send({ _tag: success ? "Success" : "Failure", recipient: channel.client })
    return true
  }

  request(channel: Channel, name: string, data: Uint8Array = new Uint8Array(), wantReply = false): void {
    if (channel.closed) return
    if (wantReply) channel.asked++
    if (name === "eow@openssh.com") channel.deaf = true
    this.send({ _tag: "Request", recipient: channel.client, name, wantReply, data })
  }

  exit(channel: Channel, code: number): void {
    if (channel.closed) return
    channel.exitCode = code
    this.request(channel, "exit-status", message.fields(code))
  }

  /** Opens a channel, which the client is expected to refuse. */
  offer(sender = 7): void {
    this.offers++
    this.send({ _tag: "Open", type: "x11", sender, window: 1000, maxPacket: 1000, data: message.fields("::1", 6000) })
  }

  eof(channel: Channel): void {
    if (channel.closed || channel.eof) return
    channel.eof = true
    this.send({ _tag: "Eof", recipient: channel.client })
  }

  close(channel: Channel): void {
    if (channel.closed) return
    channel.closed = true
    this.send({ _tag: "Close", recipient: channel.client })
    this.forget(channel)
  }
}

export const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat(parts))

/** Bytes on their way. */
export const queue = () => {
  let pieces: Array<Uint8Array> = []
  let size = 0
  return {
    size: () => size,
    put: (bytes: Uint8Array): void => {
      pieces.push(bytes)
      size += bytes.length
    },
    /** Takes `count` bytes, or all. */
    take: (count = size): Uint8Array => {
      const all = concat(pieces)
      pieces = count < size ? [all.subarray(count)] : []
      size = Math.max(0, size - count)
      return all.slice(0, count)
    }
  }
}
