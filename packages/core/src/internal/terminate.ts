/**
 * Ends a process group on the host, from a shell of its own.
 */
import * as Option from "effect/Option"
import type { Stage } from "./frame.js"

// `kill -0` still finds a group of which only zombies are left, as there are where nobody reaps orphans: on Linux their
// state is looked up. `--` is left out before the group, since dash and busybox refuse it.
const script = `
group=$1 signal=$2 rounds=$3
alive() {
  kill -0 -"$group" 2>/dev/null || return 1
  [ -r /proc/self/stat ] || return 0
  for file in /proc/[0-9]*/stat; do
    { read -r line <"$file"; } 2>/dev/null || continue
    set -- \${line##*') '}
    [ "$3" = "$group" ] && [ "$1" != Z ] && [ "$1" != X ] && return 0
  done
  return 1
}
await() {
  while [ "$rounds" -gt 0 ]; do
    alive || exit 0
    if sleep 0.05 2>/dev/null; then rounds=$((rounds - 1)); else sleep 1; rounds=$((rounds - 20)); fi
  done
}
kill -"$signal" -"$group" 2>/dev/null || exit 0
await
kill -KILL -"$group" 2>/dev/null
rounds=40
await
`

/**
 * TERM, and KILL for what is left after the grace period.
 *
 * @internal
 */
export const group = (pid: number, graceMillis: number): Stage =>
  plain(script, String(pid), "TERM", rounds(graceMillis))

const rounds = (millis: number): string => String(Math.max(0, Math.ceil(millis / 50)))

/**
 * Sends one signal, and fails where the host knows none of that name. A group that is gone is none's fault.
 *
 * @internal
 */
export const signal = (pid: number, name: string): Stage =>
  plain(`kill -0 -"$1" 2>/dev/null || exit 0; kill -"$2" -"$1"`, String(pid), name.replace(/^SIG/, ""))

const plain = (text: string, ...words: ReadonlyArray<string>): Stage => ({
  words: ["/bin/sh", "-c", text, "sh", ...words],
  directory: Option.none(),
  environment: [],
  clearEnvironment: false
})
