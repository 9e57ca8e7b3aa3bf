/**
 * One connection: its master, its channels and its sessions, until it is lost or its scope closes.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { RemoteHost } from "@effect-remote/core/RemoteHost"
import * as Deadline from "@effect-remote/core/unstable/Deadline"
import * as Finalizer from "@effect-remote/core/unstable/Finalizer"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Net from "node:net"
import * as Path from "node:path"
import * as duplex from "../local/duplex.js"
import * as mux from "../protocol/mux.js"
import type { Installation } from "../ssh/installation.js"
import * as controlSocket from "./controlSocket.js"
import { type Forwards, forwards } from "./forwards.js"
import * as masters from "./master.js"
import type { Metrics } from "./metrics.js"
import type { ServerKind } from "./serverKind.js"
import * as serverKind from "./serverKind.js"
import * as sessions from "./sessions.js"

/** @internal */
export interface Connection {
  readonly multiplexer: mux.Multiplexer
  readonly sessions: sessions.Sessions
  readonly server: ServerKind
  /** Whether the server has run a command on this connection. */
  readonly runsCommands: () => boolean
  readonly commandStarted: () => void
  /** The master's control socket, for further requests. */
  readonly socketPath: string
  readonly forwards: Forwards
  readonly isLost: () => boolean
  /** Whether the server serves no further session on this connection. */
  readonly isSpent: () => boolean
  /** Waits until the connection is lost. Succeeds with the reason. */
  readonly lost: Effect.Effect<RemoteConnectionError>
}

// Maximum number of bytes that wait to be written to the master. Writers wait for room.
const outgoingLimit = 256 * 1024

// The socket carries the packets of the connection once the master has accepted proxy mode.
const proxySocket = Effect.fnUntraced(function*(host: string, master: masters.Master) {
  // If the connection was lost during this, the exit of `ssh` is the reason.
  const unsupported = ({ message }: { readonly message: string }) =>
    Effect.flatMap(master.ending, ({ code, error }) => code === undefined ? masters.unsupported(host, message) : error)

  const { ask, receive, socket } = yield* Effect.catchAll(controlSocket.make(master.socketPath), unsupported)
  const answer = yield* Effect.catchAll(ask({ _tag: "Proxy" }), unsupported)
  if (answer._tag === "Proxied") return { receive, socket }
  return yield* masters.unsupported(host, answer._tag === "Failed" ? answer.detail : "it lacks proxy mode")
})

const whenEnded = (socket: Net.Socket): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    const onEnd = () => resume(Effect.void)
    socket.on("end", onEnd)
    socket.on("close", onEnd)
    if (socket.destroyed || socket.readableEnded) onEnd()
  })

// Keeps the metric of open channels up to date.
const channelCounter = (metrics: Metrics) => {
  let counted = 0
  return (size: number) => {
    metrics.channels(size - counted)
    counted = size
  }
}

const closeChannels = (host: string, multiplexer: mux.Multiplexer, socket: Net.Socket): Effect.Effect<void> =>
  multiplexer.close.pipe(
    Effect.interruptible,
    Effect.timeoutOption("1 second"),
    Finalizer.apart,
    Effect.zipRight(Effect.sync(() => {
      socket.end()
      multiplexer.fail(
        new RemoteConnectionError({ reason: "ConnectionLost", host, detail: "the connection was closed" })
      )
    }))
  )

/** @internal */
export const make = Effect.fnUntraced(function*(
  host: RemoteHost,
  ssh: string,
  installation: Installation,
  metrics: Metrics
) {
  const name = String(host)
  const master = yield* masters.make(host, ssh, installation)
  const { receive, socket } = yield* Deadline.within(host, "taking over the connection from ssh")(
    proxySocket(name, master)
  )

  const lost = yield* Deferred.make<RemoteConnectionError>()
  const server = serverKind.of(master.server)
  const spent = new RemoteConnectionError({
    reason: "ConnectionLost",
    host: name,
    detail: "the server serves one session for each connection, and it has ended"
  })
  const onSpent = server.servesOneSession ? () => multiplexer.fail(spent) : undefined
  const open = yield* sessions.make(name, metrics, host.connectTimeout, onSpent)
  let isLost = false
  let isSpent = false
  let runsCommands = false
  const countChannels = channelCounter(metrics)
  const multiplexer = mux.make(name, {
    write: (bytes) => {
      duplex.gather(socket)
      socket.write(bytes)
      metrics.sent(bytes.length)
      return socket.writableLength < outgoingLimit
    },
    failed: (failure) => {
      isLost = true
      isSpent = failure === spent
      countChannels(multiplexer.size())
      open.fail(failure)
      Deferred.unsafeDone(lost, Effect.succeed(failure))
    }
  })

  yield* whenEnded(socket).pipe(
    Effect.zipRight(master.ending),
    Effect.map(({ error }) => multiplexer.fail(error)),
    Effect.interruptible,
    Effect.forkScoped
  )
  socket.on("drain", multiplexer.drained)
  receive((bytes) => {
    metrics.received(bytes.length)
    multiplexer.receive(bytes)
    countChannels(multiplexer.size())
  })
  yield* Effect.addFinalizer(() => Effect.unless(closeChannels(name, multiplexer, socket), () => isLost))

  const connection: Connection = {
    multiplexer,
    sessions: open,
    server,
    runsCommands: () => runsCommands,
    commandStarted: () => {
      runsCommands = true
    },
    socketPath: master.socketPath,
    forwards: forwards(Path.dirname(master.socketPath)),
    isLost: () => isLost,
    isSpent: () => isSpent,
    lost: Deferred.await(lost)
  }
  return connection
})
