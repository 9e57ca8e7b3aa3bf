/**
 * Terminates process groups on the host, in a separate shell.
 */
import { type Script, script } from "./source.js"

// A command leads a session, in which programs like `timeout` create further process groups. On Linux, all groups of the
// session are looked up in /proc, if it shows the shell's own process ids. `kill -0` also finds a group of zombies. These
// remain on a host where no process reaps orphans, so the state of each process is read. A process is not a zombie while one
// of its threads runs.
//
// A survey takes time for each process of the host, so the time between two surveys grows. Facts about a process id are in
// variables with the id in their names, and valid for one survey. A thousand sessions thus take little longer than one.
// Groups have no `--` before them, because dash and busybox refuse it.
//
// A user chooses the names of processes, also with line ends and parentheses. Each stat is therefore attributed to the file
// that it was read from, and parsed after its last `)`, where the kernel alone writes. The only `eval`s are in `keep` and
// `recall`, on digits. For `kill`, group 1 means all processes of the user. One awk reads all processes of the host. mawk
// stops if a process ends meanwhile, so only an output with `end` is complete.
/**
 * Shell functions for a script. `end_sessions ENTRY...` terminates sessions by their leaders, each written
 * `PID/START/ROUNDS`. It sends TERM, and after ROUNDS times 50 ms KILL. START is the start time of the process (`-`:
 * unknown). If another process has this id now, it is not signalled.
 *
 * The script must define `say` and `wanted`. `say sent` is called after all TERMs were sent. `say ended ENTRY` is called for
 * each terminated session, and `say left ENTRY` for one that survived KILL. `wanted` fails if no process reads these reports
 * any more. `digits`, `keep`, `recall`, `look`, `over` and `begun` may be used by the script.
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
 * Whether a process group can be signalled. Group 1 cannot: for `kill`, it means all processes of the user.
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
 * Sends TERM to a process group, and KILL after the grace period.
 *
 * @internal
 */
export const group = (pid: number, graceMillis: number): Script =>
  script(endGroup, "sh", String(pid), String(rounds(graceMillis)))

/**
 * Converts a grace period to rounds of 50 ms. The maximum is one day.
 *
 * @internal
 */
export const rounds = (millis: number): number => Math.ceil(Math.min(Math.max(0, millis), 86_400_000) / 50)

/**
 * Sends one signal. Fails if the host does not know its name. Succeeds if the group has ended.
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
