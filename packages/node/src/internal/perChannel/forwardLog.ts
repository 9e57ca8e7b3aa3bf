/**
 * Reads the log of `ssh -W` at LogLevel DEBUG2, as a value with a pure step. The log shows when the connection is open and
 * when it has ended.
 */
import { kept } from "../ssh/loginLog.js"

/** @internal */
export interface ForwardLog {
  /** The end of the log. */
  readonly text: string
  /** The incomplete last line. */
  readonly line: string
}

/** @internal */
export type Event =
  | { readonly _tag: "Opened" }
  | { readonly _tag: "Refused"; readonly detail: string }
  | { readonly _tag: "Ended" }

/** @internal */
export const initial: ForwardLog = { text: "", line: "" }

const eventsOf = (line: string): ReadonlyArray<Event> => {
  if (/^debug2: channel \d+: open confirm /.test(line)) return [{ _tag: "Opened" }]
  if (/^debug2: channel \d+: rcvd (eof|close)/.test(line)) return [{ _tag: "Ended" }]
  const refused = /^channel \d+: open failed: (.*?)\r?$/.exec(line)
  return refused === null ? [] : [{ _tag: "Refused", detail: refused[1]! }]
}

/**
 * Adds bytes of the log.
 *
 * @internal
 */
export const receive = (
  log: ForwardLog,
  bytes: Uint8Array
): { readonly log: ForwardLog; readonly events: ReadonlyArray<Event> } => {
  const lines = (log.line + Buffer.from(bytes).toString("latin1")).split("\n")
  const line = (lines.pop() ?? "").slice(-kept)
  const text = lines.length === 0 ? log.text : `${log.text}${lines.join("\n")}\n`.slice(-kept)
  return { log: { text, line }, events: lines.flatMap(eventsOf) }
}
