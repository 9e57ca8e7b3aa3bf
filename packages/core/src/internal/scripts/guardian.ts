/**
 * The guardian: a `/bin/sh` for each connection, in its own session on the host. The running commands are registered with
 * it. It terminates a command on request, and all of them when the client is gone. `unstable/Guardian` defines its messages
 * on stdin and stdout.
 *
 * The *main* process reads lines from a FIFO in a private directory. A command registers itself there during its launch
 * (`er_guard` in `launch.ts`). The channel runs the *relay*, which forwards the client's lines and the end of its stdin. The
 * *ticker* writes a line at each interval. The *enders* terminate processes, so that main never blocks.
 */
import { type Script, script } from "./source.js"
import { endSessions, rounds } from "./terminate.js"

// Each command has a variable with its process id in the name, and the value `FLAG/START`. Adding and removing a command
// thus takes constant time. `list` has the ids, and `sweep` cleans it at each tick. FLAG is `end`, `keep`, or `ending`
// during its termination. A removed command is `gone` until the next sweep. START distinguishes a process from a later one
// with the same id. START `none` matches no process.
const commands = `
alive() {
  if [ -z "$proc" ]; then kill -0 "$1"; return; fi
  look "$1" && { [ "$2" = - ] || [ "$2" = "$start" ]; } && ! over
}
foreign() {
  case $pid in '' | *[!0-9]* | 0* | 1 | ????????* | "$$" | "$own_session" | "$own_group") return 1 ;; esac
  case $from in '' | -?* | *[!A-Za-z0-9:_-]*) return 1 ;; esac
}
remember() {
  [ "$from" = - ] || return 0
  if begun "$pid"; then from=$start; elif [ -n "$proc" ] || ! kill -0 "$pid"; then from=none; fi
}
get() {
  recall group "$pid"
  entry=\${value#gone}
}
put() {
  recall group "$pid"
  keep group "$pid" "\${1:-gone}"
  [ -n "$value" ] || list="$list $pid"
}
sweep() {
  rest=
  for pid in $list; do
    get
    case $detached$entry in 1end/* | 1keep/*) alive "$pid" "\${entry#*/}" || entry= ;; esac
    if [ -n "$entry" ]; then rest="$rest $pid"; else unset "group_$pid"; fi
  done
  list=$rest
}
idle() {
  [ "$enders" -eq 0 ] && [ -z "$queue" ] || return
  [ -z "$closing" ] || return 0
  for pid in $list; do
    get
    case $entry in end*) return 1 ;; esac
  done
}
`

// Only main reads the FIFO, so a write to file descriptor 4 fails once main has exited. An ender checks this with an empty
// line. main must not block on a full FIFO, so it sends lines to itself through a child (`later`). These arrive after
// everything already written: main reads the relay's last lines before `orphan`, and all registrations before `last`.
//
// A newly forked child loses a signal for which its parent has a trap. The ticker is therefore signalled until it exits. It
// kills its `sleep` with KILL, which is never lost. The signal may arrive before the id of the `sleep` is known. On a busy
// host the ticker reacts late. If it must be killed, its `sleep` remains.
//
// Outputs are closed with `exec`, because some shells keep a copy of the file descriptor for other redirections.
const children = `
later() { (echo "$1" >&4 &) }
tick() {
  exec >/dev/null 3<&-
  nap= stop=
  trap 'stop=1; [ -z "$nap" ] || kill -KILL "$nap"' TERM
  while :; do
    sleep "$1" 4>&- &
    nap=$!
    [ -z "$stop" ] || kill -KILL "$nap"
    wait "$nap"
    nap=
    [ -z "$stop" ] && echo tick >&4 || exit
  done
}
every() {
  signal=TERM told=0
  while [ "$told" -le 200 ] && [ -n "$ticker" ] && alive "$ticker" "$ticker_start"; do
    [ "$told" -lt 200 ] || signal=KILL
    kill -"$signal" "$ticker"
    told=$((told + 1))
    sleep 0
  done
  ticker=
  [ $# -gt 0 ] || return 0
  tick "$1" &
  ticker=$! start=-
  begun "$ticker"
  ticker_start=$start
}
say() { echo "$*" >&4; }
wanted() { echo >&4; }
ender() {
  exec >/dev/null 3<&-
  end_sessions "$@"
  say over "\${closing:-0}"
}
`

