/**
 * The state of an SFTP session: requests in flight by id, bytes to write, open handles. Each function is one step and
 * returns at once.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Sftp from "../../protocol/Sftp.js"
import type { RemoteConnectionError } from "../../RemoteError.js"
import * as doubts from "./doubts.js"
import * as handles from "./handles.js"
import * as outgoing from "./outgoing.js"
import type * as turns from "./turns.js"

/** @internal */
export type Answered = (answer: Exit.Exit<Sftp.Response, RemoteConnectionError>) => void

/** @internal */
export type MakeError = (
  reason: RemoteConnectionError["reason"],
  detail: string,
  fields?: { readonly output?: string; readonly hint?: string }
) => RemoteConnectionError

/**
 * A request that removes the entry which another request has created.
 *
 * @internal
 */
export type Undo = Extract<Sftp.Request, { readonly _tag: "Remove" | "Rmdir" }>

/**
 * A request that was sent.
 *
 * @internal
 */
export interface Pending {
  readonly name: Sftp.Request["_tag"]
  /** The number of requests that were sent before it. */
  readonly order: number
  /** The handle in the request. */
  readonly handle: Uint8Array | undefined
  /** The queue that gets its turn back if the answer has no handle. */
  readonly turns: turns.Turns | undefined
  /** Sent if the request succeeds after its caller was interrupted. */
  readonly undo: Undo | undefined
  answer: Exit.Exit<Sftp.Response, RemoteConnectionError> | undefined
  resume: Answered | undefined
  /** Whether its caller was interrupted. */
  isAbandoned: boolean
}

/** @internal */
export interface Conversation {
  readonly error: MakeError
  readonly outgoing: outgoing.Outgoing
  readonly handles: handles.Handles
  readonly doubts: doubts.Doubts
  readonly pending: Map<number, Pending>
  /**
   * Unanswered abandoned requests with an undo, and unanswered undos. The values describe the entries that may remain.
   */
  readonly owed: Map<Pending, string>
  /** Open while `checkTime` must be called regularly. */
  readonly isWatched: Effect.Latch
  /** Called once when the session is lost. */
  readonly onLost: () => void
  nextId: number
  sent: number
  lost: RemoteConnectionError | undefined
  /** Whether the server gave one handle to two open files. */
  hasSharedHandle: boolean
}

/**
 * Time without an answer to an abandoned request after which later requests use another session. Shorter than the time limit
 * of finalizers, which need that session.
 */
const patience = 3000

// Time limit for requests that were sent after an unanswered one, while the server sends nothing.
const longestSilence = 30_000

// Time that a session is kept for an undo while the server sends nothing.
const undoWithin = 300_000

/**
 * Time that a request waits for a handle while none is closed.
 *
 * @internal
 */
export const handleWithin = 60_000

/** @internal */
export const make = (now: () => number, error: MakeError, onLost: () => void): Conversation => ({
  error,
  outgoing: outgoing.make(),
  handles: handles.make(now),
  doubts: doubts.make(now),
  pending: new Map(),
  owed: new Map(),
  isWatched: Effect.unsafeMakeLatch(false),
  onLost,
  nextId: 0,
  sent: 0,
  lost: undefined,
  hasSharedHandle: false
})

const settle = (entry: Pending, answer: Exit.Exit<Sftp.Response, RemoteConnectionError>) => {
  if (entry.answer !== undefined) return
  entry.answer = answer
  entry.resume?.(answer)
}

/**
 * Fails all requests in flight and all later ones.
 *
 * @internal
 */
export const lose = (self: Conversation, failure: RemoteConnectionError): void => {
  if (self.lost !== undefined) return
  self.lost = failure
  self.outgoing.clear()
  const waiting = Array.from(self.pending.values())
  self.pending.clear()
  self.owed.clear()
  for (const entry of waiting) settle(entry, Exit.fail(failure))
  self.handles.end()
  self.onLost()
}

/**
 * Records that a request may never be answered.
 *
 * @internal
 */
export const doubt = (self: Conversation, entry: Pending): void => {
  self.doubts.add(entry)
  self.isWatched.unsafeOpen()
}

/** @internal */
export const submit = (self: Conversation, request: Sftp.Request, resume?: Answered, undo?: Undo): Pending => {
  const id = self.nextId
  self.nextId = (id + 1) >>> 0
  const order = self.sent++
  const entry: Pending = {
    name: request._tag,
    order,
    handle: "handle" in request ? request.handle : undefined,
    turns: request._tag === "Close" ? self.handles.closing(request.handle, order) : self.handles.turnsFor(request),
    undo,
    answer: undefined,
    resume,
    isAbandoned: false
  }
  self.pending.set(id, entry)
  self.outgoing.push(Sftp.encodeRequestPieces(id, request))
  return entry
}

/**
 * Closes a handle without waiting for the answer. Does nothing if it was closed before.
 *
 * @internal
 */
export const close = (self: Conversation, handle: Uint8Array): void => {
  if (self.lost === undefined && self.handles.isOpen(handle)) submit(self, Sftp.Request.Close({ handle }))
}

/**
 * Closes a handle and abandons the requests about it.
 *
 * @internal
 */
export const leave = (self: Conversation, handle: Uint8Array, isClosed: boolean): void => {
  if (self.lost !== undefined) return
  if (!isClosed) close(self, handle)
  for (const entry of self.pending.values()) if (entry.handle === handle) doubt(self, entry)
}

/**
 * Undoes the effect of a request whose caller was interrupted.
 *
 * @internal
 */
export const closeUnused = (self: Conversation, answer: Sftp.Response): void => {
  if (answer._tag === "Handle") close(self, answer.handle)
}

