/**
 * One guardian on the host: starts it, and exchanges messages with it.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { RemoteConnectionError } from "../../RemoteError.js"
import type { Channel, Transport } from "../../Transport.js"
import * as Frame from "../../unstable/Frame.js"
import * as Guardian from "../../unstable/Guardian.js"
import * as reports from "../launch/reports.js"
import * as finalizer from "../lib/finalizer.js"
import * as random from "../lib/random.js"
import * as scopes from "../lib/scopes.js"
import * as text from "../lib/text.js"
import * as guardian from "../scripts/guardian.js"
import { rounds } from "../scripts/terminate.js"

/** @internal */
export interface Handle {
  readonly process: { readonly pid: number; readonly start: Option.Option<string> }
  readonly scope: Scope.CloseableScope
  readonly fifo: string
  readonly say: (request: Guardian.Request) => void
  /** Commands that it is terminating, by process id. `false`: it left before the end. */
  readonly ending: Map<number, Deferred.Deferred<boolean>>
  /** Completed when it leaves: detached, or ended. */
  readonly left: Deferred.Deferred<"detached" | "none">
}

/** @internal */
export interface Opened {
  readonly handle: Handle
  /** The reports since the last call. Empty at the end. */
  readonly reports: Effect.Effect<ReadonlyArray<Guardian.Report>, RemoteConnectionError>
  /** Sends the requests of `say`. */
  readonly write: Effect.Effect<never, RemoteConnectionError>
}

// Number of proposed names. Everybody may write to the parent directory, so a name may be in use.
const names = 3

// No process has this id, so the guardian answers at once that it has ended.
const nobody = 4_194_304

/** @internal */
export const answeredWithin = "2 seconds"

/**
 * Starts a guardian in the scope, and waits until it is ready.
 *
 * @internal
 */
export const open = Effect.fnUntraced(function*(
  transport: Transport,
  scope: Scope.CloseableScope,
  patience: { readonly interval: number; readonly silence: number }
) {
  const left = yield* Deferred.make<"detached" | "none">()
  const { say, writeOn } = writer()
  const channel = yield* transport.exec(Frame.launchLine, {
    priority: "idle",
    onReclaim: Effect.suspend(() => {
      say(Guardian.Request.Detach())
      return Effect.asVoid(Deferred.await(left))
    })
  })
  const marker = yield* random.hex
  const claim = Guardian.Request.Claim({ names: yield* Effect.replicateEffect(random.hex, names) })
  yield* channel.write(text.concat([
    Frame.encode({ marker, stages: [guardian.guardian(patience)], terminal: Option.none() }),
    Either.getOrThrow(Guardian.encodeRequest(claim))
  ]))
  const reports = reader(channel, marker)
  yield* scopes.forkInterruptible(Effect.ignore(drain(channel)))

  const [first] = yield* reports
  if (first?._tag !== "Ready") {
    const detail = first?._tag === "Unable" ? first.detail : "it ended without a report"
    return yield* new RemoteConnectionError({ reason: "Unknown", host: String(transport.host), detail })
  }
  const opened: Opened = {
    handle: {
      process: { pid: first.pid, start: first.start },
      scope,
      fifo: guardian.fifo(guardian.directory(first.name)),
      say,
      ending: new Map(),
      left
    },
    reports,
    write: writeOn(channel)
  }
  return opened
})

/**
 * Reads reports until the guardian leaves. Returns whether it is detached or has ended. `onSilent`: it terminates the
 * commands because it received nothing.
 *
 * @internal
 */
export const hear = (
  { handle: { ending }, reports }: Opened,
  onSilent: () => void
): Effect.Effect<"detached" | "none"> => {
  const loop: Effect.Effect<"detached" | "none", RemoteConnectionError> = Effect.flatMap(reports, (heard) => {
    for (const report of heard) {
      switch (report._tag) {
        case "Ended": {
          const waiting = ending.get(report.pid)
          ending.delete(report.pid)
          if (waiting !== undefined) Deferred.unsafeDone(waiting, Exit.succeed(true))
          break
        }
        case "Silent":
          onSilent()
          break
        case "Ready":
          break
        case "Detached":
          return Effect.succeed("detached" as const)
        case "Undetachable":
        case "Unable":
          return Effect.succeed("none" as const)
      }
    }
    return heard.length === 0 ? Effect.succeed("none" as const) : loop
  })
  return Effect.orElseSucceed(loop, () => "none" as const)
}

/**
 * Registers a command with the guardian.
 *
 * @internal
 */
export const add = (handle: Handle, pid: number, keep: boolean): void =>
  handle.say(Guardian.Request.Add({ pid, keep, start: Option.none() }))

/**
 * Requests the termination of a command. `false`: the guardian left before it answered.
 *
 * @internal
 */
export const end = ({ ending, say }: Handle, pid: number, graceMillis: number): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    const ended = ending.get(pid) ?? Deferred.unsafeMake<boolean>(FiberId.none)
    ending.set(pid, ended)
    say(Guardian.Request.End({ pid, start: Option.none(), rounds: rounds(graceMillis) }))
    return Deferred.await(ended)
  })

/**
 * Waits until it has answered all requests so far, for at most two seconds.
 *
 * @internal
 */
export const answered = (handle: Handle): Effect.Effect<unknown> =>
  finalizer.apart(Effect.timeoutOption(Effect.interruptible(end(handle, nobody, 0)), answeredWithin))

// Sends the lines in order, and all waiting lines in one write.
const writer = () => {
  let lines: Array<Uint8Array> = []
  const filled = Effect.unsafeMakeLatch(false)
  const writeOn = (channel: Channel): Effect.Effect<never, RemoteConnectionError> =>
    Effect.forever(Effect.suspend(() => {
      if (lines.length === 0) {
        filled.unsafeClose()
        return filled.await
      }
      const bytes = text.concat(lines)
      lines = []
      return channel.write(bytes)
    }))
  const say = (request: Guardian.Request) => {
    // A request with an impossible process id cannot be encoded. It is dropped, because no such process exists.
    Either.match(Guardian.encodeRequest(request), {
      onLeft: () => {},
      onRight: (line) => {
        lines.push(line)
        filled.unsafeOpen()
      }
    })
  }
  return { say, writeOn }
}

const reader = (channel: Channel, marker: string): Opened["reports"] => {
  const scanner = reports.scanner(marker, "stdout")
  const split = Guardian.splitter()
  const next: Opened["reports"] = Effect.flatMap(
    channel.read,
    (read) => {
      if (Option.isNone(read)) return Effect.succeed([])
      const heard = split(scanner.push(read.value).output).flatMap((line) =>
        Either.match(Guardian.decodeReport(line), { onLeft: () => [], onRight: (report) => [report] })
      )
      return heard.length === 0 ? next : Effect.succeed(heard)
    }
  )
  return next
}

const drain = (channel: Channel): Effect.Effect<void, RemoteConnectionError> =>
  Effect.flatMap(channel.readStderr, (read) => Option.isSome(read) ? drain(channel) : Effect.void)
