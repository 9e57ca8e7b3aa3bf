/**
 * Ends a process group on the host, from a shell of its own.
 */
import * as Option from "effect/Option"
import type { Stage } from "../protocol/Frame.js"

// The command leads a session, within which programs like `timeout` make groups of their own: on Linux they are looked up,
// and all are ended, if /proc is that of the shell's own process ids. `kill -0` still finds a group of which only zombies
// are left, as there are where nobody reaps orphans, so their state is looked at; a process of which only the first thread
// has ended is none. A look takes time for each process of the host, and is taken ever less often: `cat` reads in one go
// what `read` reads byte by byte. What is known of a process id is in variables named for it, each true in one turn only,
// so that a thousand sessions take little more than one. `--` is left out before a group: dash and busybox refuse it.
/**
 * For a script: `end_sessions ENTRY...` ends the sessions that processes began, each written `PID/START/ROUNDS`: TERM, and
 * KILL for what is left after so many rounds of 50 ms. START is when the process started (`-`: unknown); where another one
 * has its id by now, nothing is signalled. The script defines `say`, which is told `sent` when all have got their TERM, and
 * of each `ended ENTRY`, or `left ENTRY` if even KILL did not end it; and `wanted`, which is false once nobody waits for
 * that. `look`, `over` and `begun`, which tell of a process, are for the script too.
 *
 * @internal
 */
export const endSessions = `
proc=
{ read -r pid line </proc/self/stat; } 2>/dev/null && [ "$pid" = "$$" ] && proc=1
parse() {
  fields=\${line#*') '}
  case $fields in *')'*) fields=\${line##*') '} ;; esac
  set -- $fields
  state=$1:\${18} parent=$2 group=$3 session=$4 start=\${20}
}
look() {
  { IFS= read -r line <"/proc/$1/stat"; } 2>/dev/null || return
  parse
}
over() { case $state in Z:[01] | X:*) ;; *) return 1 ;; esac; }
begun() {
  if [ -n "$proc" ]; then look "$1"; return; fi
  set -- $(LC_ALL=C ps -o lstart= -p "$1" 2>/dev/null)
  start=
  for word in "$@"; do start=\${start}_$word; done
  [ -n "$start" ]
}
found() {
  eval "live_$1=$turn; seen=\\$seen_$2; seen_$2=$turn"
  [ "$seen" = "$turn" ] || groups="$groups $1/$2"
}
weigh() {
  parse
  eval "one=\\$mine_$session other=\\$mine_$group"
  if [ "$one" = "$turn" ]; then one=$session; elif [ "$other" = "$turn" ]; then one=$group; else return; fi
  over || found "$one" "$group"
}
survey() {
  turn=$((turn + 1)) groups=
  for entry in $entries; do
    pid=\${entry%%/*} known=\${entry#*/}
    known=\${known%/*}
    if [ "$known" != - ] && begun "$pid" && [ "$start" != "$known" ]; then continue; fi
    if [ -n "$proc" ]; then eval "mine_$pid=$turn"; elif kill -0 -"$pid" 2>/dev/null; then found "$pid" "$pid"; fi
  done
  [ -n "$proc" ] || return 0
  set -f
  IFS='
'
  set -- $(set +f; cat /proc/[0-9]*/stat 2>/dev/null)
  IFS=' 	
'
  set +f
  for line in "$@"; do weigh; done
  [ $# -eq 0 ] || return 0
  for file in /proc/[0-9]*/stat; do
    { IFS= read -r line <"$file"; } 2>/dev/null && weigh
  done
}
send() { [ "$2" -le 1 ] || kill -"$1" -"$2" 2>/dev/null; }
announce() {
  rest=
  for entry in $entries; do
    pid=\${entry%%/*}
    eval "live=\\$live_$pid due=\\$due_$pid"
    if [ "$live" != "$turn" ]; then
      say ended "$entry"
    elif [ "$spent" -ge $((due + 2000)) ]; then
      say left "$entry"
    else
      rest="$rest $entry"
    fi
  done
  entries=$rest
  [ -n "$rest" ]
}
end_sessions() {
  entries=$* turn=0 spent=0
  for entry in $entries; do
    pid=\${entry%%/*} limit=$((\${entry##*/} * 50))
    eval "due=\\$due_$pid"
    [ -n "$due" ] && [ "$due" -le "$limit" ] || eval "due_$pid=$limit"
  done
  survey
  for one in $groups; do send TERM "\${one#*/}"; done
  say sent
  set -- 010 020 050 100 200 400
  while announce && wanted; do
    if sleep "0.$1" 2>/dev/null; then spent=$((spent + 1$1 - 1000)); else sleep 1; spent=$((spent + 1000)); fi
    [ $# -eq 1 ] || shift
    survey
    for one in $groups; do
      pid=\${one%/*}
      eval "due=\\$due_$pid killed=\\$killed_$pid"
      [ "$spent" -ge "$due" ] || continue
      send KILL "\${one#*/}"
      [ -n "$killed" ] || set -- 010 020 050 100 200 400
      eval "killed_$pid=1"
    done
  done
}
`

const script = `${endSessions}
say() { :; }
wanted() { :; }
end_sessions "$1/-/$2"
`

/**
 * TERM, and KILL for what is left after the grace period.
 *
 * @internal
 */
export const group = (pid: number, graceMillis: number): Stage =>
  plain(script, ["sh", String(pid), String(rounds(graceMillis))])

/**
 * A grace period without an end is one of a day.
 *
 * @internal
 */
export const rounds = (millis: number): number => Math.ceil(Math.min(Math.max(0, millis), 86_400_000) / 50)

/**
 * Sends one signal, and fails where the host knows none of that name. A group that is gone is none's fault.
 *
 * @internal
 */
export const signal = (pid: number, name: string): Stage =>
  plain(`kill -0 -"$1" 2>/dev/null || exit 0; kill -"$2" -"$1"`, ["sh", String(pid), name.replace(/^SIG/, "")])

/** @internal */
export const plain = (text: string, words: ReadonlyArray<string>): Stage => ({
  words: ["/bin/sh", "-c", text, ...words],
  directory: Option.none(),
  environment: [],
  clearEnvironment: false
})
