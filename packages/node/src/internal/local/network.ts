import { LocalAddress, type LocalConnection, type LocalNetwork } from "@effect-remote/core/LocalNetwork"
import { TunnelError } from "@effect-remote/core/RemoteError"
import { SocketGenericError } from "@effect/platform/Socket"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import { show } from "../lib/address.js"
import * as duplex from "./duplex.js"

const listenError = (address: LocalAddress, cause: NodeJS.ErrnoException): TunnelError => {
  const fail = (reason: TunnelError["reason"], detail: string) =>
    new TunnelError({ reason, from: show(address), detail, cause })
  switch (cause.code) {
    case "EADDRINUSE":
      return fail("AddressInUse", "the local address is in use: choose another one, or port 0 for any free port")
    case "EACCES":
    case "EPERM":
      return fail("PermissionDenied", "this user is not allowed to listen on the local address")
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "ENOENT":
    case "ENOTDIR":
      return fail("AddressNotAvailable", "this machine has no such address")
    default:
      return fail("Unknown", cause.message)
  }
}

const connectError = (address: LocalAddress, cause: NodeJS.ErrnoException): TunnelError => {
  const fail = (reason: TunnelError["reason"], detail: string) =>
    new TunnelError({ reason, to: show(address), detail, cause })
  switch (cause.code) {
    case "ECONNREFUSED":
      return fail("ConnectionRefused", "no program listens at the local target")
    case "EACCES":
    case "EPERM":
      return fail("PermissionDenied", "this user is not allowed to connect to the local target")
    case "ENOENT":
    case "ENOTDIR":
    case "ENOTSOCK":
      return fail("AddressNotAvailable", "this machine has no such unix socket")
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return fail("Unreachable", "the name of the local target does not resolve")
    case "EADDRNOTAVAIL":
    case "EHOSTDOWN":
    case "EHOSTUNREACH":
    case "ENETDOWN":
    case "ENETUNREACH":
    case "ETIMEDOUT":
      return fail("Unreachable", `the local target cannot be reached (${cause.code})`)
    default:
      return fail("Unknown", cause.message)
  }
}

const adopt = (socket: Net.Socket): LocalConnection => ({
  peer: socket.remoteAddress === undefined ? "a unix socket" : `${socket.remoteAddress}:${socket.remotePort}`,
  read: duplex.reader(socket, (cause) => new SocketGenericError({ reason: "Read", cause })),
  ...duplex.writer(socket)
})

// Resets the connection after a failure. After a clean end, the peer would believe that it has received everything.
const closing = (socket: Net.Socket): Effect.Effect<void, never, Scope.Scope> =>
  Effect.addFinalizer((exit) =>
    Effect.sync(() => {
      if (Exit.isFailure(exit) && socket.remoteAddress !== undefined) socket.resetAndDestroy()
      else socket.destroy()
    })
  )

/** @internal */
export const listen: LocalNetwork["listen"] = Effect.fnUntraced(function*(address) {
  // Connections that the system has accepted. They are not read until `accept` takes them.
  const waiting: Array<Net.Socket> = []
  const sockets = new Set<Net.Socket>()
  let wake: (() => void) | undefined
  let broken: Error | undefined

  const server = yield* Effect.acquireRelease(
    Effect.async<Net.Server, TunnelError>((resume) => {
      const server = Net.createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true })
      server.on("error", (cause) => {
        broken = cause
        resume(Effect.fail(listenError(address, cause)))
        wake?.()
      })
      server.on("connection", (socket) => {
        sockets.add(socket)
        socket.on("error", () => {})
        socket.on("close", () => sockets.delete(socket))
        waiting.push(socket)
        wake?.()
      })
      server.on("listening", () => resume(Effect.succeed(server)))
      server.listen(
        address._tag === "Unix" ? { path: address.path } : { host: address.host, port: address.port, exclusive: true }
      )
    }),
    (server) =>
      Effect.async<void>((resume) => {
        server.close(() => resume(Effect.void))
        for (const socket of sockets) socket.destroy()
      })
  )

  const next = Effect.async<Net.Socket, TunnelError>((resume) => {
    const attempt = () => {
      const socket = waiting.shift()
      if (socket === undefined && broken === undefined) return
      wake = undefined
      resume(socket === undefined ? Effect.fail(listenError(address, broken as Error)) : Effect.succeed(socket))
    }
    wake = attempt
    attempt()
    return Effect.sync(() => {
      wake = undefined
    })
  })

  const bound = server.address()
  return {
    address: typeof bound === "object" && bound !== null
      ? LocalAddress.Tcp({ host: bound.address, port: bound.port })
      : address,
    // Uninterruptible, so that a socket always gets its finalizer.
    accept: Effect.uninterruptibleMask((restore) => Effect.map(Effect.tap(restore(next), closing), adopt))
  }
})

const connect: LocalNetwork["connect"] = Effect.fnUntraced(function*(address) {
  const socket = yield* Effect.sync(() => {
    const socket = Net.connect({
      ...address._tag === "Unix" ? { path: address.path } : { host: address.host, port: address.port, noDelay: true },
      allowHalfOpen: true
    })
    return socket.on("error", () => {})
  }).pipe(Effect.tap(closing), Effect.uninterruptible)
  yield* Effect.async<void, TunnelError>((resume) => {
    const failed = (cause: Error) => resume(Effect.fail(connectError(address, cause)))
    if (socket.errored !== null) return failed(socket.errored)
    if (!socket.connecting) return resume(Effect.void)
    socket.once("error", failed)
    socket.once("connect", () => resume(Effect.void))
  })
  return adopt(socket)
})

/** @internal */
export const network: LocalNetwork = { connect, listen }
