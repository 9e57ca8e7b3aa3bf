import type { RemoteContext, RemoteFileSystem } from "@effect-remote/core"
import { findConnectionError, type RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { Transport } from "@effect-remote/core/Transport"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { Cause, Effect, Layer, Option } from "effect"
import * as Fs from "node:fs"
import * as Net from "node:net"
import { commandLine } from "../fixtures/processes.js"

export interface Suite {
  readonly name: string
  readonly layer: Layer.Layer<
    RemoteContext.RemoteContext | RemoteFileSystem.RemoteFileSystem | Transport | Sshd.Sshd,
    RemoteConnectionError | Sshd.SshdError
  >
}

/** One `ssh` for each channel, to a server of its own. */
export const layerProcess = (options: Sshd.Options, change: Partial<OpenSsh.ProcessOptions> = {}): Suite["layer"] =>
  Layer.unwrapEffect(
    Effect.map(Sshd.Sshd, ({ host }) => OpenSsh.layerProcess({ ...host, ...change }))
  ).pipe(Layer.provideMerge(Sshd.layer(options)))

/** One connection to a server of its own. */
export const layerConnection = (
  options: Sshd.Options,
  change: Partial<OpenSsh.Options> = {}
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

/** Repeats an effect whose connection was lost: a use that starts before the loss is noticed may be lost too. */
export const unlessLost = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.retry(effect, {
    while: (error) => Option.exists(findConnectionError(error), ({ reason }) => reason === "ConnectionLost")
  })

/** Asks until the answer is good, for changes that no event reports. Dies after 20 seconds. */
export const eventually = <A, E, R>(
  ask: Effect.Effect<A, E, R>,
  isGood: (answer: A) => boolean
): Effect.Effect<A, E, R> => {
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

// The guardian sleeps too, for some seconds at a time; what the tests start sleeps for longer. A process that has ended has
// no command line any more.
const isGuardians = ({ name, pid }: Sshd.Process): boolean => name === "sleep" && !(Number(commandLine(pid)[1]) > 60)

/** The running programs with that name that our commands have started. */
export const running = (name: string): Effect.Effect<ReadonlyArray<Sshd.Process>, never, Sshd.Sshd> =>
  Effect.flatMap(
    Sshd.Sshd,
    ({ processes }) =>
      Effect.map(processes, (all) => all.filter((process) => process.name === name && !isGuardians(process)))
  )

/** Waits until `count` programs with that name run. */
export const untilRunning = (name: string, count: number) =>
  eventually(running(name), (processes) => processes.length === count)
