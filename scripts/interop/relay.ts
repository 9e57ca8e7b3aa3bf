/**
 * A relay in front of a server, so that its connections can be cut without touching the server.
 */
import { Effect } from "effect"
import * as Net from "node:net"

const listening = (server: Net.Server): Effect.Effect<number, Error> =>
  Effect.async((resume) => {
    server.on("error", (cause) => resume(Effect.fail(cause)))
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed((server.address() as Net.AddressInfo).port)))
  })

/** Passes connections on to a port of this machine until the scope closes. */
export const relayTo = (port: number) =>
  Effect.gen(function*() {
    const sockets = new Set<Net.Socket>()
    const add = (socket: Net.Socket) => {
      sockets.add(socket)
      socket.on("error", () => {})
      socket.on("close", () => sockets.delete(socket))
      socket.setNoDelay(true)
    }
    const server = Net.createServer({ allowHalfOpen: true }, (here) => {
      const there = Net.connect({ host: "127.0.0.1", port, allowHalfOpen: true })
      for (const socket of [here, there]) add(socket)
      here.on("close", () => there.destroy())
      there.on("close", () => here.destroy())
      here.pipe(there).pipe(here)
    })
    const cut = Effect.sync(() => sockets.forEach((socket) => socket.destroy()))
    yield* Effect.addFinalizer(() => Effect.zipRight(Effect.sync(() => server.close()), cut))
    return { port: yield* listening(server), cut }
  })
