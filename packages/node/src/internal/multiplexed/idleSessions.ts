/**
 * Chooses the idle session to close for a waiting caller. Pure.
 */

/**
 * `Kept`: it stays open. `Pending`: it will be asked to close soon, unless the caller gets a session before. `Asked`: it was
 * asked to close.
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
 * The step for the first waiting caller: asks a session to close, now or after a short delay.
 *
 * @internal
 */
export type Reclaim<A> =
  | { readonly _tag: "None" }
  | { readonly _tag: "Now" | "Soon"; readonly session: A }

/**
 * Spare sessions are closed first, after a short delay. With many short commands, the caller gets a session within this
 * delay. The other idle sessions are closed only if all sessions are idle.
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
