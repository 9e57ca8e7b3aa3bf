/**
 * When a transfer has last made progress, as a value with a pure step.
 */
import type * as Transfer from "@effect-remote/core/Transfer"

/** @internal */
export interface Activity {
  readonly last: string
  /** When it changed, in milliseconds. */
  readonly at: number
}

/** @internal */
export const initial: Activity = { last: "", at: 0 }

/** @internal */
export const step = (
  activity: Activity,
  { bytes, files, isDone, totalBytes, totalFiles }: Transfer.Progress,
  now: number
): Activity => {
  const last = [bytes, files, isDone, totalBytes, totalFiles].join()
  return last === activity.last ? activity : { last, at: now }
}

const stalledAfter = 5000

/** @internal */
export const isStalled = ({ at }: Activity, now: number): boolean => now - at >= stalledAfter
