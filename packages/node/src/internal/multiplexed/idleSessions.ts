/**
 * Sessions that stay open without being in use, and which of them to close for a waiting caller. Pure.
 */

/**
 * `Kept`: nobody needs it. `Pending`: it is asked soon, unless the caller is served before. `Asked`: it was asked to close.
 *
 * @internal
 */
export type Status = "Kept" | "Pending" | "Asked"

/** @internal */
export interface IdleSession {
  readonly isSpare: boolean
  readonly status: Status
}

/**
 * The step for the first waiting caller: ask a session to close, now or after a moment.
 *
 * @internal
 */
export type Reclaim<A> =
  | { readonly _tag: "None" }
  | { readonly _tag: "Now" | "Soon"; readonly session: A }

/**
 * Spare sessions go first, but not for a caller that is served within a moment, as each of many short commands is. The
 * others go only if every session is an idle one.
 *
 * @internal
 */
export const reclaim = <A extends IdleSession>(sessions: Iterable<A>, open: number): Reclaim<A> => {
  const idle = Array.from(sessions)
  const spare = idle.find(({ isSpare, status }) => isSpare && status !== "Asked")
  if (spare !== undefined) return spare.status === "Pending" ? { _tag: "None" } : { _tag: "Soon", session: spare }
  const kept = idle.find(({ status }) => status === "Kept")
  return kept === undefined || idle.length < open ? { _tag: "None" } : { _tag: "Now", session: kept }
}
