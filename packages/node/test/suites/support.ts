import type { RemoteContext, RemoteFileSystem } from "@effect-remote/core"
import type { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { Transport } from "@effect-remote/core/Transport"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { Cause, Effect, Layer } from "effect"
import * as Fs from "node:fs"
import * as Net from "node:net"

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

/** Has temporary files made in a directory of their own. */
export const withTemporaryDirectory = (path: string) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const { TMPDIR } = process.env
      Fs.mkdirSync(path, { recursive: true })
      process.env.TMPDIR = path
      return TMPDIR
    }),
    () => effect,
    (before) =>
      Effect.sync(() => {
        if (before === undefined) delete process.env.TMPDIR
        else process.env.TMPDIR = before
      })
  )

/** A server on loopback that sends back what it gets. */
export const echoPort = Effect.map(
  Effect.acquireRelease(
    Effect.async<Net.Server>((resume) => {
      const server = Net.createServer({ allowHalfOpen: true }, (socket) => {
        socket.on("error", () => {})
        socket.pipe(socket)
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => void server.close())
  ),
  (server) => (server.address() as Net.AddressInfo).port
)

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

// The guardian sleeps too, for some seconds at a time; what the tests start sleeps for longer. One that is gone is nobody's.
const ofGuardian = ({ name, pid }: Sshd.Process): boolean => {
  if (name !== "sleep") return false
  try {
    const [, seconds] = Fs.readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0")
    return !(Number(seconds) > 60)
  } catch {
    return true
  }
}

/** The programs of that name that our commands have started and that still run. */
export const running = (name: string) =>
  Effect.map(
    Effect.flatMap(Sshd.Sshd, (sshd) => sshd.processes),
    (processes) => processes.filter((process) => process.name === name && !ofGuardian(process))
  )

/** Asks until the answer is a good one, for what nobody tells when it happens. */
export const eventually = <A, E, R>(ask: Effect.Effect<A, E, R>, isGood: (answer: A) => boolean) => {
  let last: A | undefined
  const again: Effect.Effect<A, E, R> = Effect.flatMap(ask, (answer) => {
    last = answer
    return isGood(answer) ? Effect.succeed(answer) : Effect.delay(again, "10 millis")
  })
  return Effect.timeoutFailCause(again, {
    duration: "20 seconds",
    onTimeout: () => Cause.die(`no good answer came in 20 seconds, the last one was ${JSON.stringify(last)}`)
  })
}

/** Waits until so many programs of that name run. */
export const untilRunning = (name: string, count: number) =>
  eventually(running(name), (processes) => processes.length === count)
