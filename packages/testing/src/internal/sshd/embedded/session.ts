import type { Duplex } from "@effect-remote/core/Transport"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as childProcess from "node:child_process"
import * as path from "node:path"
import { getSystemErrorMap } from "node:util"
import type * as Ssh2 from "ssh2"
import * as executables from "../executables.js"
import { internalSftp, type Settings } from "../server.js"
import * as channelDuplex from "./channelDuplex.js"
import type { Client } from "./client.js"
import { into, pump } from "./pump.js"
import * as ssh2 from "./ssh2.js"

/**
 * The servers of subsystems. Each succeeds with the exit status. Then the channel is closed.
 *
 * @internal
 */
export type Subsystems = Readonly<
  Record<string, (channel: Duplex<never>, login: Login, client: Client) => Effect.Effect<number>>
>

type Environment = Readonly<Record<string, string>>

/**
 * The shell, directory and environment of commands.
 *
 * @internal
 */
export interface Login {
  readonly shell: string
  readonly directory: string
  readonly environment: Environment
}

/** @internal */
export const login = (settings: Settings): Effect.Effect<Login> =>
  Effect.gen(function*() {
    const shell = settings.loginShell ?? "/bin/sh"
    const home = settings.home ?? settings.account.home
    const search = yield* executables.searchPath
    return {
      shell,
      directory: (yield* executables.isDirectory(home)) ? home : "/",
      environment: {
        USER: settings.account.username,
        LOGNAME: settings.account.username,
        HOME: home,
        SHELL: shell,
        PATH: search.join(path.delimiter),
        [settings.mark[0]]: settings.mark[1],
        ...settings.environment
      }
    }
  })

// the variables that sshd passes on
const signals = new Set(["HUP", "INT", "KILL", "QUIT", "TERM", "USR1", "USR2"])

type Child = childProcess.ChildProcessWithoutNullStreams

const hasExited = (child: Child): boolean => child.exitCode !== null || child.signalCode !== null

const killGroup = (child: Child, signal: NodeJS.Signals): boolean => {
  try {
    return child.pid !== undefined && !hasExited(child) && process.kill(-child.pid, signal)
  } catch {
    return false
  }
}

// The leader of its own session and process group, as under sshd.
const spawn = (line: string, { directory, environment, shell }: Login): Effect.Effect<Child, NodeJS.ErrnoException> =>
  Effect.async((resume) => {
    try {
      const child = childProcess.spawn(shell, ["-c", line], {
        argv0: path.basename(shell),
        cwd: directory,
        detached: true,
        env: environment
      })
      child.on("error", (error) => resume(Effect.fail(error)))
      child.once("spawn", () => resume(Effect.succeed(child)))
      child.stdin.on("error", () => {})
      child.stdout.on("error", () => {})
      child.stderr.on("error", () => {})
    } catch (error) {
      resume(Effect.fail(error as NodeJS.ErrnoException))
    }
  })

const exited = (child: Child): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (hasExited(child)) return resume(Effect.void)
    const onExit = () => resume(Effect.void)
    child.once("exit", onExit)
    return Effect.sync(() => child.off("exit", onExit))
  })

interface Running {
  readonly client: Client
  readonly channel: Ssh2.ServerChannel
  /** Done when the client has closed the channel. */
  readonly closed: Deferred.Deferred<void>
  child: Child | undefined
}

// Closing the channel or losing the connection ends the streams, but not the process. As under sshd, its slot stays taken until
// it exits.
const exec = (running: Running, login: Login, line: string): Effect.Effect<void> => {
  const { channel, client, closed } = running
  const { connection } = client
  const write = ssh2.writer(channel)
  const close = Effect.sync(() => {
    channel.close()
    channel.resume()
  })
  const lost = Deferred.await(client.lost)
  const gone = Effect.raceFirst(Deferred.await(closed), lost)

  const talk = (child: Child) =>
    Effect.gen(function*() {
      const output = yield* Effect.all([
        pump(child.stdout, write(channel)),
        pump(child.stderr, write(channel.stderr))
      ], { concurrency: 2 }).pipe(
        Effect.zipRight(Effect.sync(() => channel.eof())),
        Effect.fork
      )
      yield* exited(child)
      yield* Effect.sync(() => ssh2.sendExit(connection, channel, { code: child.exitCode, signal: child.signalCode }))
      yield* Fiber.join(output)
      yield* close
    })

  const use = (child: Child) =>
    Effect.gen(function*() {
      running.child = child
      const input = yield* pump(channel, into(child.stdin)).pipe(
        Effect.zipRight(Effect.sync(() => child.stdin.end())),
        Effect.raceFirst(Effect.zipRight(lost, Effect.sync(() => child.stdin.destroy()))),
        Effect.fork
      )
      yield* Effect.raceFirst(talk(child), gone)
      child.stdout.destroy()
      child.stderr.destroy()
      yield* exited(child)
      yield* Fiber.interrupt(input)
      channel.resume()
    })

  const release = (child: Child) =>
    Effect.sync(() => {
      killGroup(child, "SIGKILL")
      child.stdin.destroy()
      child.stdout.destroy()
      child.stderr.destroy()
    })

  return Effect.acquireUseRelease(spawn(line, login), use, release).pipe(
    Effect.catchAll((error) =>
      Effect.async<void>((resume) => {
        const [, reason] = getSystemErrorMap().get(error.errno ?? 0) ?? [error.code, error.message]
        write(channel.stderr)(Buffer.from(`${login.shell}: ${reason}\n`), () => resume(Effect.void))
      }).pipe(
        Effect.zipRight(Effect.sync(() => ssh2.sendExit(connection, channel, { code: 1, signal: null }))),
        Effect.zipRight(close),
        Effect.raceFirst(gone)
      )
    )
  )
}

