import type { RemoteContext, RemoteFileSystem } from "@effect-remote/core"
import type { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { Transport } from "@effect-remote/core/Transport"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { eventually } from "@effect-remote/testing/unstable/Eventually"
import * as Processes from "@effect-remote/testing/unstable/Processes"
import { Effect, Layer } from "effect"
import * as Fs from "node:fs"
import * as Net from "node:net"

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

/** The running programs with that name that our commands have started. */
export const running = (name: string): Effect.Effect<ReadonlyArray<Sshd.Process>, never, Sshd.Sshd> =>
  Effect.flatMap(Sshd.Sshd, (server) => Processes.running(server, name))

/** Waits until `count` programs with that name run. */
export const untilRunning = (name: string, count: number) =>
  eventually(running(name), (processes) => processes.length === count)
