import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as childProcess from "node:child_process"
import { randomUUID } from "node:crypto"
import * as fs from "node:fs/promises"
import * as os from "node:os"
import * as path from "node:path"
import type { Readable } from "node:stream"
import { SshdError } from "../../SshdError.js"

/**
 * The environment variable that marks the processes of a server's sessions. Descendants inherit it, even orphans.
 *
 * @internal
 */
export const markName = "EFFECT_REMOTE_SSHD_MARK"

// Starts the server (its arguments), finds its processes, and ends them all when its input ends. The input ends when the owner
// closes the scope or dies. Each command is a line. Each answer ends with a line that is a dot.
//
// The processes are frozen until no new one appears, then killed, so none can fork in between. Orphans are found by their mark,
// which needs /proc. Without /proc only descendants of the server are found. A user can put line ends and parentheses into the
// name of a process, so only the fields after the last `)` of a stat are trusted.
const script = `
LC_ALL=C; export LC_ALL
mark=$1 directory=$2 server= frozen=
shift 2
program=/
[ $# -eq 0 ] || program=\${1##*/}
exec 3>&2 2>/dev/null

if [ -r /proc/self/stat ]; then
  processes() {
    for file in /proc/[0-9]*; do
      stat=
      while IFS= read -r line; do stat=$line; done < "$file/stat"
      case $stat in *') '*) ;; *) continue ;; esac
      set -- \${stat##*) }
      case $1 in [ZX]) ;; *) printf '%s\\n' "\${file#/proc/} $2 $3" ;; esac
    done
  }
  name() { IFS= read -r name < "/proc/$1/comm"; }
else
  processes() {
    ps -A -o pid= -o ppid= -o pgid= -o stat= | while read -r pid parent group state; do
      case $state in Z*) ;; *) printf '%s\\n' "$pid $parent $group" ;; esac
    done
  }
  name() {
    name=$(ps -o comm= -p "$1")
    name=\${name##*/}
  }
fi

marked() {
  for file in $(grep -lsF -- "$mark" /proc/[0-9]*/environ); do
    file=\${file#/proc/}
    printf '%s ' "\${file%/environ}"
  done
}

family() {
  known=" $server $(marked)" size=0
  list=$(processes)
  while [ \${#known} -ne $size ]; do
    size=\${#known}
    while read -r pid parent group; do
      case $known in
        *" $pid "*) ;;
        *" $parent "* | *" $group "*) known="$known$pid " ;;
      esac
    done << EOF
$list
EOF
  done
  printf '%s\\n' "$list" | while read -r pid parent group; do
    [ "$pid" = "$server" ] || case $known in *" $pid "*) name "$pid" && printf '%s\\n' "$pid $parent $group $name" ;; esac
  done
}

end() {
  rounds=0
  while
    victims=$(family | while read -r pid rest; do printf '%s ' "$pid"; done)
    [ -n "$victims" ] && [ $rounds -lt 200 ]
  do
    rounds=$((rounds + 1))
    if [ "$victims" = "$frozen" ]; then
      kill -KILL $victims
    else
      kill -STOP $victims
      frozen=$victims
    fi
  done
  [ -z "$server" ] || wait "$server"
}

while read -r command; do
  case $command in
    start)
      { "$@"; printf '%s\\n' "$program ended with status $?" >&2; } < /dev/null > /dev/null 2>&3 3>&- &
      server=$!
      ;;
    drop)
      family | while read -r pid parent group name; do
        case $parent:$name in
          "$server:"*) ;;
          *":$program"*) kill -KILL "$pid" ;;
        esac
      done
      ;;
    list)
      family | while read -r pid parent group name; do
        case $name in "$program"*) ;; *) printf '%s\\n' "$pid $parent $group $name" ;; esac
      done
      ;;
  esac
  echo .
done
end
rm -rf -- "$directory"
`

