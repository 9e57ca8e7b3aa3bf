/**
 * Finds a frame's reports in what the other side printed, and keeps them out of it.
 */
import type { Report, Step } from "../protocol/Frame.js"
import * as text from "./text.js"

/** @internal */
export interface Scanned {
  /** What came before the first report: a login shell's words. */
  readonly noise: Uint8Array
  readonly output: Uint8Array
  readonly reports: ReadonlyArray<Report>
}

/** @internal */
export interface Scanner {
  readonly push: (bytes: Uint8Array) => Scanned
  /** What was held back because it could have been the beginning of a report. */
  readonly end: () => Scanned
}

const nothing = new Uint8Array()

// A marker followed by so much without a line end begins no report.
const longestReport = 80

const oneByteEach = new TextDecoder("latin1")

const parse = (line: string): Report | undefined => {
  const started = /^ started (\d{1,10})\r?$/.exec(line)
  if (started !== null) return { _tag: "Started", pid: Number(started[1]) }
  if (/^ unguarded\r?$/.test(line)) return { _tag: "Unguarded" }
  const failed = /^ (setup|directory|environment|program|exec) (\d{1,3})\r?$/.exec(line)
  return failed === null ? undefined : { _tag: "Failed", step: failed[1] as Step, code: Number(failed[2]) }
}

// How many bytes at the end could be the beginning of the marker.
const partial = (hay: string, marker: string): number => {
  for (let size = Math.min(marker.length - 1, hay.length); size > 0; size--) {
    if (marker.startsWith(hay.slice(-size))) return size
  }
  return 0
}

/**
 * With `once`, everything after the first report is output, unread: for a stream that holds one report at most.
 *
 * @internal
 */
export const scanner = (marker: string, options: { readonly once: boolean }): Scanner => {
  let held = nothing
  let begun = false

  const push = (bytes: Uint8Array): Scanned => {
    if (begun && options.once) return { noise: nothing, output: bytes, reports: [] }
    const data = held.length === 0 ? bytes : text.concat([held, bytes])
    const hay = oneByteEach.decode(data)
    const reports: Array<Report> = []
    const noise: Array<Uint8Array> = []
    const output: Array<Uint8Array> = []
    const put = (from: number, to: number) => {
      if (to > from) (begun ? output : noise).push(data.subarray(from, to))
    }
    let from = 0
    let keep = data.length
    for (let search = 0;;) {
      const found = begun && options.once ? -1 : hay.indexOf(marker, search)
      if (found < 0) {
        if (!(begun && options.once)) keep = data.length - partial(hay.slice(search), marker)
        break
      }
      const end = hay.indexOf("\n", found)
      if (end < 0 && data.length - found < longestReport) {
        keep = found
        break
      }
      const report = end < 0 ? undefined : parse(hay.slice(found + marker.length, end))
      if (report === undefined) {
        search = found + marker.length
        continue
      }
      put(from, found)
      begun = true
      reports.push(report)
      from = search = end + 1
    }
    put(from, keep)
    held = data.slice(keep)
    return { noise: text.concat(noise), output: text.concat(output), reports }
  }

  const end = (): Scanned => {
    const rest = held
    held = nothing
    return begun ? { noise: nothing, output: rest, reports: [] } : { noise: rest, output: nothing, reports: [] }
  }

  return { push, end }
}

/**
 * For a host that reports nothing.
 *
 * @internal
 */
export const transparent: Scanner = {
  push: (bytes) => ({ noise: nothing, output: bytes, reports: [] }),
  end: () => ({ noise: nothing, output: nothing, reports: [] })
}
