import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as FiberSet from "effect/FiberSet"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { createHash, timingSafeEqual } from "node:crypto"
import * as fs from "node:fs/promises"
import * as net from "node:net"
import type * as Ssh2 from "ssh2"
import { SshdError } from "../../../SshdError.js"
import type { Server, Settings } from "../server.js"
import * as serverLog from "../serverLog.js"
import type { Client } from "./client.js"
import * as forwarding from "./forwarding.js"
import * as session from "./session.js"
import * as ssh2 from "./ssh2.js"

const startFailed = (detail: string) => (cause: unknown) => new SshdError({ reason: "StartFailed", detail, cause })

const same = (a: string, b: string): boolean =>
  timingSafeEqual(createHash("sha256").update(a).digest(), createHash("sha256").update(b).digest())

const methods = ({ keyboardInteractive, password }: Settings): Array<Ssh2.AuthenticationType> => [
  "publickey",
  ...(password === undefined ? [] : ["password" as const]),
  ...(keyboardInteractive === undefined ? [] : ["keyboard-interactive" as const])
]

// Asks every round, as PAM does: a wrong answer is refused at the end.
const askAll = (
  context: Ssh2.KeyboardAuthContext,
  { rounds, username }: NonNullable<Settings["keyboardInteractive"]>,
  done: (accepted: boolean) => void
) => {
  const ask = ([round, ...more]: typeof rounds, right: boolean): void => {
    if (round === undefined) return done(right)
    context.prompt(
      round.map(({ echo = false, prompt }) => ({ prompt, echo })),
      (answers) =>
        ask(more, round.every(({ answer }, index) => same(answers[index] ?? "", Redacted.value(answer))) && right)
    )
  }
  ask(rounds, context.username === username)
}

const authenticate = (client: Client, settings: Settings, userKey: Ssh2.ParsedKey) => (context: Ssh2.AuthContext) => {
  const { keyboardInteractive, password } = settings
  const finish = (accepted: boolean) => {
    if (context.method !== "none") {
      const outcome = accepted ? "Accepted" : "Failed"
      client.log.say(`${outcome} ${context.method} for ${context.username} from ${client.name}`)
    }
    if (accepted) context.accept()
    else context.reject(methods(settings))
  }
  if (context.method === "keyboard-interactive" && keyboardInteractive !== undefined) {
    return askAll(context, keyboardInteractive, finish)
  }
  const isUserKey = context.method === "publickey" &&
    context.username === settings.account.username &&
    context.key.algo === userKey.type &&
    userKey.getPublicSSH().equals(context.key.data)
  // without a signature the client only asks whether this key would do
  if (isUserKey && context.signature === undefined) return context.accept()
  const accepted = context.method === "publickey"
    ? isUserKey && context.blob !== undefined && context.signature !== undefined &&
      userKey.verify(context.blob, context.signature, context.hashAlgo) === true
    : context.method === "password" && password !== undefined &&
      context.username === password.username && same(context.password, Redacted.value(password.password))
  finish(accepted)
}

interface State {
  readonly settings: Settings
  readonly userKey: Ssh2.ParsedKey
  readonly subsystems: session.Subsystems
  readonly login: session.Login
  readonly log: serverLog.ServerLog
  readonly run: (effect: Effect.Effect<void>) => void
  /** The open connections by their remote port. */
  readonly sockets: Map<number | undefined, net.Socket>
  /** Connections without a login so far. */
  readonly startups: Set<net.Socket>
}

const serve = (self: State, connection: Ssh2.Connection, info: Ssh2.ClientInfo): void => {
  const { log, login, run, settings, sockets, startups, subsystems, userKey } = self
  const socket = sockets.get(info.port)
  if (socket === undefined) return
  const lost = Deferred.unsafeMake<void>(FiberId.none)
  const client: Client = { connection, socket, name: `${info.ip} port ${info.port}`, lost, log, run }
  const lose = () => {
    ssh2.silence(connection)
    socket.destroy()
    Deferred.unsafeDone(lost, Effect.void)
  }
  connection.on("end", lose)
  connection.on("close", lose)
  connection.on("error", (error: Error & { readonly level?: string }) => {
    // the socket has its own listener
    if (error.level !== "socket") log.say(`error: ${error.message} from ${client.name}`)
    lose()
  })
  connection.on("authentication", authenticate(client, settings, userKey))
  connection.on("ready", () => startups.delete(socket))
  session.serve(client, settings, login, subsystems)
  forwarding.serve(client, settings)
}

