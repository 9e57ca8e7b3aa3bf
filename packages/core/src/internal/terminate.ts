/**
 * Ends a process group on the host, from a shell of its own.
 */
import * as Option from "effect/Option"
import type { Stage } from "./frame.js"

// The command leads a session, within which programs like `timeout` make groups of their own: on Linux they are looked up,
// and all are ended. `kill -0` still finds a group of which only zombies are left, as there are where nobody reaps
// orphans, so their state is looked at. A look takes time for each process of the host, and is taken ever less often.
// `--` is left out before a group: dash and busybox refuse it.
const script = `
session=$1 signal=$2 rounds=$3
groups() {
  found=
  if [ -r /proc/self/stat ]; then
    for file in /proc/[0-9]*/stat; do
      { read -r line <"$file"; } 2>/dev/null || continue
      set -- \${line##*') '}
      [ "$4" = "$session" ] || [ "$3" = "$session" ] || continue
      case $1 in Z | X) continue ;; esac
      case " $found " in *" $3 "*) ;; *) found="$found $3" ;; esac
    done
  elif kill -0 -"$session" 2>/dev/null; then
    found=$session
  fi
}
send() {
  groups
  for group in $found; do kill -"$1" -"$group" 2>/dev/null; done
}
await() {
  pause=1 look=0
  while [ "$rounds" -gt 0 ]; do
    if [ "$look" -le 0 ]; then
      groups
      [ -n "$found" ] || exit 0
      look=$pause
      [ "$pause" -ge 8 ] || pause=$((pause * 2))
    fi
    if sleep 0.05 2>/dev/null; then spent=1; else sleep 1; spent=20; fi
    rounds=$((rounds - spent)) look=$((look - spent))
  done
}
send "$signal"
await
send KILL
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

// A grace period without an end is one of a day.
const rounds = (millis: number): string => String(Math.ceil(Math.min(Math.max(0, millis), 86_400_000) / 50))

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
