/**
 * Full disks, as injected by `FillDisk` faults.
 */
import * as Duration from "effect/Duration"
import type * as Fault from "../../Fault.js"
import type { Space } from "../memory/content.js"

type FillDisk = Extract<Fault.Fault, { readonly _tag: "FillDisk" }>

/** @internal */
export interface FullDisk {
  readonly fill: (fault: FillDisk) => void
  readonly clear: () => void
  /** Whether the disk lacks room even for a directory. */
  readonly lacksBlock: () => boolean
}

interface Limit {
  readonly fault: FillDisk
  /** The size limit of all files together. */
  readonly most: number
  /** The time of the first write that did not fit. */
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
