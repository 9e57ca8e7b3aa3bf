/**
 * The number of bytes that may be in flight, as a value.
 *
 * The window doubles with each round trip, as TCP's does at first. It doubles only if the caller waited for an answer, and
 * beyond the usual size only if requests do not queue at the server. A queue shows in answers that take more than twice as
 * long as the quickest. Requests of the first flight had no others before them, so their times show no queue.
 */

/** @internal */
export interface Window {
  readonly size: number
  /** Milliseconds of the quickest answer. */
  readonly quickest: number
  /** When the first answer came. */
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
 * Small requests cost more than their bytes.
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
