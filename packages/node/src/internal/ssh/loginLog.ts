/**
 * The stderr of an `ssh` until it has logged in, as a value with a pure step. A line of its own marks the login (`ready` of
 * the installation).
 */

/** @internal */
export type LoginLog =
  | { readonly _tag: "Waiting"; readonly text: string }
  /** `after` is what followed the line. */
  | { readonly _tag: "LoggedIn"; readonly before: string; readonly after: string }

/**
 * The number of characters kept of a log.
 *
 * @internal
 */
export const kept = 64 * 1024

/** @internal */
export const initial: LoginLog = { _tag: "Waiting", text: "" }

/**
 * More of the log came.
 *
 * @internal
 */
export const receive = (log: LoginLog, bytes: Uint8Array, ready: string): LoginLog => {
  const more = Buffer.from(bytes).toString("latin1")
  if (log._tag === "LoggedIn") return { ...log, after: (log.after + more).slice(-kept) }
  const text = log.text + more
  const line = `${ready}\n`
  const at = text.indexOf(line)
  return at < 0
    ? { _tag: "Waiting", text: text.slice(-kept) }
    : { _tag: "LoggedIn", before: text.slice(0, at), after: text.slice(at + line.length) }
}
