import type { RemoteContext, RemoteFileSystem } from "@effect-remote/core"
import type { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { Transport } from "@effect-remote/core/Transport"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { Effect, Layer, Schedule } from "effect"

export interface Suite {
  readonly name: string
  readonly layer: Layer.Layer<
    RemoteContext.RemoteContext | RemoteFileSystem.RemoteFileSystem | Transport | Sshd.Sshd,
    RemoteConnectionError | Sshd.SshdError
  >
  /** What only some transports and servers can do. */
  readonly capabilities: { readonly exitSignal: boolean; readonly halfClose: boolean; readonly pty: boolean }
}

/** One `ssh` for each channel, to a server of its own. */
export const layerProcess = (options: Sshd.Options, change: Partial<OpenSsh.Options> = {}): Suite["layer"] =>
  Layer.unwrapEffect(
    Effect.map(Sshd.Sshd, ({ host }) => OpenSsh.layerProcess({ ...host, ...change }))
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

const programs = Effect.flatMap(Sshd.Sshd, (sshd) => sshd.processes)

/** The programs of that name that sessions have started and that still run. */
export const running = (name: string) =>
  Effect.map(programs, (processes) => processes.filter((process) => process.name === name))

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