const makeServer = (self: State, library: typeof Ssh2, hostKey: Buffer): Effect.Effect<Ssh2.Server, SshdError> =>
  Effect.try({
    try: () =>
      new library.Server({
        hostKeys: [hostKey],
        // it cannot be turned off
        keepaliveInterval: 2 ** 31 - 1,
        // zlib throws once a connection is gone
        algorithms: { compress: ["none"] }
      }, (connection, info) => serve(self, connection, info))
        .on("error", (error: Error) => self.log.say(`error: ${error.message}`)),
    catch: startFailed("ssh2 did not take the host key")
  })

// Gives the server a connection, unless too many have no login.
const admit = ({ log, settings, sockets, startups }: State, server: Ssh2.Server, socket: net.Socket): void => {
  const { remoteAddress, remotePort } = socket
  const name = `${remoteAddress} port ${remotePort}`
  socket.on("error", (error) => log.say(`error: ${error.message} from ${name}`))
  socket.once("close", () => {
    startups.delete(socket)
    sockets.delete(remotePort)
    log.say(`Connection from ${name} has ended`)
  })
  sockets.set(remotePort, socket)
  if (startups.size >= settings.maxStartups) {
    log.say(`Connection from ${name} refused: past MaxStartups`)
    socket.end("Exceeded MaxStartups\r\n", () => socket.destroy())
  } else {
    log.say(`Connection from ${name}`)
    startups.add(socket)
    server.injectSocket(socket)
  }
}

const dropAll = ({ sockets }: State) => Effect.sync(() => sockets.forEach((socket) => socket.destroy()))

const listen = (self: State, server: Ssh2.Server): Effect.Effect<net.Server, SshdError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<net.Server, SshdError>((resume) => {
      const created = net.createServer({ noDelay: true }, (socket) => admit(self, server, socket))
      created.on("error", (cause) => {
        self.log.say(`error: ${cause.message}`)
        resume(Effect.fail(startFailed("127.0.0.1 could not be listened on")(cause)))
      })
      created.listen(0, "127.0.0.1", () => resume(Effect.succeed(created)))
    }),
    (created) =>
      Effect.zipRight(
        dropAll(self),
        Effect.async<void>((resume) => {
          created.close(() => resume(Effect.void))
        })
      )
  )

/**
 * ssh2's `Server`, running commands as the current user.
 *
 * @internal
 */
export const make = (
  settings: Settings,
  subsystems: session.Subsystems
): Effect.Effect<Server, SshdError, Scope.Scope> =>
  Effect.gen(function*() {
    const library = yield* ssh2.load
    const hostKey = yield* Effect.tryPromise({
      try: () => fs.readFile(settings.hostKey.privateKeyFile),
      catch: startFailed("the host key could not be read")
    })
    const userKey = library.utils.parseKey(settings.userKey.publicKey)
    if (userKey instanceof Error) return yield* startFailed("the user's key could not be read")(userKey)

    const log = serverLog.make()
    const run = yield* FiberSet.makeRuntime<never, void>()
    const self: State = {
      settings,
      userKey,
      subsystems,
      login: yield* session.login(settings),
      log,
      run: (effect) => void run(effect),
      sockets: new Map(),
      startups: new Set()
    }
    const server = yield* makeServer(self, library, hostKey)
    const listener = yield* listen(self, server)
    const { port } = listener.address() as net.AddressInfo
    log.say(`Server listening on 127.0.0.1 port ${port}.`)
    return { version: "ssh2", port, log, dropConnections: dropAll(self) }
  })
