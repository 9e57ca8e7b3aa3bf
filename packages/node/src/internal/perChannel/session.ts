/**
 * A command or a subsystem in its own `ssh`.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import { type Channel, ExitStatus } from "@effect-remote/core/Transport"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { diagnoseLoss } from "../ssh/diagnosis.js"
import { type Client, login } from "./login.js"
import type * as sshProcess from "./sshProcess.js"

type Read = Effect.Effect<Option.Option<Uint8Array>, RemoteConnectionError>

const reported = /^debug1: client_input_channel_req: channel \d+ rtype exit-(status|signal) reply /m

/**
 * The exit status of a session, from the exit code of `ssh` and its log at LogLevel DEBUG2.
 *
 * @internal
 */
export const exitOf = (
  host: string,
  code: number | null,
  log: string
): Either.Either<ExitStatus, RemoteConnectionError> => {
  // The server may send the exit status before the last data. The status is valid only if both sides have closed the
  // channel.
  if (/^debug2: channel \d+: is dead\r?$/m.test(log)) {
    const status = reported.exec(log)
    if (status?.[1] === "signal") return Either.right(ExitStatus.Signal({ signal: Option.none() }))
    if (status !== null && code !== null) return Either.right(ExitStatus.Code({ code }))
  }
  if (code === null) {
    const detail = "the ssh of this channel was ended by a signal"
    return Either.left(new RemoteConnectionError({ reason: "ConnectionLost", host, detail }))
  }
  const failure = diagnoseLoss(host, log, "")
  return failure.reason === "Unknown" ? Either.right(ExitStatus.None()) : Either.left(failure)
}

/** @internal */
export const make = Effect.fnUntraced(function*(client: Client, args: ReadonlyArray<string>, term?: string) {
  const { child, log, stderr } = yield* login(client, args, term)

  const exit = Effect.flatMap(
    Effect.zip(child.exited, log),
    ([code, log]) => exitOf(String(client.host), code, log)
  )
  // `ssh` closes its output when the command closes it, and also when `ssh` dies. The exit of `ssh` distinguishes the two.
  const ended: Read = Effect.as(exit, Option.none())
  const orEnd = (read: sshProcess.SshProcess["stdout"]): Read =>
    Effect.flatMap(read, (bytes) => Option.isSome(bytes) ? Effect.succeed(bytes) : ended)

  let first = stderr.length === 0 ? Option.none<Uint8Array>() : Option.some(stderr)
  const channel: Channel = {
    read: orEnd(child.stdout),
    readStderr: Effect.suspend(() => {
      if (Option.isNone(first)) return orEnd(child.stderr)
      const bytes = first
      first = Option.none()
      return Effect.succeed(bytes)
    }),
    write: child.write,
    end: child.end,
    exit,
    exitReported: Effect.map(log, (log) => reported.test(log) ? Option.some(ExitStatus.None()) : Option.none())
  }
  return channel
})
