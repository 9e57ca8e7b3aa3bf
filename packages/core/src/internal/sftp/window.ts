/**
 * The limit of bytes in flight, as a value.
 *
 * The window doubles with each round trip, like TCP's slow start. It doubles only if the caller waited for an answer. Beyond
 * the usual size, it doubles only if requests do not queue at the server: if answers take less than twice as long as the
 * quickest one. Times of the first flight are not used for this, because its requests had no others before them.
 */

/** @internal */
export interface Window {
  readonly size: number
  /** Time of the quickest answer, in milliseconds. */
  readonly quickest: number
  /** Time of the arrival of the first answer. */
  readonly firstAnswerAt: number
}

/**
 * The server of OpenSSH gives a channel a window of 2 MiB, so this size keeps it busy at any delay. Other servers give more.
 *
 * @internal
 */
export const usualSize = 4 * 1024 * 1024

/** @internal */
export const largestSize = 8 * 1024 * 1024

/**
 * Maximum number of requests in flight, because small requests have an overhead.
 *
 * @internal
 */
export const mostRequests = 512

/** @internal */
export const make = (size: number): Window => ({ size, quickest: Infinity, firstAnswerAt: Infinity })

const grown = ({ firstAnswerAt, size }: Window, sentAt: number, elapsed: number, quickest: number): number => {
  if (size < usualSize) return Math.min(usualSize, size * 2)
  return sentAt >= firstAnswerAt && elapsed <= 2 * quickest ? Math.min(largestSize, size * 2) : size
}

/**
 * The window after an answer that the caller waited for.
 *
 * @internal
 */
export const afterAnswer = (window: Window, sentAt: number, answeredAt: number): Window => {
  const elapsed = answeredAt - sentAt
  const quickest = Math.min(window.quickest, elapsed)
  return {
    size: grown(window, sentAt, elapsed, quickest),
    quickest,
    firstAnswerAt: Math.min(window.firstAnswerAt, answeredAt)
  }
}

/**
 * Whether a request of `more` bytes must wait. The first request never waits.
 *
 * @internal
 */
export const isFull = (
  { size }: Window,
  { bytes, more, requests }: { readonly bytes: number; readonly requests: number; readonly more: number }
): boolean => requests > 0 && (bytes + more > size || requests >= mostRequests)
