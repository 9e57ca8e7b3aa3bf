/**
 * The client's side of the SSH connection protocol (RFC 4254): channels over one stream of bytes, each with its window.
 * Bytes in, bytes out: it knows no socket. What must never happen to OpenSSH's master is kept here: nothing is sent on a
 * channel after its CLOSE, and nothing beyond its window.
 */
import * as Wire from "@effect-remote/core/protocol/Wire"
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import { ExitStatus } from "@effect-remote/core/Transport"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as message from "./message.js"

/**
 * The server did not open a channel (RFC 4254, section 5.1).
 *
 * @internal
 */
export class OpenRefused extends Data.TaggedError("OpenRefused")<{
  readonly reason: number
  readonly description: string
}> {}

/**
 * Where packets go.
 *
 * @internal
 */
export interface Output {
  /** Takes everything, in order. `false`: data is to be held back until `drained` is called. */
  readonly write: (bytes: Uint8Array) => boolean
  /** Told when everything has failed, by `fail` or because the other side broke the protocol. */
  readonly failed: (error: RemoteConnectionError) => void
}

/** @internal */
export interface Channel {
  readonly read: Effect.Effect<Option.Option<Uint8Array>, RemoteConnectionError>
  readonly readStderr: Effect.Effect<Option.Option<Uint8Array>, RemoteConnectionError>
  readonly consume: (take: (bytes: Uint8Array) => void) => Effect.Effect<void, RemoteConnectionError>
  readonly write: (bytes: Uint8Array) => Effect.Effect<boolean, RemoteConnectionError>
  readonly end: Effect.Effect<void>
  /** Known once the channel is closed: a status that came before the last data proves nothing. */
  readonly exit: Effect.Effect<ExitStatus, RemoteConnectionError>
  /** Sends a request that is not answered. */
  readonly notify: (name: string, data: Uint8Array) => void
  /** Sends a request at once, and gives what waits for the answer. */
  readonly request: (name: string, data: Uint8Array) => Effect.Effect<boolean, RemoteConnectionError>
  /** Everything that is still to come from it is this failure. */
  readonly fail: (error: RemoteConnectionError) => void
}

/**
 * Told at once what becomes of a channel.
 *
 * @internal
 */
export interface Watcher {
  readonly sent: () => void
  readonly confirmed: () => void
  /** After `confirmed`: nobody uses it any more. The server counts it until it is gone. */
  readonly left: () => void
  /** Also when nobody waits for the channel any more. */
  readonly refused: () => void
  /** Both sides have closed it, or the connection is lost. Not called for a channel that was refused. */
  readonly gone: () => void
}

/** @internal */
export interface Multiplexer {
  /** Keeps nothing of the bytes, which may change afterwards. */
  readonly receive: (bytes: Uint8Array) => void
  readonly drained: () => void
  /** The channel closes with the scope. */
  readonly open: (
    type: string,
    data: Uint8Array,
    watcher?: Watcher
  ) => Effect.Effect<Channel, OpenRefused | RemoteConnectionError, Scope.Scope>
  /** Everything in flight, and everything from now on, fails. */
  readonly fail: (error: RemoteConnectionError) => void
  /**
   * Closes every channel, so that what is in flight fails, and waits until none is half open: a master whose proxy goes
   * before that crashes. For good.
   */
  readonly close: Effect.Effect<void>
  /** How many channels there are, half open and half closed ones included. */
  readonly size: () => number
}

/**
 * The most data in one packet, both ways. Larger ones gain nothing, and some kill OpenSSH's master.
 *
 * @internal
 */
export const maxPacket = 32768

/**
 * How much a channel may be sent before it was read; less for each when there are many, so that readers that have stopped
 * hold no more than `windows` together.
 *
 * @internal
 */
export const window = (channels: number): number =>
  Math.min(2 * 1024 * 1024, Math.max(128 * 1024, Math.floor(windows / (channels + 1))))

const windows = 64 * 1024 * 1024

// Room is given again after so much was read, as OpenSSH does: later than that and the other side waits for it.
const givenAt = 3 * maxPacket

// The longest packet that SSH implementations must take is 35000 bytes (RFC 4253, section 6.1).
const longestPacket = 35000

// Smaller pieces are put together, so that many that wait take no more than their bytes.
const joinedBelow = 4096

// Smaller ones cost less to copy behind their header than to write on their own.
const copiedBelow = 4096

