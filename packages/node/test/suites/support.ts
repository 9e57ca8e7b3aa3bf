import type { RemoteContext, RemoteFileSystem } from "@effect-remote/core"
import type { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { Transport } from "@effect-remote/core/Transport"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { Effect, Layer, Schedule } from "effect"
import { readFileSync } from "node:fs"

export interface Suite {
  readonly name: string
  readonly layer: Layer.Layer<
    RemoteContext.RemoteContext | RemoteFileSystem.RemoteFileSystem | Transport | Sshd.Sshd,
    RemoteConnectionError | Sshd.SshdError
  >
  /** What only some transports and servers can do. */
  readonly capabilities: {
    readonly exitSignal: boolean
    readonly halfClose: boolean
    /** Whether hundreds of connections at once are no burden: each is no process of its own. */
    readonly manyChannels: boolean
    readonly pty: boolean
    readonly remoteForward: boolean
    readonly unixSockets: boolean
  }
}

/** One `ssh` for each channel, to a server of its own. */
export const layerProcess = (options: Sshd.Options, change: Partial<OpenSsh.Options> = {}): Suite["layer"] =>
  Layer.unwrapEffect(
    Effect.map(Sshd.Sshd, ({ host }) => OpenSsh.layerProcess({ ...host, ...change }))
  ).pipe(Layer.provideMerge(Sshd.layer(options)))

/** One connection to a server of its own. */
export const layerConnection = (
  options: Sshd.Options,
  change: Partial<OpenSsh.ConnectionOptions> = {}
): Suite["layer"] =>
  Layer.unwrapEffect(
    Effect.map(Sshd.Sshd, ({ host }) => OpenSsh.layer({ ...host, ...change }))
  ).pipe(Layer.provideMerge(Sshd.layer(options)))

/** Words that shells, codecs and line readers trip over. */
export const nasty: ReadonlyArray<string> = [
  "",
  " ",
  "two words",
  "it's",
  "\"quoted\"",
  "line\nend",
  "\n",
  "trailing\n",
  "tab\tand\rreturn",
  "$HOME ${HOME} $(id) `id`",
  "*",
  "~",
  "~root",
  "-",
  "-n",
  "--",
  "!",
  "!!",
  "a!b",
  "\\",
  "back\\slash",
  "%s %d %%",
  "a;b&c|d<e>f(g){h}[i]#j",
  "ünïcödé 漢字 🚀",
  "not UTF-8: \udcff\udc80\udcfe",
  "\u0001\u001b\u007f",
  "\"$er_nl\""
]

// The guardian's own: it sleeps, too.
const ofGuardian = ({ group, parent }: Sshd.Process): boolean =>
  [parent, group].some((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("/tmp/.effect-remote-")
    } catch {
      return false
    }
  })

/** The programs of that name that our commands have started and that still run. */
export const running = (name: string) =>
  Effect.map(
    Effect.flatMap(Sshd.Sshd, (sshd) => sshd.processes),
    (processes) => processes.filter((process) => process.name === name && !ofGuardian(process))
  )

/**
 * Waits until so many programs of that name run; asks again without a pause, since the host tells nobody when it has
 * started one.
 */
export const untilRunning = (name: string, count: number) =>
  running(name).pipe(
    Effect.repeat({ until: (processes) => processes.length === count, schedule: Schedule.spaced("10 millis") }),
    Effect.timeout("20 seconds"),
    Effect.orDie
  )
