import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as net from "node:net"
import type { Duplex } from "node:stream"
import type * as Ssh2 from "ssh2"
import type { Settings } from "../server.js"
import type { Client } from "./client.js"
import { into, pump } from "./pump.js"
import * as ssh2 from "./ssh2.js"

const connect = (address: net.NetConnectOpts): Effect.Effect<net.Socket, Error, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => net.connect({ ...address, allowHalfOpen: true }).on("error", () => {})),
    (socket) => Effect.sync(() => socket.destroy())
  ).pipe(
    Effect.tap((socket) =>
      Effect.async<void, Error>((resume) => {
        socket.once("error", (error) => resume(Effect.fail(error)))
        socket.once("connect", () => resume(Effect.void))
      })
    )
  )

const closed = (channel: Duplex): Effect.Effect<void> =>
  Effect.async((resume) => {
    const onClose = () => resume(Effect.void)
    channel.once("close", onClose)
    return Effect.sync(() => channel.off("close", onClose))
  })

// ssh2's `end` closes both directions, so the end of one is said with `eof`.
const bridge = (client: Client, channel: Ssh2.ServerChannel, socket: net.Socket): Effect.Effect<void> =>
  Effect.all([
    Effect.zipRight(pump(socket, ssh2.writer(channel)(channel)), Effect.sync(() => channel.eof())),
    Effect.zipRight(pump(channel, into(socket)), Effect.sync(() => socket.end()))
  ], { concurrency: 2 }).pipe(
    Effect.raceFirst(closed(channel)),
    Effect.ensuring(Effect.sync(() => channel.close())),
    Effect.raceFirst(Deferred.await(client.lost))
  )

const adopt = (client: Client, channel: Ssh2.ServerChannel) => {
  channel.on("error", (error: Error) => client.log.say(`error: ${error.message} from ${client.name}`))
  return channel
}

const serveOutgoing = (client: Client, settings: Settings): void => {
  const open = (
    accept: Ssh2.AcceptConnection<Ssh2.ServerChannel>,
    reject: Ssh2.RejectConnection,
    address: net.NetConnectOpts,
    name: string
  ) =>
    client.run(
      connect(address).pipe(
        Effect.matchEffect({
          onFailure: (error) =>
            Effect.sync(() => {
              client.log.say(`connect_to ${name}: ${error.message}`)
              reject()
            }),
          onSuccess: (socket) => Effect.suspend(() => bridge(client, adopt(client, accept()), socket))
        }),
        Effect.scoped,
        Effect.raceFirst(Deferred.await(client.lost))
      )
    )

  // without a listener ssh2 says that it is forbidden
  if (settings.allowTcpForwarding) {
    client.connection.on(
      "tcpip",
      (accept, reject, { destIP: host, destPort: port }) =>
        open(accept, reject, { host, port, noDelay: true }, `${host} port ${port}`)
    )
  }
  client.connection.on(
    "openssh.streamlocal",
    (accept, reject, { socketPath }) => open(accept, reject, { path: socketPath }, socketPath)
  )
}

type Opened = (error: Error | undefined, channel: Ssh2.ServerChannel) => void

interface Forward {
  readonly listen: net.ListenOptions
  /** The names by which a client cancels the forward. */
  readonly names: (server: net.Server) => ReadonlyArray<string>
  readonly accept: (server: net.Server) => void
  readonly reject: () => void
  readonly open: (server: net.Server, socket: net.Socket, opened: Opened) => void
}

interface Incoming {
  readonly client: Client
  /** Cancels a forward, by each of its names. */
  readonly cancels: Map<string, () => void>
}

const listening = (client: Client, forward: Forward): Effect.Effect<net.Server, Error, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<net.Server, Error>((resume) => {
      const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
        socket.on("error", () => {})
        forward.open(server, socket, (error, channel) => {
          if (error !== undefined) return void socket.destroy()
          client.run(Effect.ensuring(
            bridge(client, adopt(client, channel), socket),
            Effect.sync(() => socket.destroy())
          ))
        })
      })
      server.on("error", (error) => resume(Effect.fail(error)))
      server.listen(forward.listen, () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close())
  )