/** @internal */
export interface Keeper {
  readonly pid: number
  /** A private directory, removed with the scope. */
  readonly directory: string
  /** The value of the environment variable `markName` that sessions are to have. */
  readonly mark: string
  /** The server's stderr. */
  readonly stderr: Readable
  /**
   * - `start`: starts the server. When it ends by itself, `PROGRAM ended with status N` is the last line on `stderr`.
   * - `drop`: kills the processes that serve connections.
   * - `list`: lists the processes of the sessions, as lines `PID PARENT GROUP NAME`.
   */
  readonly request: (command: "start" | "drop" | "list") => Effect.Effect<ReadonlyArray<string>, SshdError>
}

// A machine under load needs seconds to find and end all processes.
const endedWithin = "30 seconds"

const failed = (detail: string, cause?: unknown) => new SshdError({ reason: "StartFailed", detail, cause })

const directory = Effect.acquireRelease(
  Effect.tryPromise({
    try: () => fs.mkdtemp(path.join(os.tmpdir(), "effect-remote-sshd-")),
    catch: (cause) => failed("no temporary directory could be made", cause)
  }),
  (name) => Effect.ignoreLogged(Effect.tryPromise(() => fs.rm(name, { recursive: true, force: true })))
)

type Child = childProcess.ChildProcessWithoutNullStreams

const start = (args: ReadonlyArray<string>): Effect.Effect<Child, SshdError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Child, SshdError>((resume) => {
      // in a session of its own, so that a ^C in the terminal ends the tests and lets it clean up
      const child = childProcess.spawn("/bin/sh", ["-c", script, "keeper", ...args], {
        cwd: "/",
        detached: true
      })
      child.stdin.on("error", () => {})
      child.on("error", (cause) => resume(Effect.fail(failed("/bin/sh could not be started", cause))))
      child.once("spawn", () => resume(Effect.succeed(child)))
    }),
    (child) => {
      const ended = Effect.async<void>((resume) => {
        if (child.exitCode !== null || child.signalCode !== null) return resume(Effect.void)
        child.once("exit", () => resume(Effect.void))
        child.stdin.end()
      })
      const warning =
        `The keeper of a test server (process ${child.pid}) has not ended within ${endedWithin}: what it started may still run`
      // In a fiber of its own, which no interruption of the owner reaches.
      return ended.pipe(
        Effect.interruptible,
        Effect.timeoutOption(endedWithin),
        Effect.flatMap((done) => Option.isSome(done) ? Effect.void : Effect.logWarning(warning)),
        Effect.forkDaemon,
        Effect.flatMap(Fiber.join),
        Effect.uninterruptible
      )
    }
  )

/**
 * Starts a small `/bin/sh` that outlives its owner long enough to end all processes of the server.
 *
 * @internal
 */
export const make = (
  server: (directory: string) => ReadonlyArray<string>
): Effect.Effect<Keeper, SshdError, Scope.Scope> =>
  Effect.gen(function*() {
    const privateDirectory = yield* directory
    const mark = randomUUID()
    const child = yield* start([mark, privateDirectory, ...server(privateDirectory)])
    const turn = yield* Effect.makeSemaphore(1)
    let answer: { readonly lines: Array<string>; readonly done: Deferred.Deferred<void, SshdError> } | undefined
    let rest = ""

    child.stdout.on("data", (chunk: Buffer) => {
      const pieces = (rest + chunk.toString("latin1")).split("\n")
      rest = pieces.pop() ?? ""
      for (const line of pieces) {
        if (answer === undefined) continue
        if (line === ".") Deferred.unsafeDone(answer.done, Effect.void)
        else answer.lines.push(line)
      }
    })
    child.once("exit", () => {
      if (answer !== undefined) Deferred.unsafeDone(answer.done, failed("its keeper has ended"))
    })

    return {
      pid: child.pid ?? 0,
      directory: privateDirectory,
      mark,
      stderr: child.stderr,
      request: (command) =>
        turn.withPermits(1)(Effect.uninterruptible(Effect.gen(function*() {
          if (child.exitCode !== null || child.signalCode !== null) return yield* failed("its keeper has ended")
          answer = { lines: [], done: yield* Deferred.make<void, SshdError>() }
          child.stdin.write(`${command}\n`)
          yield* Deferred.await(answer.done)
          const { lines } = answer
          answer = undefined
          return lines
        })))
    }
  })
