/**
 * One connection: its master, its channels and its sessions, until it is lost or its scope closes.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { RemoteHost } from "@effect-remote/core/RemoteHost"
import * as Finalizer from "@effect-remote/core/unstable/Finalizer"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Path from "node:path"
import * as duplex from "../local/duplex.js"
import * as mux from "../protocol/mux.js"
import type { Installation } from "../ssh/installation.js"
import * as controlSocket from "./controlSocket.js"
import { type Forwards, forwards } from "./forwards.js"
import * as masters from "./master.js"
import type { Metrics } from "./metrics.js"
import * as sessions from "./sessions.js"

/** @internal */
export interface Connection {
  readonly multiplexer: mux.Multiplexer
  readonly sessions: sessions.Sessions
  /** The master's control socket, for further requests. */
  readonly socketPath: string
  readonly forwards: Forwards
  readonly isLost: () => boolean
  /** Waits until the connection is lost. The reason. */
  readonly lost: Effect.Effect<RemoteConnectionError>
}

// Bytes that may wait to be written to the master. Beyond that the writers wait.
const outgoingLimit = 256 * 1024

/** @internal */
export const make = Effect.fnUntraced(function*(
  host: RemoteHost,
  ssh: string,
  installation: Installation,
  metrics: Metrics
) {
  const name = String(host)
  const master = yield* masters.make(host, ssh, installation)
  // Unless the connection was lost just now: then the reason is how `ssh` ended.
  const unsupported = ({ message }: { readonly message: string }) =>
    Effect.flatMap(master.ending, ({ code, error }) => code === undefined ? masters.unsupported(name, message) : error)

  const { ask, receive, socket } = yield* Effect.catchAll(controlSocket.make(master.socketPath), unsupported)
  const answer = yield* Effect.catchAll(ask({ _tag: "Proxy" }), unsupported)
  if (answer._tag !== "Proxied") {
    return yield* masters.unsupported(name, answer._tag === "Failed" ? answer.detail : "it has no proxy mode")
  }

  const lost = yield* Deferred.make<RemoteConnectionError>()
  const open = yield* sessions.make(name, metrics, host.connectTimeout)
  let failed = false
  let channels = 0
  const counted = () => {
    metrics.channels(multiplexer.size() - channels)
    channels = multiplexer.size()
  }
  const multiplexer = mux.make(name, {
    write: (bytes) => {
      duplex.gather(socket)
      socket.write(bytes)
      metrics.sent(bytes.length)
      return socket.writableLength < outgoingLimit
    },
    failed: (failure) => {
      failed = true
      counted()
      open.fail(failure)
      Deferred.unsafeDone(lost, Effect.succeed(failure))
    }
  })

  const ended = Effect.async<void>((resume) => {
    const over = () => resume(Effect.void)
    socket.on("end", over)
    socket.on("close", over)
    if (socket.destroyed || socket.readableEnded) over()
  })
  yield* ended.pipe(
    Effect.zipRight(master.ending),
    Effect.map(({ error }) => multiplexer.fail(error)),
    Effect.interruptible,
    Effect.forkScoped
  )
  socket.on("drain", multiplexer.drained)
  receive((bytes) => {
    metrics.received(bytes.length)
    multiplexer.receive(bytes)
    counted()
  })

  yield* Effect.addFinalizer(() =>
    multiplexer.close.pipe(
      Effect.interruptible,
      Effect.timeoutOption("1 second"),
      Finalizer.apart,
      Effect.zipRight(Effect.sync(() => socket.end())),
      Effect.unless(() => failed),
      Effect.zipRight(Effect.sync(() =>
        multiplexer.fail(
          new RemoteConnectionError({ reason: "ConnectionLost", host: name, detail: "the connection was closed" })
        )
      ))
    )
  )

  const connection: Connection = {
    multiplexer,
    sessions: open,
    socketPath: master.socketPath,
    forwards: forwards(Path.dirname(master.socketPath)),
    isLost: () => failed,
    lost: Deferred.await(lost)
  }
  return connection
})
