/**
 * The callers that wait for a session, in the order in which they asked. Pure.
 */

/** @internal */
export interface Waiting {
  /** Position of the request. A refused caller that waits again keeps it. */
  readonly number: number
  /** Start of the wait, in milliseconds. */
  readonly since: number
}

/**
 * Adds a caller before those who asked later.
 *
 * @internal
 */
export const insert = <A extends Waiting>(queue: ReadonlyArray<A>, caller: A): ReadonlyArray<A> => {
  const later = queue.findIndex(({ number }) => number > caller.number)
  const at = later < 0 ? queue.length : later
  return [...queue.slice(0, at), caller, ...queue.slice(at)]
}

/** @internal */
export const remove = <A extends Waiting>(queue: ReadonlyArray<A>, caller: A): ReadonlyArray<A> =>
  queue.filter((one) => one !== caller)

/**
 * The callers that have waited for `patience` since the last session in use was left (`unheldSince`). Nothing on this side
 * can end their wait.
 *
 * @internal
 */
export const stuck = <A extends Waiting>(
  queue: ReadonlyArray<A>,
  { now, patience, unheldSince }: { readonly now: number; readonly patience: number; readonly unheldSince: number }
): ReadonlyArray<A> => queue.filter(({ since }) => now - Math.max(since, unheldSince) >= patience)
