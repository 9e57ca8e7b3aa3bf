/**
 * Ends a process group on the host, from a shell of its own.
 */
import { type Script, script } from "./source.js"

// The command leads a session, within which programs like `timeout` make groups of their own: on Linux they are looked up,
// and all are ended, if /proc is that of the shell's own process ids. `kill -0` still finds a group of zombies, which stay on a
// host without a process that reaps orphans, so the state of each process is read. A process of which only the first thread
// has ended is not a zombie. A look takes time for each process of the host, and is taken ever less often. The facts about a
// process id are in variables named for it, each true in one turn only, so that a thousand sessions take little more than
// one. `--` is left out before a group: dash and busybox refuse it.
//
// Any user can name a process, with line ends and parentheses in the name. So each stat belongs to the file that it was read
// from, and counts from the last `)`, after which the kernel alone writes. `keep` and `recall` hold the only `eval`s, of
// digits. To `kill`, group 1 is all that this user runs. One awk reads the whole host; mawk stops when a process ends just
// then, so it must have said `end`.
/**
 * For a script: `end_sessions ENTRY...` ends the sessions that processes began, each written `PID/START/ROUNDS`. It sends TERM,
 * and KILL to the rest after ROUNDS times 50 ms. START is when the process started (`-`: unknown); if another process has its
 * id by now, nothing is signalled. The script defines `say` and `wanted`. `say` is called with `sent` when all have got their
 * TERM, and with `ended ENTRY` for each, or `left ENTRY` if even KILL did not end it. `wanted` is false once nobody waits for
 * that. `digits`, `keep`, `recall`, `look`, `over` and `begun` are for the script too.
 *
 * @internal
 */
export const endSessions = `
proc=
{ read -r pid line </proc/self/stat; } 2>/dev/null && [ "$pid" = "$$" ] && proc=1
digits() { case $1 in '' | *[!0123456789]*) return 1 ;; esac; }
keep() {
  case $2 in '' | *[!0123456789]*) return 1 ;; esac
  eval "$1_$2=\\$3"
}
recall() {
  value=
  case $2 in '' | *[!0123456789]*) return 1 ;; esac
  eval "value=\\$$1_$2"
}
parse() {
  case $line in *') '*) ;; *) return 1 ;; esac
  set -- \${line##*') '}
  [ $# -ge 20 ] && digits "$2" && digits "$3" && digits "$4" && digits "\${20}" || return
  state=$1:\${18} parent=$2 group=$3 session=$4 start=\${20}
}
look() {
  name= line=
  { while IFS= read -r next; do name=\${name:-"$next"} line=$next; done <"/proc/$1/stat"; } 2>/dev/null
  name=\${name#*'('}
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
found() { keep live "$1" "$turn" && digits "$2" && groups="$groups $1/$2"; }
survey() {
  turn=$((turn + 1)) groups= leaders=
  for entry in $entries; do
    pid=\${entry%%/*} known=\${entry#*/}
    known=\${known%/*}
    if [ "$known" != - ] && begun "$pid" && [ "$start" != "$known" ]; then continue; fi
    if [ -n "$proc" ]; then leaders="$leaders $pid"; elif kill -0 -"$pid" 2>/dev/null; then found "$pid" "$pid"; fi
  done
  [ -n "$leaders" ] || return 0
  set -- $(for one in $leaders /proc/[0-9]*; do echo "$one"; done | LC_ALL=C awk '
    /^[0-9]+$/ { leads[$0]; next }
    {
      file = $0 "/stat"
      line = ""
      while ((getline part <file) > 0) line = part
      close(file)
      if (!sub(/.*[)] /, "", line) || split(line, field, " ") < 20) next
      if (field[1] == "X" || field[1] == "Z" && field[18] < 2) next
      if (field[4] in leads) one = field[4]; else if (field[3] in leads) one = field[3]; else next
      if (!(field[3] in seen)) print one "/" field[3]
      seen[field[3]]
    }
    END { print "end" }
  ' 2>/dev/null)
  while [ $# -gt 1 ]; do
    found "\${1%/*}" "\${1#*/}"
    shift
  done
  [ "$1" != end ] || return 0
  groups=
  for file in /proc/[0-9]*; do
    look "\${file#/proc/}" && ! over || continue
    case "$leaders " in *" $session "*) one=$session ;; *" $group "*) one=$group ;; *) continue ;; esac
    case "$groups " in *" $one/$group "*) ;; *) found "$one" "$group" ;; esac
  done
}
send() { [ "$2" -le 1 ] || kill -"$1" -"$2" 2>/dev/null; }
announce() {
  rest=
  for entry in $entries; do
    pid=\${entry%%/*}
    recall due "$pid"
    due=$value
    recall live "$pid"
    if [ "$value" != "$turn" ]; then
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
  entries= turn=0 spent=0
  for entry in "$@"; do
    pid=\${entry%%/*} limit=\${entry##*/}
    case $entry in *[!A-Za-z0-9:_/-]* | *" "* | */*/*/*) continue ;; */*/*) ;; *) continue ;; esac
    digits "$pid" && digits "$limit" && [ "$pid" -gt 1 ] || continue
    entries="$entries $entry" limit=$((limit * 50))
    recall due "$pid"
    [ -n "$value" ] && [ "$value" -le "$limit" ] || keep due "$pid" "$limit"
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
      recall due "$pid"
      [ "$spent" -ge "$value" ] || continue
      send KILL "\${one#*/}"
      recall killed "$pid"
      [ -n "$value" ] || set -- 010 020 050 100 200 400
      keep killed "$pid" 1
    done
  done
}
`

/**
 * Whether a process can be signalled by its group. Process 1 cannot: to `kill`, group 1 is all that this user runs.
 *
 * @internal
 */
export const leadsGroup = (pid: number): boolean => pid > 1

const endGroup = `${endSessions}
say() { :; }
wanted() { :; }
end_sessions "$1/-/$2"
`

/**
 * TERM, and KILL for what is left after the grace period.
 *
 * @internal
 */
export const group = (pid: number, graceMillis: number): Script =>
  script(endGroup, "sh", String(pid), String(rounds(graceMillis)))

/**
 * A grace period without an end is one of a day.
 *
 * @internal
 */
export const rounds = (millis: number): number => Math.ceil(Math.min(Math.max(0, millis), 86_400_000) / 50)

/**
 * Sends one signal, and fails if the host does not know its name. A group that is gone is not a failure.
 *
 * @internal
 */
export const signal = (pid: number, name: string): Script =>
  script(
    `[ "$1" -gt 1 ] && kill -0 -"$1" 2>/dev/null || exit 0; kill -"$2" -"$1"`,
    "sh",
    String(pid),
    name.replace(/^SIG/, "")
  )
