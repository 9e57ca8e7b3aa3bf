/**
 * A server on this machine, as the conformance suite looks at it.
 */
import { LocalAddress } from "@effect-remote/core/LocalNetwork"
import { RemoteAddress } from "@effect-remote/core/Transport"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import type { Process, Sshd } from "../../Sshd.js"

/** @internal */
export const remote: (address: LocalAddress) => RemoteAddress = LocalAddress.$match({
  Tcp: ({ port }) => RemoteAddress.Tcp({ host: "localhost", port }),
  Unix: ({ path }) => RemoteAddress.Unix({ path })
})

/** @internal */
export const local: (address: RemoteAddress) => LocalAddress = RemoteAddress.$match({
  Tcp: ({ host, port }) => LocalAddress.Tcp({ host: host === "localhost" ? "127.0.0.1" : host, port }),
  Unix: ({ path }) => LocalAddress.Unix({ path })
})

/** @internal */
export const portOf = (address: LocalAddress | RemoteAddress): number => address._tag === "Tcp" ? address.port : 0

// Files of processes that have ended or of other users cannot be read.
const attempt = <A>(read: () => A, otherwise: A): A => {
  try {
    return read()
  } catch {
    return otherwise
  }
}

/**
 * Whether OpenSSH's server can open pseudo-terminals. An ordinary user's server cannot give a terminal to the group tty (gid 5),
 * so the mount must do it.
 *
 * @internal
 */
export const hasTerminals = (): boolean =>
  process.getuid?.() === 0 || /^devpts .*\bgid=5\b/m.test(attempt(() => Fs.readFileSync("/proc/mounts", "utf8"), ""))

/**
 * Capabilities of this machine and of a server on it.
 *
 * @internal
 */
export const capabilities = ({ kind }: Sshd) => ({
  pty: kind === "openssh" && hasTerminals(),
  jobs: true,
  specialFiles: ["/dev/full", "/dev/zero", "/proc/self"].every((path) => Fs.existsSync(path))
})

// The guardian sleeps too, for some seconds at a time; what the tests start sleeps for longer. A process that has ended
// is ignored.
const ofGuardian = ({ name, pid }: Process): boolean =>
  name === "sleep" && attempt(() => {
    const [, seconds] = Fs.readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0")
    return !(Number(seconds) > 60)
  }, true)

/**
 * The programs of that name that sessions have started and that still run.
 *
 * @internal
 */
export const running = ({ processes }: Sshd, name: string): Effect.Effect<ReadonlyArray<Process>> =>
  Effect.map(processes, (all) => all.filter((process) => process.name === name && !ofGuardian(process)))

const descriptors = (): ReadonlyArray<string> =>
  attempt(() => Fs.readdirSync("/proc"), []).filter((entry) => /^\d+$/.test(entry)).flatMap((pid) =>
    attempt(() => Fs.readdirSync(`/proc/${pid}/fd`), []).flatMap((descriptor) =>
      attempt(() => [Fs.readlinkSync(`/proc/${pid}/fd/${descriptor}`)], [])
    )
  )

// Of a guardian, of a shell that waits for the next command, and of files.
const staying = new Set(["sh", "dash", "sftp-server", "sshd"])

/**
 * Programs, and open files below a directory.
 *
 * @internal
 */
export const leftOpen = ({ processes }: Sshd, directory: string): Effect.Effect<ReadonlyArray<string>> =>
  Effect.map(processes, (all) => [
    ...all.filter((process) => !staying.has(process.name) && !ofGuardian(process)).map(({ name }) => name),
    ...descriptors().filter((target) => target.startsWith(directory))
  ])
