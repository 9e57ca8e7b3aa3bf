/**
 * The open handles of a session, and the server's limit for them.
 */
import * as Sftp from "../../protocol/Sftp.js"
import * as turns from "./turns.js"

/** @internal */
export interface Handles {
  /** Sets the maximum number of open handles. Default: unlimited. */
  readonly limit: (count: number, waitMillis: number) => void
  /** The queue in which the request waits before it is sent, if it opens a handle. */
  readonly turnsFor: (request: Sftp.Request) => turns.Turns | undefined
  /** Whether the request is sent without waiting for a handle. */
  readonly hasTurn: (request: Sftp.Request) => boolean
  /** Records a handle, and the queue whose turn it used. */
  readonly opened: (handle: Uint8Array, taken: turns.Turns | undefined) => void
  readonly isOpen: (handle: Uint8Array) => boolean
  /** Removes a handle. Returns the queue that gets its turn back after the answer to the close, which has this number. */
  readonly closing: (handle: Uint8Array, order: number) => turns.Turns | undefined
  /** Records the answer to the close. */
  readonly closed: (handle: Uint8Array) => void
  /** Whether a handle belongs to another file, which was not closed before this request was sent. */
  readonly isShared: (handle: Uint8Array, order: number) => boolean
  readonly count: () => number
  readonly isWaitedFor: () => boolean
  /** Refuses requests that have waited too long for a handle. */
  readonly refuseOverdue: () => void
  /** Lets all waiting requests proceed. */
  readonly end: () => void
}

const keyOf = (handle: Uint8Array): string => String.fromCharCode(...handle)

const writes = Sftp.OpenFlags.write | Sftp.OpenFlags.append

/** @internal */
export const make = (now: () => number): Handles => {
  // By identity, because servers reuse the number of a closed handle.
  const open = new Set<Uint8Array>()
  const takenFrom = new WeakMap<Uint8Array, turns.Turns>()
  // The order of the close, or infinity, by the bytes of each handle whose close was not answered.
  const used = new Map<string, number>()
  // Half of the handles are for reading and half for writing. Copies, which hold one handle and wait for the other, then
  // cannot deadlock.
  let toRead: turns.Turns | undefined
  let toWrite: turns.Turns | undefined
  const turnsFor: Handles["turnsFor"] = (request) => {
    if (request._tag === "Opendir") return toRead
    if (request._tag !== "Open") return undefined
    return (request.flags & writes) === 0 ? toRead : toWrite
  }
  return {
    limit: (count, waitMillis) => {
      toRead = turns.make(Math.ceil(count / 2), waitMillis, now)
      toWrite = turns.make(Math.max(1, Math.floor(count / 2)), waitMillis, now)
    },
    turnsFor,
    hasTurn: (request) => turnsFor(request)?.isFree() ?? true,
    opened: (handle, taken) => {
      open.add(handle)
      used.set(keyOf(handle), Infinity)
      if (taken !== undefined) takenFrom.set(handle, taken)
    },
    isOpen: (handle) => open.has(handle),
    closing: (handle, order) => {
      open.delete(handle)
      used.set(keyOf(handle), order)
      return takenFrom.get(handle)
    },
    closed: (handle) => {
      // A server may give the handle to the next file before it answers the close.
      const key = keyOf(handle)
      if (used.get(key) !== Infinity) used.delete(key)
    },
    isShared: (handle, order) => (used.get(keyOf(handle)) ?? -1) > order,
    count: () => open.size,
    isWaitedFor: () => [toRead, toWrite].some((turns) => turns?.isWaitedFor()),
    refuseOverdue: () => {
      for (const turns of [toRead, toWrite]) turns?.refuseOverdue()
    },
    end: () => {
      for (const turns of [toRead, toWrite]) turns?.end()
    }
  }
}