// Takes over the room behind `last`.
const join = (last: Uint8Array, bytes: Uint8Array): Uint8Array<ArrayBufferLike> => {
  const size = last.length + bytes.length
  const room = last.buffer.byteLength >= size ? last.buffer : new ArrayBuffer(Math.min(joinedBelow, size * 2))
  const joined = new Uint8Array(room, 0, size)
  if (room !== last.buffer) joined.set(last)
  joined.set(bytes, last.length)
  return joined
}

// The other side may ask for so many answers before it has read what it was sent.
const answersAhead = 1000

const administrativelyProhibited = 1

interface Incoming {
  pieces: Array<Uint8Array>
  wake: (() => void) | undefined
  /** Who has what comes at once. */
  take: ((bytes: Uint8Array) => void) | undefined
}

interface Entry {
  readonly id: number
  readonly watcher: Watcher | undefined
  phase: "opening" | "open" | "gone"
  /** Its owner has left: what still comes is thrown away. */
  abandoned: boolean
  opened: (result: Effect.Effect<void, OpenRefused | RemoteConnectionError>) => void
  remote: number
  sendWindow: number
  sendMax: number
  sentEof: boolean
  sentClose: boolean
  receivedEof: boolean
  /** The other side reads no more (`eow@openssh.com`). */
  deaf: boolean
  receiveWindow: number
  consumed: number
  readonly stdout: Incoming
  readonly stderr: Incoming
  writing: { readonly bytes: Uint8Array; at: number; readonly done: (more: boolean) => void } | undefined
  queued: boolean
  readonly replies: Array<(success: boolean) => void>
  status: ExitStatus
  failure: RemoteConnectionError | undefined
  readonly ended: Set<() => void>
}

