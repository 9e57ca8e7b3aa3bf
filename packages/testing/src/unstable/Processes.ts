/**
 * The processes of this machine, as `/proc` shows them. A process may end between two reads, and another user's process may
 * be unreadable. Such a process has no entries here, and no function fails because of it.
 *
 * Unstable: shared by the tests of this repository, and may change in any release.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import type * as Sshd from "../Sshd.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Process {
  readonly pid: number
  readonly parent: number
  /** Id of its session: the id of the process that began it. */
  readonly session: number
  /** The command line. */
  readonly words: ReadonlyArray<string>
}

const attempt = <A>(read: () => A, otherwise: A): A => {
  try {
    return read()
  } catch {
    return otherwise
  }
}

const directory = (path: string): ReadonlyArray<string> => attempt(() => Fs.readdirSync(path), [])

/**
 * Reads a file of `/proc`, byte by byte as Latin-1. It is empty if the process has ended or the machine lacks the file.
 *
 * @since 0.1.0
 * @category getters
 */
export const read = (path: string): string => attempt(() => Fs.readFileSync(path, "latin1"), "")

/**
 * The words of a process's command line. None if it has ended, or has not yet started its program.
 *
 * @since 0.1.0
 * @category getters
 */
export const commandLine = (pid: number): ReadonlyArray<string> => {
  const text = read(`/proc/${pid}/cmdline`)
  return text === "" ? [] : text.replace(/\0$/, "").split("\0")
}

// In a container nobody may reap orphans, so ended processes stay in the list.
const statOf = (pid: number): ReadonlyArray<string> | undefined => {
  const stat = read(`/proc/${pid}/stat`)
  const fields = stat.slice(stat.lastIndexOf(") ") + 2).split(" ")
  return stat === "" || /[ZX]/.test(fields[0]!) ? undefined : fields
}

const pids = (): ReadonlyArray<number> => directory("/proc").filter((name) => /^\d+$/.test(name)).map(Number)

/**
 * All running processes.
 *
 * @since 0.1.0
 * @category getters
 */
export const all = (): ReadonlyArray<Process> =>
  pids().flatMap((pid) => {
    const [, parent, , session] = statOf(pid) ?? []
    return session === undefined
      ? []
      : [{ pid, parent: Number(parent), session: Number(session), words: commandLine(pid) }]
  })

/**
 * Whether a process runs. A process that has ended does not count, though its parent has not waited for it. On a machine
 * without `/proc` it does count.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isRunning = (pid: number): boolean =>
  Fs.existsSync("/proc/self/stat") ? statOf(pid) !== undefined : attempt(() => process.kill(pid, 0), false)

/**
 * The targets of a process's descriptors: paths, and names such as `socket:[1]`.
 *
 * @since 0.1.0
 * @category getters
 */
export const descriptors = (pid: number): ReadonlyArray<string> =>
  directory(`/proc/${pid}/fd`).flatMap((fd) => attempt(() => [Fs.readlinkSync(`/proc/${pid}/fd/${fd}`)], []))

/**
 * The targets of the descriptors of all processes that can be inspected.
 *
 * @since 0.1.0
 * @category getters
 */
export const allDescriptors = (): ReadonlyArray<string> => pids().flatMap(descriptors)

/**
 * Whether a process is the pause of a guardian. A guardian sleeps for a minute at most, and tests sleep for longer. A process
 * that has ended since counts as one too.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isGuardians = ({ name, pid }: Pick<Sshd.Process, "name" | "pid">): boolean =>
  name === "sleep" && !(Number(commandLine(pid)[1]) > 60)

/**
 * The running processes that sessions of a server have started, without pauses of guardians.
 *
 * @since 0.1.0
 * @category getters
 */
export const started = ({ processes }: Sshd.Sshd): Effect.Effect<ReadonlyArray<Sshd.Process>> =>
  Effect.map(processes, (all) => all.filter((process) => !isGuardians(process)))

/**
 * The running programs of one name that sessions of a server have started, without pauses of guardians.
 *
 * @since 0.1.0
 * @category getters
 */
export const running = (server: Sshd.Sshd, name: string): Effect.Effect<ReadonlyArray<Sshd.Process>> =>
  Effect.map(started(server), (all) => all.filter((process) => process.name === name))

/**
 * Whether OpenSSH's server can open pseudo-terminals. An ordinary user's server cannot give a terminal to the group tty (gid
 * 5), so the mount must do it.
 *
 * @since 0.1.0
 * @category predicates
 */
export const hasTerminals = (): boolean => process.getuid?.() === 0 || /^devpts .*\bgid=5\b/m.test(read("/proc/mounts"))
