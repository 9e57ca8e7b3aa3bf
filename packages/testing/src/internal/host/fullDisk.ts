/**
 * Disks that are full for a while, as faults have them.
 */
import * as Duration from "effect/Duration"
import type * as Fault from "../../Fault.js"
import type { Space } from "../memory/content.js"

type FillDisk = Extract<Fault.Fault, { readonly _tag: "FillDisk" }>

/** @internal */
export interface FullDisk {
  readonly fill: (fault: FillDisk) => void
  readonly clear: () => void
  /** Whether there is not even room for a directory. */
  readonly lacksBlock: () => boolean
}

interface Limit {
  readonly fault: FillDisk
  /** How much the files may hold together. */
  readonly most: number
  /** When something first did not fit. */
  since: number | undefined
}

// The size of a directory on ext4, in bytes.
const block = 4096

/**
 * `fired` is called when something does not fit for the first time.
 *
 * @internal
 */
export const make = (space: Space, now: () => number, fired: (fault: FillDisk) => void): FullDisk => {
  let limits: ReadonlyArray<Limit> = []

  const cap = (): number => {
    limits = limits.filter(({ fault, since }) => since === undefined || now() < since + Duration.toMillis(fault.lasts))
    return limits.reduce((least, { most }) => Math.min(least, most), Infinity)
  }

  space.cap = cap
  space.onFull = () => {
    for (const limit of limits) {
      if (limit.since !== undefined || limit.most > Math.min(cap(), space.quota)) continue
      limit.since = now()
      fired(limit.fault)
    }
  }

  return {
    fill: (fault) => {
      limits = [...limits, { fault, most: space.used + fault.after, since: undefined }]
    },
    clear: () => {
      limits = []
    },
    lacksBlock: () => {
      if (cap() - space.used >= block) return false
      space.onFull()
      return true
    }
  }
}
