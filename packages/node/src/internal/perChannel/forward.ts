/**
 * A connection from the host, through its own `ssh -W`.
 */
import type { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import { type Channel, ExitStatus, type RemoteAddress } from "@effect-remote/core/Transport"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { show } from "../lib/address.js"
import * as connectionErrors from "../ssh/connectionErrors.js"
import { diagnose } from "../ssh/diagnosis.js"
import * as forwardLog from "./forwardLog.js"
import { type Client, isPinned, spawn } from "./login.js"
import type { SshProcess } from "./sshProcess.js"

interface Progress {
  readonly opened: Deferred.Deferred<void, RemoteConnectionError>
  readonly ended: Deferred.Deferred<void, RemoteConnectionError>
}

const refusal = (client: Client, target: string, detail: string): RemoteConnectionError =>
  connectionErrors.make(String(client.host))("ChannelRefused", `the host could not connect to ${target}: ${detail}`, {
    hint:
      "Check that a server listens at this address, and that sshd allows forwarding (AllowTcpForwarding, PermitOpen)."
  })

// The stderr of `ssh -W` contains only its log.
const follow = (client: Client, target: string, { exited, stderr }: SshProcess, { ended, opened }: Progress) => {
  let log = forwardLog.initial
  const report = (event: forwardLog.Event) => {
    switch (event._tag) {
      case "Opened":
        return Deferred.succeed(opened, undefined)
      case "Ended":
        return Deferred.succeed(ended, undefined)
      case "Refused":
        return Deferred.fail(opened, refusal(client, target, event.detail))
    }
  }
  const read: Effect.Effect<void> = Effect.flatMap(stderr, (bytes) => {
    if (Option.isNone(bytes)) return Effect.void
    const { events, log: next } = forwardLog.receive(log, bytes.value)
    log = next
    return Effect.zipRight(Effect.forEach(events, report, { discard: true }), read)
  })
  return read.pipe(
    Effect.zipRight(exited),
    Effect.flatMap((code) => {
      const text = log.text + log.line
      const failure = diagnose(String(client.host), text, `ssh ended with code ${code}`, isPinned(client))
      return Effect.zipRight(Deferred.fail(opened, failure), Deferred.fail(ended, failure))
    })
  )
}

/** @internal */
export const make = Effect.fnUntraced(function*(client: Client, address: RemoteAddress) {
  const target = show(address)
  if (address._tag === "Unix") {
    return yield* connectionErrors.make(String(client.host))(
      "Unsupported",
      `this transport (one ssh for each channel) cannot connect to the unix socket ${target}: use OpenSsh.layer`
    )
  }
  const { child } = yield* spawn(client, () => ["-o", "LogLevel=DEBUG2", "-W", target, "--", client.host.host])
  const opened = yield* Deferred.make<void, RemoteConnectionError>()
  const ended = yield* Deferred.make<void, RemoteConnectionError>()
  yield* Effect.forkScoped(Effect.interruptible(follow(client, target, child, { opened, ended })))
  yield* Deferred.await(opened)

  const end = Deferred.await(ended)
  const channel: Channel = {
    read: Effect.flatMap(
      child.stdout,
      (bytes): Channel["read"] => Option.isSome(bytes) ? Effect.succeed(bytes) : Effect.as(end, Option.none())
    ),
    readStderr: Effect.succeedNone,
    write: child.write,
    end: child.end,
    exit: Effect.as(end, ExitStatus.None())
  }
  return channel
})
