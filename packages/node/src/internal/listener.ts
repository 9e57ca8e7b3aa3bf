import { LocalAddress, type LocalConnection, LocalListener } from "@effect-remote/core/LocalListener"
import { TunnelError } from "@effect-remote/core/RemoteError"
import { SocketGenericError } from "@effect/platform/Socket"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Net from "node:net"
import * as duplex from "./duplex.js"

const show = (address: LocalAddress): string =>
  address._tag === "Unix" ? address.path : `${address.host}:${address.port}`

const listenError = (address: LocalAddress, cause: NodeJS.ErrnoException): TunnelError => {
  const fail = (reason: TunnelError["reason"], detail: string) =>
    new TunnelError({ reason, local: show(address), detail, cause })
  switch (cause.code) {
    case "EADDRINUSE":
      return fail("AddressInUse", "the local address is in use: take another one, or port 0 for any that is free")
    case "EACCES":
    case "EPERM":
      return fail("PermissionDenied", "this user must not listen there")
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "ENOENT":
    case "ENOTDIR":
      return fail("AddressNotAvailable", "this machine has no such address")
    default:
      return fail("Unknown", cause.message)
  }
}

const adopt = (socket: Net.Socket): LocalConnection => ({
  peer: socket.remoteAddress === undefined ? "a unix socket" : `${socket.remoteAddress}:${socket.remotePort}`,
  read: duplex.reader(socket, (cause) => new SocketGenericError({ reason: "Read", cause })),
  write: duplex.writer(socket),
  end: duplex.end(socket)
})

const listen: LocalListener["listen"] = Effect.fnUntraced(function*(address) {
  // Sockets wait here, unread, until they are accepted: each is one of the system's anyway.
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
    accept: Effect.map(
      // What failed is reset: a clean end would tell the peer that it has got everything.
      Effect.tap(next, (socket) =>
        Effect.addFinalizer((exit) =>
          Effect.sync(() => {
            if (Exit.isFailure(exit) && socket.remoteAddress !== undefined) socket.resetAndDestroy()
            else socket.destroy()
          })
        )),
      adopt
    )
  }
})

/** @internal */
export const layer: Layer.Layer<LocalListener> = Layer.succeed(LocalListener, { listen })