interface Sessions {
  readonly client: Client
  readonly settings: Settings
  readonly subsystems: Subsystems
  readonly login: Login
  /** The environment of commands. */
  readonly variables: Environment
  /** The account and the client, for the log. */
  readonly from: string
  open: number
}

interface Session {
  readonly sessions: Sessions
  /** Done when the client has closed the channel. */
  readonly closed: Deferred.Deferred<void>
  running: Running | undefined
}

type Accept = Ssh2.AcceptConnection<Ssh2.ServerChannel>

const begin = (self: Session, accept: Accept, serve: (running: Running) => Effect.Effect<void>): void => {
  const { closed, sessions } = self
  const { client } = sessions
  // nothing, where there has been one already
  const channel = accept() as Ssh2.ServerChannel | undefined
  if (channel === undefined) return
  channel.on("error", (error: Error) => client.log.say(`error: ${error.message} from ${client.name}`))
  channel.stderr.on("error", () => {})
  self.running = { client, channel, closed, child: undefined }
  client.run(Effect.ensuring(serve(self.running), Effect.sync(() => void sessions.open--)))
}

const command = (self: Session, accept: Accept, asked: string): void => {
  const { client, from, login, settings: { forceCommand }, variables } = self.sessions
  client.log.say(`Starting session: ${forceCommand === undefined ? "" : "forced "}command for ${from}`)
  if (forceCommand === undefined) {
    return begin(self, accept, (running) => exec(running, { ...login, environment: variables }, asked))
  }
  const line = forceCommand === internalSftp
    ? "echo 'This service allows sftp connections only.'; exit 1"
    : forceCommand
  const environment = { ...variables, SSH_ORIGINAL_COMMAND: asked }
  begin(self, accept, (running) => exec(running, { ...login, environment }, line))
}

const subsystem = (self: Session, accept: Accept, reject: Ssh2.RejectConnection, name: string): void => {
  const { client, from, login, settings, subsystems } = self.sessions
  const target = name === "sftp" ? settings.sftp : name
  const forced = settings.forceCommand !== undefined && settings.forceCommand !== internalSftp
  if (target === undefined) return reject()
  if (path.isAbsolute(target) || forced) return command(self, accept, target)
  const handler = Object.hasOwn(subsystems, name) ? subsystems[name] : undefined
  if (handler === undefined) return reject()
  client.log.say(`Starting session: subsystem '${name}' for ${from}`)
  begin(self, accept, ({ channel, closed }) =>
    handler(channelDuplex.make(channel), login, client).pipe(
      Effect.tap((code) => Effect.sync(() => ssh2.sendExit(client.connection, channel, { code, signal: null }))),
      Effect.ensuring(Effect.sync(() => {
        channel.eof()
        channel.close()
        channel.resume()
      })),
      Effect.raceFirst(Deferred.await(client.lost)),
      Effect.raceFirst(Deferred.await(closed))
    ))
}

// `reject` is only a function if the client wants an answer.
const signal = ({ running, sessions }: Session, reject: (() => void) | undefined, name: string): void => {
  if (running === undefined) return typeof reject === "function" ? reject() : undefined
  const sent = running.child !== undefined && signals.has(name) &&
    killGroup(running.child, `SIG${name}` as NodeJS.Signals)
  if (typeof reject === "function") ssh2.answer(sessions.client.connection, running.channel, sent)
}

const close = ({ closed, running, sessions }: Session, session: Ssh2.Session): void => {
  Deferred.unsafeDone(closed, Effect.void)
  if (running !== undefined) return
  sessions.open--
  ssh2.closeUnused(sessions.client.connection, session)
}

const variablesOf = ({ socket }: Client): Environment => {
  const address = `${socket.remoteAddress} ${socket.remotePort}`
  return {
    SSH_CLIENT: `${address} ${socket.localPort}`,
    SSH_CONNECTION: `${address} ${socket.localAddress} ${socket.localPort}`
  }
}

/**
 * Serves the sessions of a client: commands and subsystems, up to `maxSessions` at a time. A pty needs native code and
 * is refused, and so are shells without a command and environment variables.
 *
 * @internal
 */
export const serve = (
  client: Client,
  settings: Settings,
  login: Login,
  subsystems: Subsystems
): void => {
  const sessions: Sessions = {
    client,
    settings,
    subsystems,
    login,
    variables: { ...variablesOf(client), ...login.environment },
    from: `${settings.account.username} from ${client.name}`,
    open: 0
  }
  client.connection.on("session", (accept, reject) => {
    if (sessions.open >= settings.maxSessions) {
      client.log.say(`no more sessions for ${sessions.from}`)
      return reject()
    }
    sessions.open++
    const session = accept()
    const self: Session = { sessions, closed: Deferred.unsafeMake(FiberId.none), running: undefined }
    session.on("error", () => {})
    session.on("close", () => close(self, session))
    session.on("exec", (accept, _reject, info) => command(self, accept, info.command))
    session.on("subsystem", (accept, reject, info) => subsystem(self, accept, reject, info.name))
    session.on("signal", (_accept, reject, info) => signal(self, reject, info.name))
  })
}
