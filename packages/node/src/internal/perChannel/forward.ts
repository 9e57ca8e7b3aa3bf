/**
 * A connection from the host, through its own `ssh -W`.
 */
import type { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import { type Channel, ExitStatus, type RemoteAddress } from "@effect-remote/core/Transport"
import * as Deadline from "@effect-remote/core/unstable/Deadline"
import * as Scopes from "@effect-remote/core/unstable/Scopes"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { show } from "../lib/address.js"
import type { Askpass } from "../ssh/askpass.js"
import * as connectionErrors from "../ssh/connectionErrors.js"
import * as diagnosis from "../ssh/diagnosis.js"
import * as loginRefused from "../ssh/loginRefused.js"
import * as sshLog from "../ssh/sshLog.js"
import * as sshOutput from "../ssh/sshOutput.js"
import * as forwardLog from "./forwardLog.js"
import { type Client, spawn, targetOf } from "./login.js"
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

interface Running {
  readonly child: SshProcess
  readonly directory: string
  readonly prompts: Askpass
}

// Stderr of `ssh -W` has its log: its progress is followed there.
const follow = (
  client: Client,
  target: string,
  { child, directory, prompts }: Running,
  { ended, opened }: Progress
) => {
  const { exited, stderr } = child
  let log = forwardLog.initial
  const output = Effect.suspend(() => {
    const { others, own } = sshLog.separate(log.text + log.line)
    return Effect.map(sshOutput.read(client.host, directory, others), (output) => ({ ...output, log: own }))
  })
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
  const followed = read.pipe(
    Effect.zipRight(exited),
    Effect.zip(output),
    Effect.flatMap(([code, output]) => {
      const failure = diagnosis.diagnose(targetOf(client), output, `ssh ended with code ${code}`)
      return loginRefused.diagnosed(failure, client.installation.route, prompts)
    }),
    Effect.flatMap((failure) => Effect.zipRight(Deferred.fail(opened, failure), Deferred.fail(ended, failure)))
  )
  return { followed, delay: Effect.map(output, diagnosis.explainDelay) }
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
  const running = yield* spawn(client, () => [...sshLog.onStderr, "-W", target, "--", client.host.host])
  const { child } = running
  const opened = yield* Deferred.make<void, RemoteConnectionError>()
  const ended = yield* Deferred.make<void, RemoteConnectionError>()
  const { delay, followed } = follow(client, target, running, { opened, ended })
  yield* Scopes.forkInterruptible(followed)
  yield* Deadline.within(client.host, `connecting from the host to ${target}`, delay)(
    Effect.raceFirst(Deferred.await(opened), running.prompts.failed)
  )

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
