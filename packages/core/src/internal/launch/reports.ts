/**
 * Separates the reports of a frame from the output.
 */
import { type Output, type Report, reportStart, type Step } from "../../unstable/Frame.js"
import * as text from "../lib/text.js"

/** @internal */
export interface Scanned {
  /** Output of the login shell, before the command began. */
  readonly noise: Uint8Array
  readonly output: Uint8Array
  readonly reports: ReadonlyArray<Report>
}

/** @internal */
export interface Scanner {
  readonly push: (bytes: Uint8Array) => Scanned
  /** Returns the bytes that were held back as the possible beginning of a report. */
  readonly end: () => Scanned
  /**
   * Stops the search for reports after the command has begun, because they arrive on the other output. Saves a copy.
   */
  readonly settle: () => void
}

const nothing = new Uint8Array()

// Maximum length of a report. A marker without a line end within it is plain output.
const longestReport = 4096

const oneByteEach = new TextDecoder("latin1")

const parse = (line: string): Report | undefined => {
  const started = /^ started (\d{1,10}) (stdout|stderr)\r?$/.exec(line)
  if (started !== null) return { _tag: "Started", pid: Number(started[1]), on: started[2] as Output }
  if (/^ unguarded\r?$/.test(line)) return { _tag: "Unguarded" }
  const stages = /^ stages((?: \d{1,4}:\d{1,3}){1,300})\r?$/.exec(line)
  if (stages !== null) {
    const codes = stages[1]!.trim().split(" ").map((word) => word.split(":").map(Number) as [number, number])
    return { _tag: "Stages", codes: codes.sort(([one], [other]) => one - other) }
  }
  const failed = /^ (setup|directory|environment|program|exec) (\d{1,3})\r?$/.exec(line)
  return failed === null ? undefined : { _tag: "Failed", step: failed[1] as Step, code: Number(failed[2]) }
}

// Number of bytes at the end that may be the beginning of the marker.
const partial = (hay: string, marker: string): number => {
  for (let size = Math.min(marker.length - 1, hay.length); size > 0; size--) {
    if (marker.startsWith(hay.slice(-size))) return size
  }
  return 0
}

/**
 * Removes all reports from one of the two outputs. Reports of stderr may arrive on stdout, because a host may merge both.
 * The output of the command begins after the report that was written to `own`.
 *
 * @internal
 */
export const scanner = (marker: string, own: Output): Scanner => {
  const sought = reportStart + marker
  let held = nothing
  let begun = false
  let settled = false

  const push = (bytes: Uint8Array): Scanned => {
    const data = held.length === 0 ? bytes : text.concat([held, bytes])
    if (begun && settled) {
      held = nothing
      return { noise: nothing, output: data, reports: [] }
    }
    const hay = oneByteEach.decode(data)
    const reports: Array<Report> = []
    const noise: Array<Uint8Array> = []
    const output: Array<Uint8Array> = []
    const put = (from: number, to: number) => {
      if (to > from) (begun ? output : noise).push(data.subarray(from, to))
    }
    let from = 0
    let keep = data.length
    for (let search = 0; !(begun && settled);) {
      const found = hay.indexOf(sought, search)
      if (found < 0) {
        keep = data.length - partial(hay.slice(search), sought)
        break
      }
      const end = hay.indexOf("\n", found)
      if (end < 0 && data.length - found < longestReport) {
        keep = found
        break
      }
      const report = end < 0 ? undefined : parse(hay.slice(found + sought.length, end))
      if (report === undefined) {
        search = found + sought.length
        continue
      }
      put(from, found)
      begun ||= report._tag === "Started" ? report.on === own : own === "stderr"
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

  return {
    push,
    end,
    settle: () => {
      settled = true
    }
  }
}

/**
 * For a host that does not send reports.
 *
 * @internal
 */
export const transparent: Scanner = {
  push: (bytes) => ({ noise: nothing, output: bytes, reports: [] }),
  end: () => ({ noise: nothing, output: nothing, reports: [] }),
  settle: () => {}
}
