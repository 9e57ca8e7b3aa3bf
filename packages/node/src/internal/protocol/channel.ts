/**
 * One channel of the SSH connection protocol (RFC 4254, section 5): its state, its data and its waiting callers. Two rules
 * protect OpenSSH's master: nothing is sent on a channel after its CLOSE, and no data beyond its window.
 */
import type { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { ExitStatus } from "@effect-remote/core/Transport"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as once from "../lib/once.js"
import * as channelState from "./channelState.js"
import * as incoming from "./incoming.js"
import type * as message from "./message.js"
import type * as outgoing from "./outgoing.js"

/**
 * The server refused to open a channel (RFC 4254, section 5.1).
 *
 * @internal
 */
export class OpenRefused extends Data.TaggedError("OpenRefused")<{
  readonly reason: number
  readonly description: string
}> {}

/**
 * An open channel, for its owner.
 *
 * @internal
 */
export interface Channel {
  readonly read: Effect.Effect<Option.Option<Uint8Array>, RemoteConnectionError>
  readonly readStderr: Effect.Effect<Option.Option<Uint8Array>, RemoteConnectionError>
  readonly consume: (take: (bytes: Uint8Array) => void) => Effect.Effect<void, RemoteConnectionError>
  /** Sends bytes. Succeeds with `false` if the other side no longer reads. */
  readonly write: (bytes: Uint8Array) => Effect.Effect<boolean, RemoteConnectionError>
  readonly end: Effect.Effect<void>
  /** Waits until the channel is closed. The exit status may arrive before the last data, so it is not valid earlier. */
  readonly exit: Effect.Effect<ExitStatus, RemoteConnectionError>
  readonly exitReported: Effect.Effect<Option.Option<ExitStatus>>
  /** Sends a request without a reply. */
  readonly notify: (name: string, data: Uint8Array) => void
  /** Sends a request at once. The effect waits for the reply: whether the request succeeded. */
  readonly request: (name: string, data: Uint8Array) => Effect.Effect<boolean, RemoteConnectionError>
  /** Whether the other side closed the channel, has not answered a request, and has not reported how a program ended. */
  readonly isUnanswered: () => boolean
  /** Closes the channel. Pending and later reads and waits fail with the error. */
  readonly fail: (error: RemoteConnectionError) => void
}

/**
 * Callbacks for changes of a channel. They are called synchronously.
 *
 * @internal
 */
export interface Watcher {
  readonly sent: () => void
  readonly confirmed: () => void
  /** After `confirmed`: the owner has left. The server counts the channel until `gone`. */
  readonly left: () => void
  /** Also if the opener was interrupted. */
  readonly refused: () => void
  /** Both sides closed the channel, or the connection was lost. Not called after `refused`. */
  readonly gone: () => void
}

/**
 * The part of the multiplexer that a channel uses.
 *
 * @internal
 */
export interface Link extends Pick<outgoing.Outgoing<Entry>, "send" | "reply" | "sendData" | "enqueue"> {
  readonly violation: (detail: string) => void
}

interface Writing {
  readonly bytes: Uint8Array
  /** Number of bytes sent. */
  at: number
  /** Resumes the writer. `false`: the rest will not be sent. */
  readonly done: once.Once<boolean>
}

/**
 * A channel in the table of its multiplexer.
 *
 * @internal
 */
export interface Entry {
  readonly link: Link
  readonly watcher: Watcher | undefined
  /** The current value. Each step replaces it. */
  state: channelState.ChannelState
  readonly stdout: incoming.Incoming
  readonly stderr: incoming.Incoming
  /** Set by the reply to the opening, or by the loss of the connection. */
  readonly opened: once.Once<Either.Either<void, OpenRefused | RemoteConnectionError>>
  /** Set by `write`. Cleared when the write ends, is interrupted, or can no longer be sent. */
  writing: Writing | undefined
  /** Outstanding replies of the other side, oldest first. Added by `request`, removed by the replies. */
  readonly replies: Array<once.Once<boolean>>
  /** Resumes the callers of `exit`. */
  readonly exits: Set<() => void>
}

/** @internal */
export const make = (link: Link, receiveWindow: number, watcher: Watcher | undefined): Entry => ({
  link,
  watcher,
  state: channelState.make(receiveWindow),
  stdout: incoming.make(),
  stderr: incoming.make(),
  opened: once.make(),
  writing: undefined,
  replies: [],
  exits: new Set()
})

const wakeReaders = (entry: Entry): void => {
  entry.stdout.wake?.()
  entry.stderr.wake?.()
}

const stopWriting = (entry: Entry): void => {
  const { writing } = entry
  entry.writing = undefined
  writing?.done.set(false)
}

// Resumes all waiting callers, because nothing more arrives.
const settle = (entry: Entry): void => {
  wakeReaders(entry)
  stopWriting(entry)
  // The list is kept, because the other side may still send outstanding replies.
  for (const reply of entry.replies) reply.set(false)
  for (const wake of entry.exits) wake()
  entry.exits.clear()
}

const close = (entry: Entry): void => {
  const closed = channelState.close(entry.state)
  if (closed === entry.state) return
  entry.state = closed
  entry.link.send({ _tag: "Close", recipient: closed.remote })
}

const remove = (entry: Entry): void => {
  entry.state = channelState.remove(entry.state)
  settle(entry)
}

/**
 * The owner leaves: closes the channel, and drops unread data.
 *
 * @internal
 */
export const leave = (entry: Entry): void => {
  const isOpen = entry.state.phase === "open"
  if (!entry.state.abandoned && isOpen) entry.watcher?.left()
  entry.state = channelState.abandon(entry.state)
  close(entry)
  incoming.discard(entry.stdout)
  incoming.discard(entry.stderr)
  if (isOpen) settle(entry)
}

/**
 * Leaves the channel with a failure.
 *
 * @internal
 */
export const fail = (entry: Entry, error: RemoteConnectionError): void => {
  entry.state = channelState.fail(entry.state, error)
  leave(entry)
}

/**
 * The connection was lost. Data already received can still be read.
 *
 * @internal
 */
export const lose = (entry: Entry, error: RemoteConnectionError): void => {
  entry.state = channelState.fail(entry.state, error)
  remove(entry)
  entry.watcher?.gone()
  entry.opened.set(Either.left(error))
}

/**
 * Sends one packet of the current write. Returns whether more can be sent.
 *
 * @internal
 */
export const sendNext = (entry: Entry): boolean => {
  const { writing } = entry
  if (writing === undefined) return false
  const size = channelState.sendable(entry.state, writing.bytes.length - writing.at)
  if (size === 0) return false
  entry.state = channelState.spend(entry.state, size)
  entry.link.sendData(entry.state.remote, writing.bytes.subarray(writing.at, writing.at + size))
  writing.at += size
  if (writing.at < writing.bytes.length) return true
  entry.writing = undefined
  writing.done.set(true)
  return false
}

const confirm = (entry: Entry, packet: Extract<message.Message, { readonly _tag: "Confirm" }>): void => {
  entry.state = channelState.confirm(entry.state, packet)
  entry.watcher?.confirmed()
  if (entry.state.abandoned) {
    entry.watcher?.left()
    close(entry)
  }
  const { failure } = entry.state
  entry.opened.set(failure === undefined ? Either.void : Either.left(failure))
}

const refuse = (entry: Entry, { description, reason }: Extract<message.Message, { readonly _tag: "Refuse" }>): void => {
  remove(entry)
  entry.watcher?.refused()
  entry.opened.set(Either.left(new OpenRefused({ reason, description })))
}

const receiveData = (entry: Entry, to: incoming.Incoming, data: Uint8Array): void => {
  if (!update(entry, channelState.receiveData(entry.state, data.length))) return
  if (data.length > 0 && !entry.state.abandoned) incoming.receive(to, source(entry), data)
}

const receiveRequest = (entry: Entry, packet: Extract<message.Message, { readonly _tag: "Request" }>): void => {
  if (!update(entry, channelState.receiveRequest(entry.state, packet.name, packet.data))) return
  if (entry.state.deaf) stopWriting(entry)
  if (packet.wantReply && entry.state.sent !== "close") {
    entry.link.reply({ _tag: "Failure", recipient: entry.state.remote })
  }
}

const update = (entry: Entry, next: Either.Either<channelState.ChannelState, string>): boolean => {
  if (Either.isRight(next)) entry.state = next.right
  else entry.link.violation(next.left)
  return Either.isRight(next)
}

/**
 * A message with the number of a channel.
 *
 * @internal
 */
export type ChannelMessage = Exclude<message.Message, { readonly _tag: "Open" | "GlobalRequest" | "GlobalReply" }>

/** @internal */
export const receive = (entry: Entry, packet: ChannelMessage): void => {
  const { phase } = entry.state
  // Some servers send a window adjustment on a channel that they have closed. OpenSSH's master may have reused its number
  // for this channel.
  if (packet._tag === "WindowAdjust" && phase === "opening") return
  if ((packet._tag === "Confirm" || packet._tag === "Refuse") !== (phase === "opening")) {
    return entry.link.violation(`${packet._tag} for a channel that is ${phase}`)
  }
  switch (packet._tag) {
    case "Confirm":
      return confirm(entry, packet)
    case "Refuse":
      return refuse(entry, packet)
    case "WindowAdjust":
      return void (update(entry, channelState.adjust(entry.state, packet.bytes)) && entry.link.enqueue(entry))
    case "Data":
      return receiveData(entry, entry.stdout, packet.data)
    case "ExtendedData":
      return receiveData(entry, entry.stderr, packet.data)
    case "Eof":
      entry.state = channelState.receiveEof(entry.state)
      return wakeReaders(entry)
    case "Close":
      close(entry)
      remove(entry)
      return entry.watcher?.gone()
    case "Request":
      return receiveRequest(entry, packet)
    case "Success":
    case "Failure": {
      const reply = entry.replies.shift()
      return reply === undefined
        ? entry.link.violation("a reply without a request")
        : reply.set(packet._tag === "Success")
    }
  }
}

const source = (entry: Entry): incoming.Source => ({
  consumed: (bytes) => {
    const { grant, state } = channelState.consume(entry.state, bytes)
    entry.state = state
    if (grant > 0) entry.link.send({ _tag: "WindowAdjust", recipient: state.remote, bytes: grant })
  },
  hasEnded: () => channelState.hasNoMoreData(entry.state),
  failure: () => entry.state.failure
})

// If the channel has failed, this fails instead of returning `false`.
const orFailure = (entry: Entry, done: once.Once<boolean>): Effect.Effect<boolean, RemoteConnectionError> =>
  Effect.flatMap(done.await, (succeeded) => {
    const { failure } = entry.state
    return succeeded || failure === undefined ? Effect.succeed(succeeded) : failure
  })

const write = (entry: Entry): Channel["write"] => (bytes) =>
  Effect.suspend(() => {
    const writing: Writing = { bytes, at: 0, done: once.make() }
    return Effect.onInterrupt(
      Effect.suspend(() => {
        if (entry.state.failure !== undefined) return entry.state.failure
        if (!channelState.isWritable(entry.state)) return Effect.succeed(false)
        if (bytes.length === 0) return Effect.succeed(true)
        entry.writing = writing
        entry.link.enqueue(entry)
        return orFailure(entry, writing.done)
      }),
      // Stops sending after an interruption.
      () =>
        Effect.sync(() => {
          if (entry.writing === writing) entry.writing = undefined
        })
    )
  })

const exit = (entry: Entry): Channel["exit"] => {
  const outcome = Effect.suspend(() => entry.state.failure ?? Effect.succeed(entry.state.status))
  const ended = Effect.async<void>((resume) => {
    if (channelState.hasEnded(entry.state)) return resume(Effect.void)
    const wake = () => resume(Effect.void)
    entry.exits.add(wake)
    return Effect.sync(() => entry.exits.delete(wake))
  })
  return Effect.suspend(() => channelState.hasEnded(entry.state) ? outcome : Effect.zipRight(ended, outcome))
}

const sendRequest = (entry: Entry, name: string, wantReply: boolean, data: Uint8Array): void =>
  entry.link.send({ _tag: "Request", recipient: entry.state.remote, name, wantReply, data })

/**
 * An open channel, for its owner.
 *
 * @internal
 */
export const owned = (entry: Entry): Channel => ({
  read: incoming.reader(entry.stdout, source(entry)),
  readStderr: incoming.reader(entry.stderr, source(entry)),
  consume: (take) => incoming.consume(entry.stdout, source(entry), take),
  write: write(entry),
  end: Effect.sync(() => {
    const ended = channelState.end(entry.state)
    if (ended === entry.state) return
    stopWriting(entry)
    entry.state = ended
    entry.link.send({ _tag: "Eof", recipient: ended.remote })
  }),
  exit: exit(entry),
  exitReported: Effect.sync(() => Option.liftPredicate(entry.state.status, ({ _tag }) => _tag !== "None")),
  notify: (name, data) => {
    if (channelState.isUsable(entry.state)) sendRequest(entry, name, false, data)
  },
  request: (name, data) => {
    const reply = once.make<boolean>()
    entry.replies.push(reply)
    if (!channelState.isUsable(entry.state)) return entry.state.failure ?? Effect.succeed(false)
    sendRequest(entry, name, true, data)
    return orFailure(entry, reply)
  },
  isUnanswered: () => {
    const { failure, phase, status } = entry.state
    return phase === "gone" && failure === undefined && status._tag === "None" && entry.replies.length > 0
  },
  fail: (error) => fail(entry, error)
})