const start = ({ cancels, client }: Incoming, forward: Forward): void =>
  client.run(
    Effect.gen(function*() {
      const server = yield* listening(client, forward)
      const stop = yield* Deferred.make<void>()
      const names = forward.names(server)
      // The listener closes before the cancellation is acknowledged, so a client never finds it still listening.
      const cancelled = () => {
        server.close()
        Deferred.unsafeDone(stop, Effect.void)
      }
      names.forEach((name) => cancels.set(name, cancelled))
      forward.accept(server)
      yield* Effect.ensuring(
        Deferred.await(stop),
        Effect.sync(() => names.forEach((name) => cancels.delete(name)))
      )
    }).pipe(
      Effect.catchAll((error) =>
        Effect.sync(() => {
          client.log.say(`error: ${error.message}`)
          forward.reject()
        })
      ),
      Effect.scoped,
      Effect.raceFirst(Deferred.await(client.lost))
    )
  )

/** How a request is answered. Absent if the client wants no answer. */
interface Answer {
  readonly accept: ((port?: number) => void) | undefined
  readonly reject: (() => void) | undefined
}

const cancel = ({ cancels }: Incoming, name: string, { accept, reject }: Answer): void => {
  const cancelled = cancels.get(name)
  cancelled?.()
  if (cancelled === undefined) reject?.()
  else accept?.()
}

const forwardSocket = (self: Incoming, { socketPath: path }: Ssh2.SocketBindInfo, { accept, reject }: Answer): void =>
  start(self, {
    listen: { path },
    names: () => [path],
    accept: () => accept?.(),
    reject: () => reject?.(),
    open: (_server, _socket, opened) => self.client.connection.openssh_forwardOutStreamLocal(path, opened)
  })

const portOf = (server: net.Server) => (server.address() as net.AddressInfo).port

const forwardTcp = (self: Incoming, { bindAddr, bindPort }: Ssh2.TcpipBindInfo, { accept, reject }: Answer): void =>
  start(self, {
    listen: { host: "127.0.0.1", port: bindPort },
    names: (server) => [`${bindAddr}:${bindPort}`, `${bindAddr}:${portOf(server)}`],
    accept: (server) => accept?.(portOf(server)),
    reject: () => reject?.(),
    open: (server, socket, opened) =>
      self.client.connection.forwardOut(
        bindAddr,
        portOf(server),
        socket.remoteAddress ?? "127.0.0.1",
        socket.remotePort ?? 0,
        opened
      )
  })

const serveIncoming = (client: Client, settings: Settings): void => {
  const self: Incoming = { client, cancels: new Map() }
  const onRequest = (
    accept: Answer["accept"],
    reject: Answer["reject"],
    name: string,
    info: Ssh2.TcpipBindInfo | Ssh2.SocketBindInfo
  ): void => {
    const answer: Answer = { accept, reject }
    if ("socketPath" in info) {
      return name === "cancel-streamlocal-forward@openssh.com"
        ? cancel(self, info.socketPath, answer)
        : forwardSocket(self, info, answer)
    }
    if (name === "cancel-tcpip-forward") return cancel(self, `${info.bindAddr}:${info.bindPort}`, answer)
    if (!settings.allowTcpForwarding) return reject?.()
    forwardTcp(self, info, answer)
  }
  client.connection.on("request", onRequest)
}

/**
 * Serves the forwards of a client: connections from here (`ssh -L`, `-D`, `-W`) and listeners here (`ssh -R`), both TCP
 * and unix sockets.
 *
 * @internal
 */
export const serve = (client: Client, settings: Settings): void => {
  serveOutgoing(client, settings)
  serveIncoming(client, settings)
}