// `served` succeeds if the connection has transferred data since the last call. sshd sleeps between packets. When it wakes,
// the counts of its context switches in /proc/PID/status grow. The client's ssh wakes it with each keepalive and with all
// data, even if the client program is busy, or its beat waits for an upload. See docs/decisions/0017.
//
// Output of a command also wakes sshd, even on a dead link. There, the kernel retransmits unacknowledged data, and counts
// the retransmissions in the 7th column of /proc/net/tcp. The socket is found by its ports. Without it, only the context
// switches count.
const connection = `
carried() {
  set -- $SSH_CONNECTION
  case $2/$4 in [1-9]*/[1-9]*) ;; *) return 0 ;; esac
  case $2$4 in *[!0-9]* | ???????????*) return 0 ;; esac
  set -- "$(printf ': [0-9A-F]*:%04X [0-9A-F]*:%04X 01 ' "$4" "$2")"
  case $(grep -h "$1" /proc/net/tcp /proc/net/tcp6) in '' | *' 00000000 '*) ;; *) return 1 ;; esac
}
served() {
  [ -n "$sshd" ] && alive "$sshd" "$sshd_start" || return
  before=$woken woken=
  while IFS= read -r line; do
    case $line in *voluntary_ctxt_switches:*) woken=$woken/\${line##*[!0-9]} ;; esac
  done <"/proc/$sshd/status"
  [ -n "$before" ] && [ -n "$woken" ] && [ "$before" != "$woken" ] && carried
}
`

// While an ender has not sent its TERMs, further requests are queued. With a thousand concurrent requests, one survey of the
// host's processes then serves many of them. Without such an ender, a request starts one at once.
//
// When main closes, it terminates all registered commands again, with its own grace period. This includes the commands of
// earlier enders. main therefore waits only for the later enders, for at most 30 seconds, because one of them may be killed.
const main = `
flush() {
  busy=1 enders=$((enders + 1))
  (ender $queue &)
  queue=
}
add() {
  remember
  put "$more/$from"
  case $closing$more in
    1end)
      queue="$queue $pid/$from/$grace"
      flush
      ;;
  esac
}
end_one() {
  get
  case $from$entry in -?*) from=\${entry#*/} ;; *) remember ;; esac
  case $entry in '' | */"$from") put "ending/$from" ;; esac
  queue="$queue $pid/$from/$more"
  [ -n "$busy" ] || flush
}
ended() {
  pid=\${1%%/*} from=\${1#*/}
  digits "$pid" || return
  from=\${from%/*}
  get
  case $2$closing$entry in
    ended*/"$from") put '' ;;
    left1*/"$from") put '' ;;
    left*/"$from") put "end/$from" ;;
  esac
  [ "$2" != ended ] || echo "ended $pid"
}
finish() {
  clean
  every
  [ -z "$silent" ] || ! alive "$$" "$leader" || kill "$$"
  exit 0
}
leave() {
  clean
  later last
}
close() {
  closing=1 enders=0 ticks=0
  every 1
  for pid in $list; do
    get
    case $entry in end*) queue="$queue $pid/\${entry#*/}/$grace" ;; esac
  done
  if [ -n "$queue" ]; then flush; else leave; fi
}
detach() {
  detached=1
  echo detached
  exec >/dev/null
  every 1
}
ticked() {
  [ -z "$queue" ] || flush
  sweep
  if [ -n "$closing" ]; then
    ticks=$((ticks + 1))
    [ "$ticks" -lt 30 ] || finish
  elif [ -n "$detached" ]; then
    alive "$sshd" "$sshd_start" || close
  else
    quiet=$((quiet + 1))
    [ "$silence" -eq 0 ] || ! served || quiet=0
    if [ "$silence" -gt 0 ] && [ "$quiet" -ge "$silence" ]; then
      silent=1
      echo silent
      close
    elif ! alive "$$" "$leader"; then
      later orphan
    fi
  fi
}
main() {
  exec </dev/null 3<>"$fifo" 4>"$fifo"
  trap 'silent=1; finish' TERM
  list= queue= busy= enders=0 quiet=0 woken= detached= closing= silent= ticker=
  every "$interval"
  while :; do
    read -r verb pid from more rest <&3 || { sleep 1; continue; }
    case $verb in
      beat) quiet=0 ;;
      add) case $more in end | keep) ! foreign || add ;; esac ;;
      done)
        from=-
        ! foreign || { get; case $entry in end/* | keep/*) put '' ;; esac; }
        ;;
      end) case $more in '' | 0?* | *[!0-9]* | ????????*) ;; *) ! foreign || end_one ;; esac ;;
      tick) ticked ;;
      sent)
        busy=
        [ -z "$queue" ] || flush
        ;;
      ended | left) ended "$pid" "$verb" ;;
      over)
        [ "$pid" != "\${closing:-0}" ] || enders=$((enders - 1))
        [ -z "$closing" ] || ! idle || leave
        ;;
      last) ! idle || finish ;;
      quit) finish ;;
      retire)
        [ "$from" != - ] && foreign && alive "$pid" "$from" && kill "$pid"
        ;;
      detach)
        [ -z "$detached$closing" ] || continue
        [ -n "$sshd" ] || { echo undetachable; finish; }
        detach
        ;;
      orphan)
        [ -z "$detached$closing" ] || continue
        if [ -n "$sshd" ]; then detach; else close; fi
        ;;
      end-of-input) [ -n "$closing" ] || close ;;
    esac
  done
}
`

