/**
 * Opens the channels of a shared connection: sessions for commands and subsystems (RFC 4254, section 6), and connections
 * from the host (section 7).
 */
import type { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { RemoteHost } from "@effect-remote/core/RemoteHost"
import type { Channel, ExecOptions, RemoteAddress, SessionOptions, Transport } from "@effect-remote/core/Transport"
import * as Deadline from "@effect-remote/core/unstable/Deadline"
import * as Effect from "effect/Effect"
import { show } from "../lib/address.js"
import type * as perChannelTransport from "../perChannel/transport.js"
import type * as channel from "../protocol/channel.js"
import { fields } from "../protocol/message.js"
import type { ConnectionErrors } from "../ssh/connectionErrors.js"
import * as diagnosis from "../ssh/diagnosis.js"
import type { Connection } from "./connection.js"
import * as reopenedSession from "./reopenedSession.js"
import type { SessionSettings } from "./sessionSettings.js"
import type { SharedConnection } from "./sharedConnection.js"

/** @internal */
export interface Options {
  readonly host: RemoteHost
  readonly error: ConnectionErrors
  readonly connection: SharedConnection<Connection>
  readonly settings: Effect.Effect<SessionSettings>
  /** Used by urgent commands if every session is in use. */
  readonly perChannel: Pick<perChannelTransport.Channels, "exec">
}

const endOfModes = "\0"

/** @internal */
export const inTime = (host: RemoteHost, what: string) =>
  Deadline.within(host, what, Effect.succeed({ hint: diagnosis.unanswered }))

const adopt = ({ consume, end, exit, exitReported, read, readStderr, write }: channel.Channel): Channel => ({
  read,
  readStderr,
  consume,
  write,
  end,
  exit,
  exitReported
})

const openSession = Effect.fnUntraced(function*({ connection, host, settings }: Options, options: SessionOptions) {
  const opened = yield* connection.open((on) =>
    Effect.map(
      on.sessions.open(
        (watcher) => inTime(host, "opening a session")(on.multiplexer.open("session", new Uint8Array(), watcher)),
        options
      ),
      (session) => ({ on, session })
    )
  )
  const { environment, forwardAgent } = yield* settings
  if (forwardAgent) opened.session.notify("auth-agent-req@openssh.com", new Uint8Array())
  for (const [name, value] of environment) opened.session.notify("env", fields(name, value))
  return opened
})

const startProgram = Effect.fnUntraced(function*(options: Options, line: string, { pty, ...session }: ExecOptions) {
  const { on, session: opened } = yield* openSession(options, session)
  const isAnswered = () => on.server.isOpenSsh || !opened.isUnanswered()
  const request = (name: string, data: Uint8Array, refusal: string, hint: string) =>
    Effect.map(opened.request(name, data), (granted) => {
      if (!granted && isAnswered()) opened.fail(options.error("ChannelRefused", refusal, { hint }))
      return granted
    })
  const terminal = pty === undefined ? Effect.void : request(
    "pty-req",
    fields(pty.term, pty.columns, pty.rows, 0, 0, endOfModes),
    "the server does not allow a pseudo-terminal",
    diagnosis.withoutTerminal
  )
  const program = request(
    "exec",
    fields(line),
    "the server does not run commands for this account",
    diagnosis.withoutCommands
  )
  const attempt: reopenedSession.Attempt = {
    channel: adopt(opened),
    isAnswered: Effect.map(Effect.zipRight(terminal, program), (granted) => {
      if (granted) on.commandStarted()
      return isAnswered()
    })
  }
  return { attempt, on }
})

// Does not wait for the replies of OpenSSH's server, so that input follows the requests without a round trip.
const execHere = Effect.fnUntraced(function*(options: Options, line: string, session: ExecOptions) {
  const start = startProgram(options, line, session)
  const { attempt, on } = yield* start
  if (!on.server.isOpenSsh) {
    return yield* reopenedSession.make(attempt, {
      open: Effect.map(start, ({ attempt }) => attempt),
      unanswered: options.error(
        "ChannelRefused",
        "the server closed the session and did not answer the request to run a command"
      ),
      sendsEarly: on.runsCommands()
    })
  }
  yield* Effect.forkScoped(Effect.interruptible(Effect.ignore(attempt.isAnswered)))
  return attempt.channel
})

// An urgent command gets its own connection if all sessions are in use. Those may be the commands that it must terminate.
const exec = (options: Options): Transport["exec"] => (line, session = {}) =>
  session.priority === "urgent"
    ? Effect.catchIf(
      execHere(options, line, session),
      ({ reason }) => reason === "ChannelRefused",
      () => options.perChannel.exec(line, session)
    )
    : execHere(options, line, session)

const subsystem = (options: Options): Transport["subsystem"] =>
  Effect.fnUntraced(function*(name, session = {}) {
    const { session: opened } = yield* openSession(options, session)
    const granted = yield* inTime(options.host, "starting a subsystem")(opened.request("subsystem", fields(name)))
    if (granted) return adopt(opened)
    return yield* options.error("ChannelRefused", `the server has no subsystem ${JSON.stringify(name)}`, {
      ...(name === "sftp" && { hint: diagnosis.withoutSftp })
    })
  })

const refusal = (
  { error }: Options,
  address: RemoteAddress,
  cause: channel.OpenRefused | RemoteConnectionError
): RemoteConnectionError =>
  cause._tag === "RemoteConnectionError"
    ? cause
    : error("ChannelRefused", `the host could not connect to ${show(address)}: ${cause.description}`, {
      cause,
      hint: cause.reason === 1
        ? "The server forbids it: see AllowTcpForwarding, AllowStreamLocalForwarding and PermitOpen in its sshd_config."
        : "Check that the name resolves on the host, and that a server listens at this address."
    })

const connect = (options: Options): Transport["connect"] => (address) =>
  options.connection.open(({ multiplexer, server }) => {
    if (!server.connects) {
      return options.error("ChannelRefused", "this server (mod_sftp) has no tunnels", {
        hint: "mod_sftp of proftpd serves only files."
      })
    }
    const opening = address._tag === "Tcp"
      ? multiplexer.open("direct-tcpip", fields(address.host, address.port, "127.0.0.1", 0))
      : multiplexer.open("direct-streamlocal@openssh.com", fields(address.path, "", 0))
    return Effect.mapBoth(opening, {
      onSuccess: adopt,
      onFailure: (cause) => refusal(options, address, cause)
    }).pipe(inTime(options.host, `connecting from the host to ${show(address)}`))
  })

/** @internal */
export const make = (options: Options): Pick<Transport, "exec" | "subsystem" | "connect"> => ({
  exec: exec(options),
  subsystem: subsystem(options),
  connect: connect(options)
})