/** @internal */
export const make = (host: string, output: Output): Multiplexer => {
  const entries = new Map<number, Entry>()
  // Of the packets that come at one time the first and the last may be in parts, and none is kept.
  let [memory, spare] = [new Uint8Array(longestPacket), new Uint8Array(longestPacket)]
  const split = Wire.splitter(longestPacket, (length) => {
    ;[memory, spare] = [spare, memory]
    return memory.subarray(0, length)
  })
  let nextId = 0
  let failure: RemoteConnectionError | undefined
  let congested = false
  let answers = 0
  let closing: (() => void) | undefined
  // Channels that have something to send and a window for it, each in its turn.
  const senders: Array<Entry> = []

  const send = (packet: Parameters<typeof message.encode>[0]) => {
    if (failure === undefined && !output.write(message.encode(packet))) congested = true
  }

  const sendData = (entry: Entry, data: Uint8Array) => {
    if (data.length < copiedBelow) return send({ _tag: "Data", recipient: entry.remote, data })
    output.write(message.dataHeader(entry.remote, data.length))
    if (!output.write(data)) congested = true
  }

  const violation = (detail: string) =>
    fail(
      new RemoteConnectionError({ reason: "Protocol", host, detail: `the other side broke the protocol: ${detail}` })
    )

  const closed = () => new RemoteConnectionError({ reason: "ConnectionLost", host, detail: "the connection is closed" })

  const answer = (packet: Parameters<typeof message.encode>[0]) => {
    if (congested && ++answers > answersAhead) return violation("it asks without reading the answers")
    send(packet)
  }

  const wakeReaders = (entry: Entry) => {
    entry.stdout.wake?.()
    entry.stderr.wake?.()
  }

  const stopWriting = (entry: Entry) => {
    const { writing } = entry
    entry.writing = undefined
    writing?.done(false)
  }

  // Whoever waits for something of a channel learns that nothing more comes.
  const settle = (entry: Entry) => {
    wakeReaders(entry)
    stopWriting(entry)
    // They stay: what the other side has answered before it learns that the channel is closed still comes.
    for (const reply of entry.replies) reply(false)
    for (const wake of entry.ended) wake()
    entry.ended.clear()
  }

  const remove = (entry: Entry) => {
    entry.phase = "gone"
    entries.delete(entry.id)
    settle(entry)
    checkClosed()
  }

  // A channel that was told to close may end when it likes; one that is half open may not be left.
  const checkClosed = () => {
    if (!Array.from(entries.values()).some(({ phase }) => phase === "opening")) closing?.()
  }

  const fail = (error: RemoteConnectionError) => {
    if (failure !== undefined) return
    failure = error
    senders.length = 0
    for (const entry of Array.from(entries.values())) {
      entry.failure ??= error
      const { opened, phase } = entry
      remove(entry)
      entry.watcher?.gone()
      if (phase === "opening") opened(Effect.fail(error))
    }
    output.failed(error)
  }

  const hasRoom = (entry: Entry): boolean =>
    entry.writing !== undefined && entry.sendWindow > 0 && entry.sendMax > 0 && !entry.sentClose

  const enqueue = (entry: Entry) => {
    if (entry.queued || !hasRoom(entry)) return
    entry.queued = true
    senders.push(entry)
  }

  const pump = () => {
    while (!congested && failure === undefined) {
      const entry = senders.shift()
      if (entry === undefined) return
      entry.queued = false
      const { writing } = entry
      if (writing === undefined || !hasRoom(entry)) continue
      const size = Math.min(writing.bytes.length - writing.at, entry.sendWindow, entry.sendMax, maxPacket)
      entry.sendWindow -= size
      sendData(entry, writing.bytes.subarray(writing.at, writing.at + size))
      writing.at += size
      if (writing.at === writing.bytes.length) {
        entry.writing = undefined
        writing.done(true)
      } else enqueue(entry)
    }
  }

  const sendClose = (entry: Entry) => {
    if (entry.sentClose || entry.phase !== "open") return
    entry.sentClose = true
    send({ _tag: "Close", recipient: entry.remote })
  }

  const leave = (entry: Entry) => {
    if (!entry.abandoned && entry.phase === "open") entry.watcher?.left()
    entry.abandoned = true
    sendClose(entry)
    entry.stdout.pieces = []
    entry.stderr.pieces = []
    if (entry.phase === "open") settle(entry)
  }

  const give = (entry: Entry, size: number) => {
    entry.consumed += size
    if (entry.consumed < givenAt || entry.sentClose || entry.receivedEof || entry.phase !== "open") return
    entry.receiveWindow += entry.consumed
    send({ _tag: "WindowAdjust", recipient: entry.remote, bytes: entry.consumed })
    entry.consumed = 0
  }

  const data = (entry: Entry, incoming: Incoming, bytes: Uint8Array) => {
    if (entry.receivedEof) return violation("data after the end of a channel")
    if (bytes.length > maxPacket) return violation(`${bytes.length} bytes of data in one packet`)
    if (bytes.length > entry.receiveWindow) return violation("more data than a channel's window")
    entry.receiveWindow -= bytes.length
    if (bytes.length === 0 || entry.abandoned) return
    if (incoming.take !== undefined) {
      incoming.take(bytes)
      return give(entry, bytes.length)
    }
    const { pieces } = incoming
    const last = pieces.at(-1)
    if (last !== undefined && last.length + bytes.length <= joinedBelow) pieces[pieces.length - 1] = join(last, bytes)
    else pieces.push(new Uint8Array(bytes))
    incoming.wake?.()
  }

  const request = (entry: Entry, packet: Extract<message.Message, { readonly _tag: "Request" }>) => {
    switch (packet.name) {
      case "exit-status":
      case "exit-signal": {
        const status = message.exitStatus(packet.name, packet.data)
        if (Either.isLeft(status)) return violation(status.left.message)
        entry.status = status.right
        break
      }
      case "eow@openssh.com": {
        entry.deaf = true
        stopWriting(entry)
        break
      }
    }
    if (packet.wantReply && !entry.sentClose) answer({ _tag: "Failure", recipient: entry.remote })
  }

  const take = (packet: message.Message) => {
    // Nothing here is asked for, and what the server offers is not taken.
    if (packet._tag === "GlobalRequest" || packet._tag === "GlobalReply") return
    if (packet._tag === "Open") {
      return answer({
        _tag: "Refuse",
        recipient: packet.sender,
        reason: administrativelyProhibited,
        description: "not expected"
      })
    }
    const entry = entries.get(packet.recipient)
    if (entry === undefined) {
      // Some servers have more to say on a channel that both sides have closed.
      if (packet.recipient < nextId) return
      return violation(`a message for channel ${packet.recipient}, which does not exist`)
    }
    // Some give room for data on a channel that they have closed, and whose number OpenSSH's master has given to this one.
    if (packet._tag === "WindowAdjust" && entry.phase === "opening") return
    if ((packet._tag === "Confirm" || packet._tag === "Refuse") !== (entry.phase === "opening")) {
      return violation(`${packet._tag} for a channel that is ${entry.phase}`)
    }
    switch (packet._tag) {
      case "Confirm":
        entry.phase = "open"
        entry.remote = packet.sender
        entry.sendWindow = packet.window
        entry.sendMax = packet.maxPacket
        entry.watcher?.confirmed()
        if (entry.abandoned) {
          entry.watcher?.left()
          sendClose(entry)
        }
        entry.opened(entry.failure ?? Effect.void)
        return checkClosed()
      case "Refuse": {
        const { opened, watcher } = entry
        remove(entry)
        watcher?.refused()
        return opened(new OpenRefused({ reason: packet.reason, description: packet.description }))
      }
      case "WindowAdjust":
        entry.sendWindow += packet.bytes
        if (entry.sendWindow > 0xffffffff) return violation("a window of more than 4 GiB")
        enqueue(entry)
        return pump()
      case "Data":
        return data(entry, entry.stdout, packet.data)
      case "ExtendedData":
        return data(entry, entry.stderr, packet.data)
      case "Eof":
        entry.receivedEof = true
        return wakeReaders(entry)
      case "Close":
        sendClose(entry)
        remove(entry)
        return entry.watcher?.gone()
      case "Request":
        return request(entry, packet)
      case "Success":
      case "Failure": {
        const reply = entry.replies.shift()
        return reply === undefined ? violation("an answer to no request") : reply(packet._tag === "Success")
      }
    }
  }

  const receive: Multiplexer["receive"] = (bytes) => {
    for (const packet of split(bytes)) {
      if (failure !== undefined) return
      const decoded = Either.flatMap(packet, message.decode)
      if (Either.isLeft(decoded)) violation(decoded.left.message)
      else take(decoded.right)
    }
  }

  const isOver = (entry: Entry): boolean =>
    entry.failure !== undefined || entry.receivedEof || entry.phase === "gone" || entry.abandoned

  // What is taken is given in the same step, and the wait takes nothing: an interrupted reader leaves everything where it was.
  const reader = (entry: Entry, incoming: Incoming): Channel["read"] => {
    const wait = Effect.async<void>((resume) => {
      if (incoming.pieces.length > 0 || isOver(entry)) return resume(Effect.void)
      incoming.wake = () => {
        incoming.wake = undefined
        resume(Effect.void)
      }
      return Effect.sync(() => {
        incoming.wake = undefined
      })
    })
    const read: Channel["read"] = Effect.suspend(() => {
      const { pieces } = incoming
      if (pieces.length > 0) {
        return Effect.sync(() => {
          const piece = pieces.shift()!
          give(entry, piece.length)
          return Option.some(piece)
        })
      }
      if (!isOver(entry)) return Effect.zipRight(wait, read)
      return entry.failure ?? Effect.succeedNone
    })
    return read
  }

  const consume = (entry: Entry): Channel["consume"] => (take) =>
    Effect.async((resume) => {
      const incoming = entry.stdout
      const stop = () => {
        incoming.take = undefined
        incoming.wake = undefined
      }
      for (const piece of incoming.pieces.splice(0)) {
        take(piece)
        give(entry, piece.length)
      }
      incoming.take = take
      incoming.wake = () => {
        if (!isOver(entry)) return
        stop()
        resume(entry.failure ?? Effect.void)
      }
      incoming.wake()
      return Effect.sync(stop)
    })

  const mayWrite = (entry: Entry): boolean =>
    entry.phase === "open" && !entry.sentClose && !entry.sentEof && !entry.deaf

  const write = (entry: Entry): Channel["write"] => (bytes) =>
    Effect.suspend(() => {
      let result: boolean | undefined
      let resumed: (() => void) | undefined
      const writing = {
        bytes,
        at: 0,
        done: (more: boolean) => {
          result = more
          resumed?.()
        }
      }
      const outcome = Effect.suspend(() =>
        entry.failure !== undefined && result !== true ? entry.failure : Effect.succeed(result === true)
      )
      const finished = Effect.async<void>((resume) => {
        resumed = () => resume(Effect.void)
        if (result !== undefined) resumed()
      })
      // Interrupted at any moment, it sends no more.
      return Effect.onInterrupt(
        Effect.suspend(() => {
          if (entry.failure !== undefined) return entry.failure
          if (!mayWrite(entry)) return Effect.succeed(false)
          if (bytes.length === 0) return Effect.succeed(true)
          entry.writing = writing
          enqueue(entry)
          pump()
          return result === undefined ? Effect.zipRight(finished, outcome) : outcome
        }),
        () =>
          Effect.sync(() => {
            if (entry.writing === writing) entry.writing = undefined
          })
      )
    })

  const exit = (entry: Entry): Channel["exit"] => {
    const outcome = Effect.suspend(() => entry.failure ?? Effect.succeed(entry.status))
    const over = () => entry.phase === "gone" || entry.abandoned || entry.failure !== undefined
    const gone = Effect.async<void>((resume) => {
      if (over()) return resume(Effect.void)
      const wake = () => resume(Effect.void)
      entry.ended.add(wake)
      return Effect.sync(() => entry.ended.delete(wake))
    })
    return Effect.suspend(() => over() ? outcome : Effect.zipRight(gone, outcome))
  }

  const channel = (entry: Entry): Channel => ({
    read: reader(entry, entry.stdout),
    readStderr: reader(entry, entry.stderr),
    consume: consume(entry),
    write: write(entry),
    end: Effect.sync(() => {
      if (!mayWrite(entry)) return
      stopWriting(entry)
      entry.sentEof = true
      send({ _tag: "Eof", recipient: entry.remote })
    }),
    exit: exit(entry),
    notify: (name, data) => {
      if (entry.phase !== "open" || entry.sentClose) return
      send({ _tag: "Request", recipient: entry.remote, name, wantReply: false, data })
    },
    request: (name, data) => {
      if (entry.phase !== "open" || entry.sentClose) return entry.failure ?? Effect.succeed(false)
      let answer: boolean | undefined
      let resumed: (() => void) | undefined
      entry.replies.push((success) => {
        answer = success
        resumed?.()
      })
      send({ _tag: "Request", recipient: entry.remote, name, wantReply: true, data })
      const outcome = Effect.suspend(() =>
        answer !== true && entry.failure !== undefined ? entry.failure : Effect.succeed(answer === true)
      )
      const answered = Effect.async<void>((resume) => {
        resumed = () => resume(Effect.void)
        if (answer !== undefined) resumed()
      })
      return Effect.suspend(() => answer === undefined ? Effect.zipRight(answered, outcome) : outcome)
    },
    fail: (error) => {
      entry.failure ??= error
      leave(entry)
    }
  })

  const open: Multiplexer["open"] = (type, data, watcher) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        if (failure !== undefined) return yield* failure
        if (closing !== undefined) return yield* closed()
        const id = nextId
        nextId = (nextId + 1) >>> 0
        const receiveWindow = window(entries.size)
        let result: Effect.Effect<void, OpenRefused | RemoteConnectionError> | undefined
        let resumed: (() => void) | undefined
        const entry: Entry = {
          id,
          watcher,
          phase: "opening",
          abandoned: false,
          opened: (outcome) => {
            result = outcome
            resumed?.()
          },
          remote: 0,
          sendWindow: 0,
          sendMax: 0,
          sentEof: false,
          sentClose: false,
          receivedEof: false,
          deaf: false,
          receiveWindow,
          consumed: 0,
          stdout: { pieces: [], wake: undefined, take: undefined },
          stderr: { pieces: [], wake: undefined, take: undefined },
          writing: undefined,
          queued: false,
          replies: [],
          status: ExitStatus.None(),
          failure: undefined,
          ended: new Set()
        }
        entries.set(id, entry)
        yield* Effect.addFinalizer(() => Effect.sync(() => leave(entry)))
        watcher?.sent()
        send({ _tag: "Open", type, sender: id, window: receiveWindow, maxPacket, data })
        const answered = Effect.async<void>((resume) => {
          resumed = () => resume(Effect.void)
          if (result !== undefined) resumed()
        })
        yield* restore(answered).pipe(Effect.onInterrupt(() => Effect.sync(() => leave(entry))))
        yield* result ?? Effect.void
        return channel(entry)
      })
    )

  const close = Effect.async<void>((resume) => {
    closing = () => resume(Effect.void)
    for (const entry of Array.from(entries.values())) {
      entry.failure ??= closed()
      leave(entry)
    }
    checkClosed()
  })

  return {
    receive,
    drained: () => {
      congested = false
      answers = 0
      pump()
    },
    open,
    fail,
    close,
    size: () => entries.size
  }
}
