/**
 * A transport that starts one `ssh` for each channel.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { RemoteHost } from "@effect-remote/core/RemoteHost"
import { type Channel, ExitStatus, type Transport, TypeId } from "@effect-remote/core/Transport"
import * as Deadline from "@effect-remote/core/unstable/Deadline"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Fs from "node:fs/promises"
import * as Path from "node:path"
import { show } from "../lib/address.js"
import * as askpass from "../ssh/askpass.js"
import * as children from "../ssh/child.js"
import { diagnose, slowHost } from "../ssh/diagnosis.js"
import * as installations from "../ssh/installation.js"
import * as privateDirectory from "../ssh/privateDirectory.js"
import * as sshProcess from "./sshProcess.js"

type Read = Effect.Effect<Option.Option<Uint8Array>, RemoteConnectionError>

const logKept = 64 * 1024

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1")

/** @internal */
export interface Channels extends Pick<Transport, "exec" | "subsystem" | "connect"> {
  /** Logs in, and out again. */
  readonly probe: Effect.Effect<void, RemoteConnectionError>
}

/**
 * Channels that each use a connection of their own.
 *
 * @internal
 */
export const channels = (host: RemoteHost, ssh: string, installation: installations.Installation): Channels => {
  const name = String(host)
  const pinned = typeof host.hostKeys === "object"
  const error = (
    reason: RemoteConnectionError["reason"],
    detail: string,
    fields: { hint?: string; cause?: unknown } = {}
  ) => new RemoteConnectionError({ reason, host: name, detail, ...fields })
  const written = installations.written(name)
  const channelDirectory = written(privateDirectory.within(installation.directory))

  const spawn = Effect.fnUntraced(function*(directory: string, args: ReadonlyArray<string>, term: string | undefined) {
    yield* written(askpass.offer(directory, installation.passwords))
    const child = yield* sshProcess.make(name, ssh, ["-F", installation.config, ...args], {
      ...installation.environment,
      [askpass.directoryVariable]: directory,
      ...(term !== undefined && { TERM: term })
    })
    if (host.password !== undefined) yield* written(askpass.allow(directory, child.pid))
    return child
  })

  // Stderr before the login comes from a jump host, a ProxyCommand or `ssh` itself.
  const awaitLogin = Effect.fnUntraced(function*(stderr: sshProcess.SshProcess["stderr"]) {
    const marker = `${installation.ready}\n`
    let text = ""
    while (true) {
      const read = yield* stderr
      if (Option.isNone(read)) return { ready: false, before: text, rest: "" }
      text += latin1(read.value)
      const found = text.indexOf(marker)
      if (found >= 0) return { ready: true, before: text.slice(0, found), rest: text.slice(found + marker.length) }
      text = text.slice(-logKept)
    }
  })

  // Starts an `ssh` that has logged in. Its log is a file, because stderr belongs to the command.
  const login = Effect.fnUntraced(
    function*(args: ReadonlyArray<string>, term?: string) {
      const directory = yield* channelDirectory
      const logFile = Path.join(directory, "log")
      const child = yield* spawn(directory, ["-o", "LogLevel=DEBUG2", "-E", logFile, ...args], term)
      const { before, ready, rest } = yield* awaitLogin(child.stderr)
      const log = Effect.tryPromise(() => Fs.readFile(logFile, "utf8")).pipe(
        Effect.orElseSucceed(() => ""),
        Effect.map((text) => `${before}\n${text}`)
      )
      if (!ready) {
        const code = yield* child.exited
        if (children.isMissing(code, before)) return yield* children.notFound(name, ssh)
        return yield* diagnose(name, yield* log, `ssh ended with code ${code} before it had logged in`, pinned)
      }
      return { child, log, rest: Buffer.from(rest, "latin1") }
    },
    Effect.withSpan("ssh.connect", {
      attributes: { "server.address": host.host, ...(host.port !== undefined && { "server.port": host.port }) },
      captureStackTrace: false,
      kind: "client"
    })
  )

  const session = Effect.fnUntraced(function*(args: ReadonlyArray<string>, term?: string) {
    const { child, log, rest } = yield* login(args, term)

    const exit = Effect.gen(function*() {
      const code = yield* child.exited
      const text = yield* log
      // The server may send the status before the last data. It counts only if both sides closed the channel after all data.
      if (/^debug2: channel \d+: is dead\r?$/m.test(text)) {
        const status = /^debug1: client_input_channel_req: channel \d+ rtype exit-(status|signal) reply /m.exec(text)
        if (status?.[1] === "signal") return ExitStatus.Signal({ signal: Option.none() })
        if (status !== null && code !== null) return ExitStatus.Code({ code })
      }
      if (code === null) return yield* error("ConnectionLost", "the ssh of this channel was ended by a signal")
      const failure = diagnose(name, text, "", false)
      if (failure.reason === "Unknown") return ExitStatus.None()
      return yield* failure
    })

    // `ssh` closes its output when the command closes it, and also when `ssh` dies. How `ssh` exits shows which.
    const ended: Read = Effect.as(exit, Option.none())
    const settled = (read: sshProcess.SshProcess["stdout"]): Read =>
      Effect.flatMap(read, (bytes) => Option.isSome(bytes) ? Effect.succeed(bytes) : ended)

    let first = rest.length === 0 ? Option.none<Uint8Array>() : Option.some<Uint8Array>(rest)
    const channel: Channel = {
      read: settled(child.stdout),
      readStderr: Effect.suspend(() => {
        if (Option.isNone(first)) return settled(child.stderr)
        const bytes = first
        first = Option.none()
        return Effect.succeed(bytes)
      }),
      write: child.write,
      end: child.end,
      exit
    }
    return channel
  })

  const exec: Transport["exec"] = (line, { pty } = {}) =>
    session([pty === undefined ? "-T" : "-tt", "--", host.host, line], pty?.term)

  const subsystem = (subsystem: string) => session(["-T", "-s", "--", host.host, subsystem])

  // Stderr of `ssh -W` is its log alone. The log shows when the connection is open and when it has ended.
  const connect: Transport["connect"] = Effect.fnUntraced(function*(address) {
    if (address._tag === "Unix") {
      return yield* error("Unsupported", `one ssh for each channel cannot reach the unix socket ${address.path}`)
    }
    const directory = yield* channelDirectory
    const child = yield* spawn(directory, ["-o", "LogLevel=DEBUG2", "-W", show(address), "--", host.host], undefined)
    const opened = yield* Deferred.make<void, RemoteConnectionError>()
    const ended = yield* Deferred.make<void, RemoteConnectionError>()

    let log = ""
    let line = ""
    const take = (text: string) => {
      const lines = (line + text).split("\n")
      line = (lines.pop() ?? "").slice(-logKept)
      log = (log + lines.join("\n") + "\n").slice(-logKept)
      return Effect.forEach(lines, (line) => {
        if (/^debug2: channel \d+: open confirm /.test(line)) return Deferred.succeed(opened, undefined)
        if (/^debug2: channel \d+: rcvd (eof|close)/.test(line)) return Deferred.succeed(ended, undefined)
        const refused = /^channel \d+: open failed: (.*?)\r?$/.exec(line)
        return refused === null ? Effect.void : Deferred.fail(
          opened,
          error("ChannelRefused", `no connection to ${show(address)} from there: ${refused[1]}`, {
            hint: "Does a server listen there, and does sshd allow forwarding (AllowTcpForwarding, PermitOpen)?"
          })
        )
      }, { discard: true })
    }
    const watch: Effect.Effect<void> = Effect.flatMap(
      child.stderr,
      (read) => Option.isSome(read) ? Effect.zipRight(take(latin1(read.value)), watch) : Effect.void
    )
    yield* watch.pipe(
      Effect.zipRight(child.exited),
      Effect.flatMap((code) => {
        const failure = diagnose(name, log + line, `ssh ended with code ${code}`, pinned)
        return Effect.zipRight(Deferred.fail(opened, failure), Deferred.fail(ended, failure))
      }),
      Effect.interruptible,
      Effect.forkScoped
    )
    yield* Deferred.await(opened)

    const channel: Channel = {
      read: Effect.flatMap(
        child.stdout,
        (bytes): Read => Option.isSome(bytes) ? Effect.succeed(bytes) : Effect.as(Deferred.await(ended), Option.none())
      ),
      readStderr: Effect.succeedNone,
      write: child.write,
      end: child.end,
      exit: Effect.as(Deferred.await(ended), ExitStatus.None())
    }
    return channel
  })

  const inTime = Deadline.within(host, "connecting", slowHost)

  return {
    exec: (line, options) => inTime(exec(line, options)),
    subsystem: (name) => inTime(subsystem(name)),
    connect: (address) => inTime(connect(address)),
    probe: inTime(Effect.scoped(Effect.asVoid(login(["-T", "-N", "--", host.host]))))
  }
}

/** @internal */
export interface Options {
  readonly host: RemoteHost
  readonly ssh: string
  readonly lazy: boolean
}

/** @internal */
export const make = Effect.fnUntraced(function*({ host, lazy, ssh }: Options) {
  const { connect, exec, probe, subsystem } = channels(host, ssh, yield* installations.make(host, ssh))
  // An unreachable host fails here, before the first command.
  if (!lazy) yield* probe
  const transport: Transport = {
    [TypeId]: TypeId,
    host,
    capabilities: {
      oneConnection: false,
      exitSignal: false,
      ptySize: false,
      halfClose: false,
      unixSockets: false,
      remoteForward: false
    },
    ready: Effect.void,
    state: Stream.concat(Stream.make("ready" as const), Stream.never),
    exec,
    subsystem,
    connect,
    listen: () =>
      new RemoteConnectionError({
        reason: "Unsupported",
        host: String(host),
        detail: "with one ssh for each channel the host cannot listen",
        hint: "Use OpenSsh.layer."
      })
  }
  return transport
})
