/**
 * The server's limit of sessions on one connection (`MaxSessions`), as a value with pure steps. The protocol does not report
 * the limit, so it is learned from refusals. Times are in milliseconds.
 */

/** @internal */
export interface SessionLimit {
  /** `Infinity` until the server refuses a session. */
  readonly limit: number
  /** When `limit` was last set by a refusal or a probe. */
  readonly learnedAt: number
  /** Whether one session more than the learned limit is being tried. */
  readonly isProbing: boolean
  /** Admitted sessions that the server may still count, including those being opened. */
  readonly open: number
  /** Sessions that the server has confirmed. */
  readonly confirmed: number
  /** Sessions that a caller here uses. */
  readonly held: number
  /** When `held` last became 0. */
  readonly unheldSince: number
  /** When the last confirmed session ended. */
  readonly lastGoneAt: number
  /** Whether admission is paused, because the server still counts a closed session. */
  readonly isPaused: boolean
}

/** @internal */
export const initial: SessionLimit = {
  limit: Infinity,
  learnedAt: 0,
  isProbing: false,
  open: 0,
  confirmed: 0,
  held: 0,
  unheldSince: -Infinity,
  lastGoneAt: -Infinity,
  isPaused: false
}

/**
 * A limit that is known before. It is not probed.
 *
 * @internal
 */
export const fixed = (limit: number): SessionLimit => ({ ...initial, limit, learnedAt: Infinity })

// The server counts a session until its process has ended, a little longer than this module does.
const releaseLag = 250

/**
 * The limit is probed again after this time. A server that was slow to release sessions may have appeared to allow fewer. A
 * refused probe costs little.
 *
 * @internal
 */
export const probeAfter = 10_000

/** @internal */
export const isFull = (state: SessionLimit): boolean => state.open >= state.limit

/** @internal */
export const canAdmit = (state: SessionLimit): boolean => !state.isPaused && !isFull(state)

/**
 * Whether a session can be opened at once, with `spare` sessions left free.
 *
 * @internal
 */
export const canAdmitAtOnce = (state: SessionLimit, waiting: number, spare: number): boolean =>
  !state.isPaused && waiting === 0 && state.open + spare < state.limit

/** @internal */
export const admit = (state: SessionLimit): SessionLimit => ({ ...state, open: state.open + 1 })

/** @internal */
export const release = (state: SessionLimit): SessionLimit => ({ ...state, open: state.open - 1 })

const setLimit = (state: SessionLimit, limit: number, now: number): SessionLimit => ({
  ...state,
  limit,
  learnedAt: now
})

/**
 * Raises a limit by one if callers wait and it was learned some time ago.
 *
 * @internal
 */
export const probe = (state: SessionLimit, waiting: number, now: number): SessionLimit =>
  waiting > 0 && isFull(state) && now - state.learnedAt > probeAfter
    ? { ...setLimit(state, state.limit + 1, now), isProbing: true }
    : state

/** @internal */
export const confirm = (state: SessionLimit): SessionLimit => {
  const confirmed = state.confirmed + 1
  const next = { ...state, confirmed, held: state.held + 1 }
  return confirmed >= state.limit ? { ...next, limit: confirmed, isProbing: false } : next
}

/**
 * The meaning of a refusal. `Lagging`: the server still counts a closed session: try again soon. `Full`: the limit is known
 * now: wait for a session to end. `Denied`: without any open session, so the server does not allow sessions.
 *
 * @internal
 */
export type Refusal = "Lagging" | "Full" | "Denied"

/**
 * The server refused a session that was requested at `sentAt`.
 *
 * @internal
 */
export const refuse = (
  state: SessionLimit,
  sentAt: number,
  now: number
): { readonly state: SessionLimit; readonly refusal: Refusal } => {
  const limit = state.isProbing ? state.limit - 1 : state.limit
  const released = { ...release(state), limit, isProbing: false }
  if (sentAt - state.lastGoneAt < releaseLag) return { state: { ...released, isPaused: true }, refusal: "Lagging" }
  return state.confirmed > 0
    ? { state: setLimit(released, state.confirmed, now), refusal: "Full" }
    : { state: released, refusal: "Denied" }
}

/** @internal */
export const resume = (state: SessionLimit): SessionLimit => ({ ...state, isPaused: false })

/**
 * The caller has left its session. The server counts the session until it has ended.
 *
 * @internal
 */
export const leave = (state: SessionLimit, now: number): SessionLimit => {
  const held = state.held - 1
  return { ...state, held, unheldSince: held === 0 ? now : state.unheldSince }
}

/**
 * A confirmed session has ended. Does not include `release`.
 *
 * @internal
 */
export const forget = (state: SessionLimit, now: number): SessionLimit => ({
  ...state,
  confirmed: state.confirmed - 1,
  lastGoneAt: now
})
