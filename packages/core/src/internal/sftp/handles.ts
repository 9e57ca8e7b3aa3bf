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
  /** Records a handle, and the queue whose turn it used. */
  readonly opened: (handle: Uint8Array, taken: turns.Turns | undefined) => void
  readonly isOpen: (handle: Uint8Array) => boolean
  /** Removes a handle. Returns the queue that gets its turn back after the answer to the close. */
  readonly closing: (handle: Uint8Array) => turns.Turns | undefined
  readonly count: () => number
  readonly isWaitedFor: () => boolean
  /** Refuses requests that have waited too long for a handle. */
  readonly refuseOverdue: () => void
  /** Lets all waiting requests proceed. */
  readonly end: () => void
}

const writes = Sftp.OpenFlags.write | Sftp.OpenFlags.append

/** @internal */
export const make = (now: () => number): Handles => {
  // By identity, because servers reuse the number of a closed handle.
  const open = new Set<Uint8Array>()
  const takenFrom = new WeakMap<Uint8Array, turns.Turns>()
  // Half of the handles are for reading and half for writing. Copies, which hold one handle and wait for the other, then
  // cannot deadlock.
  let toRead: turns.Turns | undefined
  let toWrite: turns.Turns | undefined
  return {
    limit: (count, waitMillis) => {
      toRead = turns.make(Math.ceil(count / 2), waitMillis, now)
      toWrite = turns.make(Math.max(1, Math.floor(count / 2)), waitMillis, now)
    },
    turnsFor: (request) => {
      if (request._tag === "Opendir") return toRead
      if (request._tag !== "Open") return undefined
      return (request.flags & writes) === 0 ? toRead : toWrite
    },
    opened: (handle, taken) => {
      open.add(handle)
      if (taken !== undefined) takenFrom.set(handle, taken)
    },
    isOpen: (handle) => open.has(handle),
    closing: (handle) => {
      open.delete(handle)
      return takenFrom.get(handle)
    },
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