// The nearest ancestor `sshd` (since OpenSSH 9.8 `sshd-session`) or `dropbear` serves the connection, and lives as long as it.
// The session is free once its channel is closed.
//
// Everybody may write to the parent of the private directory. Its name therefore arrives on stdin, not in an argument that
// the process list shows. If a name is in use, the next one is tried. The directory is used and removed through the working
// directory. If another entry takes its name, nothing is written there, and at most an empty directory is removed.
//
// When a connection ends, sshd closes this session slightly before the others. The relay waits, so that the commands fail as
// lost and not because of a signal from the guardian.
const relay = `
umask 077
cd /
trap '' HUP PIPE INT
LC_ALL=C
export LC_ALL
silence=$2 interval=$3 fifo=./guardian grace=${rounds(5000)}
unable() {
  set -f
  echo unable $reason
  exit 1
}
clean() { rm -f "$fifo" && rmdir "$dir" || { rm -f "$fifo"; rmdir "$dir"; }; }
dir= reason='it was given no name'
IFS= read -r line
for free in \${line#claim }; do
  case $free in *[!0123456789abcdef]*) continue ;; esac
  reason=$(mkdir "$1$free" 2>&1) && dir=$1$free && break
done
[ -n "$dir" ] || unable
cd -P "$dir" && [ -O . ] || { reason="$dir was replaced"; unable; }
reason=$({ mkfifo "$fifo" && sleep 0 && : 3<>"$fifo"; } 2>&1) || { clean; unable; }
leader=- own_session= own_group= sshd=
if [ -n "$proc" ] && look "$$"; then
  leader=$start own_session=$session own_group=$group ancestor=$PPID
  while [ "$ancestor" -gt 1 ] && look "$ancestor"; do
    case $name in
      sshd* | dropbear*)
        sshd=$ancestor sshd_start=$start
        break
        ;;
    esac
    ancestor=$parent
  done
fi
main &
exec 4>"$fifo"
main=$! start=
begun "$main"
detachable=0
[ -z "$sshd" ] || detachable=1
echo "ready $detachable $free $main \${start:--}"
while IFS= read -r line; do
  case $line in
    *[!A-Za-z0-9:_' '-]*) ;;
    detach | quit)
      echo "$line" >&4
      exit 0
      ;;
    beat | 'add '* | 'done '* | 'end '* | 'retire '*)
      [ "\${#line}" -gt 100 ] || echo "$line" >&4 || break
      ;;
  esac
done
sleep 0.3 || sleep 1
echo end-of-input >&4 || clean
`

const program = endSessions + commands + children + connection + main + relay

// mksh keeps a copy of its initial stderr.
const launch = `exec /bin/sh -c "$0" sh "$@" 2>/dev/null`

/** @internal */
export interface Options {
  /** Beginning of the path of its directory. The rest is one of the names that it receives. */
  readonly prefix?: string
  /** Number of intervals without a beat after which the client counts as gone. 0: never. */
  readonly silence: number
  /** Interval of the ticker, in seconds. */
  readonly interval: number
}

/** @internal */
export const guardian = ({ interval, prefix = place, silence }: Options): Script =>
  script(launch, program, prefix, String(silence), String(interval))

// Every host has `/tmp`.
const place = "/tmp/.effect-remote-"

/**
 * The directory of a guardian with this name, which has 128 random bits.
 *
 * @internal
 */
export const directory = (name: string): string => place + name

/**
 * The FIFO with which a command registers itself.
 *
 * @internal
 */
export const fifo = (directory: string): string => `${directory}/guardian`
