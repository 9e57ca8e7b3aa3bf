/**
 * The shell functions that the frame of a command calls (`unstable/Frame.ts`). They are an argument of `/bin/sh`, in one
 * line that every login shell passes unchanged. They must not contain single quotes, backslashes, exclamation marks or line
 * ends: see `quote.loginShell`.
 */
import { oneLine } from "./source.js"

const functions = oneLine(`
# Reports the step that failed. A failed exec exits with 126 or 127. Any other code is that of a builtin, which some shells
# such as mksh can exec. The command has run then.
er_fail() {
  er_code=$?
  trap - 0
  case $er_step$er_code in
    exec12[67]) ;;
    exec*) exit "$er_code";;
  esac
  echo "$er_marker $er_step $er_code" >&2
  [ -z "$er_index" ] || echo "$er_index:$er_code" >&3
  exit "$er_code"
}

# With execfail, bash returns from a failed exec like other shells.
er_begin() { er_step=setup; trap er_fail 0; shopt -s execfail 2>/dev/null; :; }

er_unguarded() { trap - 0; echo "$er_marker unguarded" >&2; exit 1; }

# er_guard FIFO FLAG registers this process with the guardian.
er_guard() {
  # Any user can create a directory of this name after the guardian has removed its own.
  { [ -O "\${1%/*}" ] && [ -p "$1" ]; } || er_unguarded
  [ -h "\${1%/*}" ] && er_unguarded
  er_start=-
  # Reads when this process started, if /proc shows the process ids that this shell sees.
  { IFS= read -r er_line </proc/self/stat; } 2>/dev/null && [ "\${er_line%% *}" = "$$" ] && {
    # The name of the process is in parentheses, and may contain any character.
    er_line=\${er_line#*")"}
    case $er_line in
      *")"*) er_line=\${er_line##*")"};;
    esac
    # IFS may be a variable of the command.
    er_ifs=$IFS
    IFS=" "
    set -- "$1" "$2" $er_line
    IFS=$er_ifs
    er_start=\${22}
  }
  # Opening the FIFO for reading and writing does not block.
  { echo "add $$ $er_start $2" 1<>"$1"; } 2>/dev/null || er_unguarded
}

# Reports process id 0 if this process leads no group: then no signal reaches all processes of the command.
er_started() {
  er_pid=$$
  kill -0 "-$$" 2>/dev/null || er_pid=0
  echo "$er_marker started $er_pid stdout" && echo "$er_marker started $er_pid stderr" >&2 || exit
}

er_terminal() { stty rows "$1" columns "$2" 2>/dev/null; :; }

er_directory() { er_step=directory; cd -P -- "$1" >/dev/null || exit; }

# Looks up env in the PATH of the login.
er_use_env() { er_step=environment; er_env=$(command -v env) || exit; }

# er_clear KEEP reads the names to drop from the output of env. A line within a value adds a wrong name. This is harmless,
# because names that the user has set are kept.
er_clear() { er_keep=$1; er_drop=$("$er_env" -u er_drop) || exit; }

# The shell exports the variables of the user, because arguments of env are visible in the process list.
er_environment() { er_step=environment; export "$1" || exit; }

er_find() {
  er_step=program
  command -v -- "$1" >/dev/null && return
  case $1 in
    */*) [ -e "$1" ] && exit 126;;
  esac
  exit 127
}

# er_which PROGRAM finds the path for env, which would look up a name in the new PATH. env reads a path with an equals sign
# as a variable.
er_which() {
  er_step=program
  er_path=
  case $1 in
    /*) er_path=$1;;
    */*) er_path=./$1;;
    *) set -f
      er_ifs=$IFS
      IFS=:
      for er_dir in $PATH; do
        er_path=\${er_dir:-.}/$1
        [ -f "$er_path" ] && [ -x "$er_path" ] && break
        er_path=
      done
      IFS=$er_ifs
      set +f;;
  esac
  [ -e "$er_path" ] || exit 127
  case $er_path in
    *=*) exit 126;;
  esac
  [ -f "$er_path" ] && [ -x "$er_path" ] || exit 126
}

er_exec() { er_step=exec; exec "$@"; er_fail; }

# er_with [NAME=VALUE...] PATH [WORD...] executes with env, which can set variables that are read-only in a shell. Its -u
# drops the variables of the login and those that shells add.
er_with() {
  er_step=exec
  er_ifs=$IFS
  IFS=$er_nl
  set -f
  for er_one in $er_drop; do
    er_name=\${er_one%%=*}
    case $er_one in
      =*) ;;
      *=*) case $er_keep in
        *" $er_name "*) ;;
        *) set -- -u "$er_name" "$@";;
      esac;;
    esac
  done
  set +f
  IFS=$er_ifs
  exec "$er_env" "$@"
  er_fail
}

# With pipefail, a shell runs each stage except the last, and writes INDEX:CODE to file descriptor 3. File descriptor 4 is
# the stdout of the whole pipeline.
er_stage() { er_index=$1; }
er_run() {
  ( er_index=; er_begin; "$@" ) 3>&- 4>&-
  er_code=$?
  trap - 0
  echo "$er_index:$er_code" >&3
  exit "$er_code"
}
er_last() { exec 3>&- 4>&-; }

# er_all COUNT runs the pipeline, of which COUNT stages write their codes. Code 137 is for a stage whose shell was killed
# before it wrote its code.
er_all() {
  exec 4>&1
  er_codes=$(exec 3>&1 >&4; er_pipeline)
  er_code=$?
  er_end=$er_code
  er_at=0
  er_count=0
  unset IFS
  for er_one in $er_codes; do
    er_count=$((er_count + 1))
    case $er_one in
      *:0|*:141) ;;
      *) [ "$er_end" -eq 0 ] && [ "\${er_one%%:*}" -gt "$er_at" ] && {
        er_at=\${er_one%%:*}
        er_code=\${er_one#*:}
      };;
    esac
  done
  [ "$er_code" -eq 0 ] && [ "$er_count" -lt "$1" ] && er_code=137
  [ "$er_code" -eq 0 ] || echo "$er_marker stages" $er_codes "$(($1 + 1)):$er_end" >&2
  exit "$er_code"
}
`)

const variables = [...new Set(functions.match(/\ber_\w+(?==| in )/g)), "er_frame", "er_marker", "er_nl"]

// The login may export variables with these names. `unset` also removes the export, so that a command does not get the
// marker.
const prelude = `unset -v ${variables.join(" ")}; ${functions}`

/**
 * Runs the script in its first argument, as the leader of a process group if the host has `setsid`. OpenSSH's server starts
 * each command as a leader. Dropbear's commands are all in the group of their connection. `kill` fails here if the group does
 * not exist. The shell's messages begin with its name, `/bin/sh`.
 *
 * @internal
 */
export const asLeader =
  `kill -0 "-$$" 2>/dev/null || { command -v setsid >/dev/null && exec setsid /bin/sh -c "$1" "$0"; }; eval "$1"`

/**
 * Defines the functions, and reads the frame from stdin.
 *
 * @internal
 */
export const fromStdin = `${prelude}; IFS= read -r er_frame && eval "$er_frame"`

/**
 * Defines the functions, and reads the frame from the first argument, which `printf %b` decodes.
 *
 * @internal
 */
export const fromArgument = `${prelude}; eval "$(printf %b "$1")"`

/**
 * Sets the variable that contains a line end, for frames with words that contain one.
 *
 * @internal
 */
export const lineEnd = `er_nl=$(echo; echo x); er_nl=\${er_nl%x}`
