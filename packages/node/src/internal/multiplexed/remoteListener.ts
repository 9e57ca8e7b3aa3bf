/**
 * Listens on the host. Proxy mode does not support this, so the master forwards each connection to a socket on this machine.
 */
import { LocalAddress, type LocalConnection } from "@effect-remote/core/LocalNetwork"
import { RemoteConnectionError, type RemoteConnectionReason } from "@effect-remote/core/RemoteError"
import { RemoteAddress, type RemoteConnection, type RemoteListener } from "@effect-remote/core/Transport"
import * as Finalizer from "@effect-remote/core/unstable/Finalizer"
import * as Scopes from "@effect-remote/core/unstable/Scopes"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { show } from "../lib/address.js"
import * as localNetwork from "../local/network.js"
import type * as control from "../protocol/control.js"
import type { Connection } from "./connection.js"
import * as controlSocket from "./controlSocket.js"

// A channel type that every server refuses.
const noChannel = "none@effect-remote"

/** @internal */
export const make = (
  connection: Connection,
  host: string,
  address: RemoteAddress
): Effect.Effect<RemoteListener, RemoteConnectionError, Scope.Scope> =>
  Effect.gen(function*() {
    const { close, value: listener } = yield* Scopes.own(listen(connection, host, address), yield* Effect.scope)
    const chosen = address._tag === "Tcp" && address.port === 0 && listener.address._tag === "Tcp"
    if (!chosen || !connection.forwards.isTaken(listener.address.port)) return listener
    yield* close
    return yield* make(connection, host, address)
  })

interface Forward {
  readonly connection: Connection
  readonly host: string
  readonly address: RemoteAddress
  /** The address on the host, for messages. */
  readonly where: string
  /** The socket on this machine to which the master forwards connections. */
  readonly path: string
}

const failure = (
  { host, where }: Forward,
  reason: RemoteConnectionReason,
  detail: string,
  { cause, hint }: { readonly cause?: unknown; readonly hint?: string } = {}
): RemoteConnectionError =>
  new RemoteConnectionError({ reason, host, detail: `listening on the host at ${where}: ${detail}`, cause, hint })

const refusalHint = ({ address }: Forward): string =>
  address._tag === "Unix"
    ? "Check that the path does not exist, that its directory is writable, and that sshd_config allows it " +
      "(AllowStreamLocalForwarding, DisableForwarding)."
    : "Check that no other program uses the port, that the port is not below 1024, and that sshd_config allows it " +
      "(AllowTcpForwarding, PermitListen, DisableForwarding)."

const loss = ({ connection }: Forward): Effect.Effect<never, RemoteConnectionError> => Effect.flip(connection.lost)

// If the connection was lost, this is the reason. It arrives within a short time.
const unlessLost = (forward: Forward, otherwise: RemoteConnectionError) =>
  Finalizer.apart(
    Effect.timeoutFail(Effect.interruptible(loss(forward)), { duration: "2 seconds", onTimeout: () => otherwise })
  )

const orLoss = <A, E, R>(forward: Forward, effect: Effect.Effect<A, E, R>) =>
  Finalizer.apart(Effect.raceFirst(Effect.interruptible(effect), Effect.interruptible(loss(forward))))

const ask = ({ connection }: Forward, request: control.Request) =>
  Effect.scoped(Effect.flatMap(controlSocket.make(connection.socketPath), ({ ask }) => ask(request)))

const request = ({ address, path }: Forward, _tag: "OpenForward" | "CloseForward"): control.Request => ({
  _tag,
  listen: address._tag === "Unix" ? { path: address.path } : { host: address.host, port: address.port },
  target: { path }
})

// Closing a forward has no reply. The server has stopped listening once it has answered a later message.
const closeForward = (forward: Forward) =>
  Effect.zipRight(
    ask(forward, request(forward, "CloseForward")),
    Effect.scoped(forward.connection.multiplexer.open(noChannel, new Uint8Array()))
  )

// The master can close a forward only after it has answered the request to open it. It drops the answer if the control
// socket was closed. Both requests therefore run to their end, even if the caller is interrupted. A failed forward must not
// be closed: this would close another forward on its port.
const openForward = Effect.fnUntraced(function*(forward: Forward) {
  const { connection, host, where } = forward
  const opening = yield* Effect.acquireRelease(
    Effect.forkDaemon(ask(forward, request(forward, "OpenForward"))),
    (opening) =>
      Fiber.await(opening).pipe(
        Effect.flatten,
        Effect.flatMap(({ _tag }) => _tag === "Failed" ? Effect.void : closeForward(forward)),
        Effect.ignore,
        Effect.forkDaemon,
        Effect.flatMap(Fiber.await),
        Effect.raceFirst(Effect.ignore(loss(forward))),
        (closed) => Finalizer.bounded(closed, { left: `${host} may still listen on ${where}` }),
        Effect.unless(connection.isLost)
      )
  )
  const answer = yield* Effect.catchAll(
    Effect.flatten(Fiber.await(opening)),
    (cause) => unlessLost(forward, failure(forward, "Protocol", cause.message, { cause }))
  )
  return answer._tag === "Failed"
    ? yield* failure(forward, "ChannelRefused", answer.detail, { hint: refusalHint(forward) })
    : answer
})

const connectionOf = (forward: Forward, { end, read, write }: LocalConnection): RemoteConnection => {
  const lost = loss(forward)
  const broken = Effect.mapError((cause: { readonly message: string }) =>
    failure(forward, "ConnectionLost", cause.message, { cause })
  )
  // A master that exits also closes its sockets cleanly. The end of a connection is valid only if the master still answers.
  const ended = orLoss(forward, Effect.catchAll(ask(forward, { _tag: "AliveCheck" }), () => lost))
  return {
    peer: `a client of ${forward.where}`,
    read: Effect.tap(broken(read), (bytes) => Option.isNone(bytes) ? ended : Effect.void),
    write: (bytes) =>
      Effect.tap(broken(write(bytes)), (more) => more || !forward.connection.isLost() ? Effect.void : lost),
    end: broken(end)
  }
}

const listen = Effect.fnUntraced(function*(connection: Connection, host: string, address: RemoteAddress) {
  const path = connection.forwards.path(address)
  const forward: Forward = { connection, host, address, where: show(address), path }
  const local = yield* Effect.catchAll(
    localNetwork.listen(LocalAddress.Unix({ path })),
    (cause) =>
      cause.reason === "AddressInUse"
        ? failure(forward, "ChannelRefused", "this program already listens on this address of the host", { cause })
        : unlessLost(forward, failure(forward, "Unknown", cause.message, { cause }))
  )
  const answer = yield* openForward(forward)
  const accept = Effect.mapError(local.accept, (cause) => failure(forward, "ConnectionLost", cause.message, { cause }))
  const listener: RemoteListener = {
    address: address._tag === "Tcp" && answer._tag === "RemotePort"
      ? RemoteAddress.Tcp({ host: address.host, port: answer.port })
      : address,
    accept: Effect.map(orLoss(forward, accept), (local) => connectionOf(forward, local))
  }
  return listener
})
