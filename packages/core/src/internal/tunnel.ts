import type { SocketError } from "@effect/platform/Socket"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { LocalAddress, type LocalConnection, type LocalListener } from "../LocalListener.js"
import { RemoteConnectionError, TunnelError } from "../RemoteError.js"
import { type Duplex, RemoteAddress, type Transport } from "../Transport.js"
import type { Tunnel, TunnelEvent, TunnelOptions } from "../Tunnel.js"

const eventsKept = 256

// `sun_path` holds 108 bytes on Linux and 104 elsewhere, the last of them a NUL.
const longestPath = 103

const isPort = (port: number, least: number) => Number.isInteger(port) && port >= least && port <= 65535

const checkHost = (end: string, host: string): string | undefined =>
  host.length === 0 || /[\p{Cc}\s]/u.test(host) ? `the ${end} host ${JSON.stringify(host)} is none` : undefined

const checkPath = (end: string, path: string): string | undefined => {
  if (path.length === 0 || path.includes("\0")) return `the ${end} path ${JSON.stringify(path)} is none`
  const { length } = new TextEncoder().encode(path)
  return length > longestPath ? `the ${end} path has ${length} bytes, a unix socket takes ${longestPath}` : undefined
}

const show = (address: LocalAddress | RemoteAddress): string => {
  if (address._tag === "Unix") return address.path
  const { host, port } = address
  return `${host.includes(":") ? `[${host}]` : host}:${port}`
}

const problem = (remote: RemoteAddress, local: LocalAddress): string | undefined =>
  (remote._tag === "Unix"
    ? checkPath("remote", remote.path)
    : checkHost("remote", remote.host) ??
      (isPort(remote.port, 1) ? undefined : `the remote port ${remote.port} is not within 1..65535`)) ??
    (local._tag === "Unix"
      ? checkPath("local", local.path)
      : checkHost("local", local.host) ??
        (isPort(local.port, 0) ? undefined : `the local port ${local.port} is not within 0..65535`))

/** @internal */
export const make = Effect.fnUntraced(function*(transport: Transport, listener: LocalListener, options: TunnelOptions) {
  const remote = options.remotePath === undefined
    ? RemoteAddress.Tcp({ host: options.remoteHost ?? "localhost", port: options.remotePort })
    : RemoteAddress.Unix({ path: options.remotePath })
  const asked = options.localPath === undefined
    ? LocalAddress.Tcp({ host: options.localHost ?? "127.0.0.1", port: options.localPort ?? 0 })
    : LocalAddress.Unix({ path: options.localPath })
  const whereTo = `${show(remote)} through ${transport.host}`
  const detail = problem(remote, asked)
  if (detail !== undefined) {
    return yield* new TunnelError({ reason: "InvalidAddress", local: show(asked), remote: whereTo, detail })
  }
  if (remote._tag === "Unix" && !transport.capabilities.unixSockets) {
    return yield* new RemoteConnectionError({
      reason: "Unsupported",
      host: String(transport.host),
      detail: `this transport cannot connect to the unix socket ${remote.path}`
    })
  }

  const listening = yield* Effect.mapError(
    listener.listen(asked),
    ({ cause, detail, local, reason }) => new TunnelError({ reason, local, detail, cause, remote: whereTo })
  )
  const events = yield* Effect.acquireRelease(PubSub.sliding<TunnelEvent>(eventsKept), PubSub.shutdown)
  const connections = yield* FiberSet.make<void, RemoteConnectionError | SocketError>()

  // Fails where the connection did, so that its peer is told by a reset: a clean end would mean that it has got everything.
  const serve = (connection: LocalConnection): Effect.Effect<void, RemoteConnectionError | SocketError> => {
    const { peer } = connection
    return Effect.scoped(Effect.gen(function*() {
      const channel = yield* Effect.tapError(
        transport.connect(remote),
        (error) => PubSub.publish(events, { _tag: "Refused", peer, error })
      )
      yield* PubSub.publish(events, { _tag: "Opened", peer })
      yield* Effect.all([carry(connection, channel), carry(channel, connection)], {
        concurrency: "unbounded",
        discard: true
      }).pipe(
        Effect.tapError((error) => PubSub.publish(events, { _tag: "Closed", peer, error: error.message }))
      )
      yield* PubSub.publish(events, { _tag: "Closed", peer, error: undefined })
    }))
  }

  // Each connection lives in a scope of its own, which closes whatever becomes of the fiber that serves it.
  const acceptOne = Effect.uninterruptible(
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const connection = yield* Effect.interruptible(listening.accept).pipe(
        Scope.extend(scope),
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
      )
      yield* FiberSet.run(
        connections,
        Effect.onExit(Effect.interruptible(serve(connection)), (exit) => Scope.close(scope, exit))
      )
    })
  )
  yield* Effect.forever(acceptOne).pipe(
    Effect.tapErrorCause((cause) => Effect.logError(`The tunnel to ${whereTo} accepts no more connections`, cause)),
    Effect.interruptible,
    Effect.forkScoped
  )

  const tunnel: Tunnel = {
    local: listening.address,
    remote,
    localHost: listening.address._tag === "Tcp" ? listening.address.host : "",
    localPort: listening.address._tag === "Tcp" ? listening.address.port : 0,
    events: Stream.fromPubSub(events),
    connections: FiberSet.size(connections)
  }
  return tunnel
})

// One direction. A side that reads no more ends its own direction only: half-closed connections stay half open.
const carry = <E1, E2>(from: Duplex<E1>, to: Duplex<E2>): Effect.Effect<void, E1 | E2> =>
  Effect.flatMap(
    from.read,
    Option.match({
      onNone: (): Effect.Effect<void, E1 | E2> => to.end,
      onSome: (bytes) => Effect.flatMap(to.write(bytes), (more) => more ? carry(from, to) : Effect.void)
    })
  )
