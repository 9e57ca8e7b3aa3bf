/**
 * Listening on the host. The proxy mode has no requests for it, so the master is asked to forward: it connects to a socket
 * on this machine for each connection to the host.
 */
import { LocalAddress } from "@effect-remote/core/LocalNetwork"
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import { RemoteAddress, type RemoteConnection, type RemoteListener } from "@effect-remote/core/Transport"
import * as Finalizer from "@effect-remote/core/unstable/Finalizer"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
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
    const scope = yield* Effect.flatMap(Effect.scope, (parent) => Scope.fork(parent, ExecutionStrategy.sequential))
    const listener = yield* Scope.extend(listen(connection, host, address), scope)
    const chosen = address._tag === "Tcp" && address.port === 0 && listener.address._tag === "Tcp"
    if (!chosen || !connection.forwards.isTaken(listener.address.port)) return listener
    yield* Scope.close(scope, Exit.void)
    return yield* make(connection, host, address)
  })

const listen = Effect.fnUntraced(function*(connection: Connection, host: string, address: RemoteAddress) {
  const where = show(address)
  const failure = (reason: RemoteConnectionError["reason"], detail: string, cause?: unknown) =>
    new RemoteConnectionError({ reason, host, detail: `listening on ${where} there: ${detail}`, cause })

  const lost = Effect.flip(connection.lost)
  // If the connection was lost, that is the reason. It is known soon.
  const unlessLost = (failure: RemoteConnectionError) =>
    Finalizer.apart(
      Effect.timeoutFail(Effect.interruptible(lost), { duration: "2 seconds", onTimeout: () => failure })
    )

  const unlessBroken = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Finalizer.apart(Effect.raceFirst(Effect.interruptible(effect), Effect.interruptible(lost)))

  const path = connection.forwards.path(address)
  const listening = yield* Effect.catchAll(
    localNetwork.listen(LocalAddress.Unix({ path })),
    (cause) =>
      cause.reason === "AddressInUse"
        ? failure("ChannelRefused", "this program already listens there", cause)
        : unlessLost(failure("Unknown", cause.message, cause))
  )
  const request = (_tag: "OpenForward" | "CloseForward"): control.Request => ({
    _tag,
    listen: address._tag === "Unix" ? { path: address.path } : { host: address.host, port: address.port },
    target: { path }
  })
  const ask = (request: control.Request) =>
    Effect.scoped(Effect.flatMap(controlSocket.make(connection.socketPath), ({ ask }) => ask(request)))

  // Closing a forward has no reply. After the server's answer to a later message it no longer listens.
  const heeded = Effect.scoped(connection.multiplexer.open(noChannel, new Uint8Array()))

  // The master can close a forward only after its answer to the opening, and it drops an answer if the asking socket has
  // gone. So both requests run to their end, even if the caller is interrupted. A failed forward must not be closed: that
  // would close the other forward with its port.
  const opening = yield* Effect.acquireRelease(
    Effect.forkDaemon(ask(request("OpenForward"))),
    (opening) =>
      Fiber.await(opening).pipe(
        Effect.flatten,
        Effect.flatMap(({ _tag }) =>
          _tag === "Failed" ? Effect.void : Effect.zipRight(ask(request("CloseForward")), heeded)
        ),
        Effect.ignore,
        Effect.forkDaemon,
        Effect.flatMap(Fiber.await),
        Effect.raceFirst(Effect.ignore(lost)),
        (closed) => Finalizer.bounded(closed, { left: `${host} may still listen on ${where}` }),
        Effect.unless(connection.isLost)
      )
  )
  const answer = yield* Effect.catchAll(
    Effect.flatten(Fiber.await(opening)),
    (cause) => unlessLost(failure("Protocol", cause.message, cause))
  )
  if (answer._tag === "Failed") return yield* failure("ChannelRefused", answer.detail)

  const broken = Effect.mapError((cause: { readonly message: string }) =>
    failure("ConnectionLost", cause.message, cause)
  )
  // A dying master closes its sockets cleanly too. An end is an end only if the master still answers.
  const ended = unlessBroken(Effect.catchAll(ask({ _tag: "AliveCheck" }), () => lost))
  const remote: RemoteListener = {
    address: address._tag === "Tcp" && answer._tag === "RemotePort"
      ? RemoteAddress.Tcp({ host: address.host, port: answer.port })
      : address,
    accept: unlessBroken(broken(listening.accept)).pipe(
      Effect.map((local): RemoteConnection => ({
        peer: `a client of ${where}`,
        read: Effect.tap(broken(local.read), (bytes) => Option.isNone(bytes) ? ended : Effect.void),
        write: (bytes) =>
          Effect.tap(broken(local.write(bytes)), (more) => more || !connection.isLost() ? Effect.void : lost),
        end: broken(local.end)
      }))
    )
  }
  return remote
})
