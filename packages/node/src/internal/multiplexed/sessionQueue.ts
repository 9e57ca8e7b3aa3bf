/**
 * The callers that wait for a session, in the order in which they asked. Pure.
 */

/** @internal */
export interface Waiting {
  /** In the order of asking. It stays the same when a refused caller waits again. */
  readonly number: number
  /** When it began to wait, in milliseconds. */
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
 * The callers that have waited for `patience` since nobody here used a session (`unheldSince`). No session that ends here
 * can end their wait.
 *
 * @internal
 */
export const stuck = <A extends Waiting>(
  queue: ReadonlyArray<A>,
  { now, patience, unheldSince }: { readonly now: number; readonly patience: number; readonly unheldSince: number }
): ReadonlyArray<A> => queue.filter(({ since }) => now - Math.max(since, unheldSince) >= patience)