const succeeded = (answer: Sftp.Response): boolean =>
  answer._tag === "Handle" || answer._tag === "Status" && answer.code === Sftp.StatusCode.ok

const abandon = (self: Conversation, entry: Pending): void => {
  entry.isAbandoned = true
  if (entry.undo !== undefined) self.owed.set(entry, entry.undo.path)
  doubt(self, entry)
}

// The caller's own clean-up may run in another session, before the server has created the entry. Only this session receives
// the answer.
const takeBack = (self: Conversation, { undo }: Pending, answer: Sftp.Response): void => {
  closeUnused(self, answer)
  if (undo === undefined || !succeeded(answer)) return
  const sent = submit(self, undo)
  self.owed.set(sent, undo.path)
  doubt(self, sent)
}

// Later writes to one of the files may have reached the other one.
const sharedHandle = (self: Conversation) =>
  self.error("Protocol", "the SFTP server gave one handle to two open files", {
    hint:
      "Files that were open then may hold wrong bytes. The next use opens a session with one file to read and one to " +
      "write at a time."
  })

/** @internal */
export const answer = (self: Conversation, { id, packet }: Sftp.Numbered<Sftp.Response>): void => {
  const entry = self.pending.get(id)
  if (entry === undefined) {
    return lose(self, self.error("Protocol", `the SFTP server answered request ${id}, which was not sent`))
  }
  if (packet._tag === "Handle" && self.handles.isShared(packet.handle, entry.order)) {
    self.hasSharedHandle = true
    return lose(self, sharedHandle(self))
  }
  if (entry.name === "Close" && entry.handle !== undefined) self.handles.closed(entry.handle)
  self.pending.delete(id)
  self.doubts.remove(entry)
  self.owed.delete(entry)
  if (packet._tag === "Handle") self.handles.opened(packet.handle, entry.turns)
  else entry.turns?.give()
  if (entry.isAbandoned) takeBack(self, entry, packet)
  settle(entry, Exit.succeed(packet))
}

const noHandle = (self: Conversation, { _tag }: Sftp.Request) =>
  self.error("TimedOut", `${_tag} waited ${handleWithin / 1000}s for a file handle, and none was closed meanwhile`, {
    hint: "The SFTP server limits the number of open files (limits@openssh.com). Open fewer files at the same time."
  })

/** @internal */
export interface PostOptions {
  /** Called just before the request is sent. */
  readonly before?: ((opening: () => Pending | undefined) => void) | undefined
  /** For entries with an unguessable name. A clean-up in another session may run before the request. */
  readonly undo?: Undo | undefined
}

/**
 * Sends a request. If it opens a handle, it first waits until the limit allows another one. Returns a function to abandon
 * it.
 *
 * @internal
 */
export const post = (
  self: Conversation,
  request: Sftp.Request,
  answered: Answered,
  { before, undo }: PostOptions = {}
): () => void => {
  let entry: Pending | undefined
  const go = () => {
    if (self.lost !== undefined) return answered(Exit.fail(self.lost))
    before?.(() => entry)
    entry = submit(self, request, answered, undo)
  }
  const turns = self.handles.turnsFor(request)
  const withdraw = turns === undefined ? go() : turns.take(go, () => answered(Exit.fail(noHandle(self, request))))
  if (turns?.isWaitedFor()) self.isWatched.unsafeOpen()
  return () => {
    if (entry === undefined) return withdraw?.()
    if (entry.answer !== undefined) return
    entry.resume = undefined
    abandon(self, entry)
  }
}

const first = (self: Conversation): Pending | undefined => {
  const [first] = self.pending.values()
  return first
}

// A server that handles requests in order does not answer later requests before a blocked one.
const giveUp = (self: Conversation): void => {
  const held = first(self)
  if (held === undefined || !self.doubts.isSilent(held, longestSilence)) return
  const failure = self.error(
    "TimedOut",
    `the SFTP server has answered nothing for ${
      longestSilence / 1000
    }s: it is held up by an earlier request (${held.name})`,
    { hint: "A pipe, a device or a disk that does not respond blocks it. Later requests use another session." }
  )
  for (const entry of self.pending.values()) {
    if (self.doubts.has(entry)) continue
    settle(entry, Exit.fail(failure))
    abandon(self, entry)
  }
}

/**
 * Fails requests that have waited too long. Returns whether the time of others must still be checked.
 *
 * @internal
 */
export const checkTime = (self: Conversation): boolean => {
  giveUp(self)
  self.handles.refuseOverdue()
  return self.doubts.count() > 0 || self.handles.isWaitedFor()
}

/**
 * Whether an abandoned request blocks the server.
 *
 * @internal
 */
export const isBlocked = (self: Conversation): boolean => {
  const held = first(self)
  return held !== undefined && self.doubts.isSilent(held, patience)
}

/**
 * Whether the session must stay open to undo an abandoned request.
 *
 * @internal
 */
export const owesUndo = (self: Conversation): boolean => {
  const held = first(self)
  return self.owed.size > 0 && (held === undefined || !self.doubts.isSilent(held, undoWithin))
}

/**
 * Whether no handle is open, no undo is pending and no caller waits for an answer.
 *
 * @internal
 */
export const isIdle = (self: Conversation): boolean =>
  self.handles.count() === 0 && !owesUndo(self) &&
  (self.pending.size === 0 || self.doubts.count() === self.pending.size && isBlocked(self))

/**
 * Waits a few seconds for doubted answers. Returns whether the server still answers.
 *
 * @internal
 */
export const goesOn = (self: Conversation): Effect.Effect<boolean> =>
  Effect.map(self.doubts.settled(patience), () => !isBlocked(self))
