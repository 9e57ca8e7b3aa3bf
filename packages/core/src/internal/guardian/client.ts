/**
 * The guardian of one transport: started when the first command is, and again when it is gone.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import { RemoteConnectionError } from "../../RemoteError.js"
import type { Channel, Transport } from "../../Transport.js"
import * as Deadline from "../../unstable/Deadline.js"
import * as frame from "../../unstable/Frame.js"
import * as protocol from "../../unstable/Guardian.js"
import * as reports from "../launch/reports.js"
import * as finalizer from "../lib/finalizer.js"
import * as random from "../lib/random.js"
import * as text from "../lib/text.js"
import * as script from "../scripts/guardian.js"
import { rounds } from "../scripts/terminate.js"

/**
 * - `"none"`: there is none, since nothing was run yet, or since the host allows none.
 * - `"attached"`: it hears from this program.
 * - `"detached"`: its session was needed for a command. It watches the connection on the host's side.
 *
 * @internal
 */
export type GuardianState = "none" | "attached" | "detached"

/** @internal */
export interface Guardian {
  readonly state: Stream.Stream<GuardianState>
  /** Waits until it is there, or is not to be had. */
  readonly ready: Effect.Effect<void>
  /** Where a command that is launched now, on the connection that there is, registers itself. */
  readonly fifo: Effect.Effect<Option.Option<string>>
  /** A command found nobody there, and was not run. */
  readonly missed: (fifo: string) => Effect.Effect<void>
  /** It runs, and has registered itself where this is, or nowhere. */
  readonly started: (
    pid: number,
    options: { readonly keep: boolean; readonly registered: Option.Option<string> }
  ) => Effect.Effect<void>
  /** It has ended as it should. */
  readonly done: (pid: number) => Effect.Effect<void>
  /** Its connection is lost, and with it the guardian that ends it. */
  readonly lost: (pid: number) => Effect.Effect<void>
  /**
   * After how long without a sign of life the host ended the command, if that is how it ended. `ask`: the guardian may not
   * have been heard yet.
   */
  readonly silence: (pid: number, options: { readonly ask: boolean }) => Effect.Effect<Option.Option<Duration.Duration>>
  /** Ends it with all that it has started. `false`: there is no guardian who could. */
  readonly end: (pid: number, graceMillis: number) => Effect.Effect<boolean>
}

interface Attached {
  readonly process: { readonly pid: number; readonly start: Option.Option<string> }
  readonly scope: Scope.CloseableScope
  readonly fifo: string
  /** A command did not find its FIFO: a cleaner of /tmp may have removed it. All else goes on, until it is replaced. */
  unreachable: boolean
  readonly say: (request: protocol.Request) => void
  readonly ending: Map<number, Deferred.Deferred<boolean>>
  /** Its last word. */
  readonly left: Deferred.Deferred<GuardianState>
}

// Where commands see another /tmp than the guardian they are told to it by this program only.
const allowedToMiss = 2

// One that has gone is not missed longer than that.
const replacedAfter = "1 second"

// A host on which it could not be started is asked again after this time.
const triedAgainAfter = 30_000

// The first that nobody has taken is used: the directory is in a place that everybody may write to.
const names = 3

// No system gives this id to a process: the guardian answers at once that nothing is left of it.
const nobody = 4_194_304

const answeredWithin = "2 seconds"

const defaultKeepAlive = { interval: Duration.seconds(15), count: 3 }

/**
 * How often the guardian hears from us, and after how many such intervals it counts us as gone: some time after the
 * connection counts as lost on this side.
 *
 * @internal
 */
export const patience = (keepAlive: Transport["host"]["keepAlive"]): { interval: number; silence: number } => {
  const { count, interval } = keepAlive === undefined || keepAlive === "off" ? defaultKeepAlive : keepAlive
  const seconds = Math.min(5, Math.max(1, Math.floor(Duration.toSeconds(interval) / 3)))
  return {
    interval: seconds,
    silence: keepAlive === "off" ? 0 : Math.ceil(Duration.toSeconds(interval) * count / seconds) + 3
  }
}

/** @internal */
export const make = Effect.fnUntraced(function*(transport: Transport) {
  const { host } = transport
  const parent = yield* Effect.scope
  const state = yield* SubscriptionRef.make<GuardianState>("none")
  const { interval, silence } = patience(host.keepAlive)
  const running = new Map<number, boolean>()
  // Those that the host ended because it heard nothing.
  const abandoned = new Set<number>()
  let attached: Attached | undefined
  // One that has let its session go still takes registrations.
  let detached: Attached | undefined
  let startingNow: Deferred.Deferred<void> | undefined
  let failedAt = -Infinity
  let missed = 0
  // Why there is none, and whether that was logged for this connection.
  let unable: RemoteConnectionError | undefined
  let warned = false

  const run = Effect.fnUntraced(function*(scope: Scope.CloseableScope) {
    const left = yield* Deferred.make<GuardianState>()
    const { say, writeOn } = writer()
    const channel = yield* transport.exec(frame.launchLine, {
      priority: "idle",
      onReclaim: Effect.suspend(() => {
        say(protocol.Request.Detach())
        return Effect.asVoid(Deferred.await(left))
      })
    })
    const marker = yield* random.hex
    const claim = protocol.Request.Claim({ names: yield* Effect.replicateEffect(random.hex, names) })
    yield* channel.write(text.concat([
      frame.encode({ marker, stages: [script.guardian({ interval, silence })], terminal: Option.none() }),
      Either.getOrThrow(protocol.encodeRequest(claim))
    ]))
    const lines = reader(channel, marker)
    yield* Effect.forkScoped(Effect.interruptible(Effect.ignore(drain(channel))))

    const [first] = yield* lines
    if (first?._tag !== "Ready") {
      const detail = first?._tag === "Unable" ? first.detail : "it did not begin"
      return yield* new RemoteConnectionError({ reason: "Unknown", host: String(host), detail })
    }
    const ending: Attached["ending"] = new Map()
    const guardian: Attached = {
      process: { pid: first.pid, start: first.start },
      scope,
      fifo: script.fifo(script.directory(first.name)),
      unreachable: false,
      say,
      ending,
      left
    }

    // Known before it is heard: it may have been asked to go already.
    const replaced = attached
    attached = guardian
    for (const [pid, keep] of running) add(guardian, pid, keep)
    if (detached !== undefined && Option.isSome(detached.process.start)) {
      say(protocol.Request.Retire({ pid: detached.process.pid, start: detached.process.start.value }))
    }
    detached = undefined
    yield* SubscriptionRef.set(state, "attached")

    const hear: Effect.Effect<GuardianState, RemoteConnectionError> = Effect.flatMap(lines, (reports) => {
      for (const report of reports) {
        switch (report._tag) {
          case "Ended": {
            const waiting = ending.get(report.pid)
            ending.delete(report.pid)
            if (waiting !== undefined) Deferred.unsafeDone(waiting, Exit.succeed(true))
            break
          }
          case "Silent":
            for (const [pid, keep] of running) if (!keep) abandoned.add(pid)
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
      return reports.length === 0 ? Effect.succeed("none" as const) : hear
    })
    yield* Effect.forkIn(
      hear.pipe(
        Effect.orElseSucceed(() => "none" as const),
        Effect.flatMap((last) => Effect.uninterruptible(leave(guardian, last))),
        Effect.interruptible
      ),
      parent
    )
    yield* Effect.forkScoped(Effect.interruptible(Effect.ignore(writeOn(channel))))
    yield* Effect.forkScoped(Effect.interruptible(
      Effect.repeat(Effect.sync(() => say(protocol.Request.Beat())), Schedule.spaced(Duration.seconds(interval)))
    ))
    if (replaced !== undefined) yield* Effect.forkIn(Effect.interruptible(retire(replaced, guardian)), parent)
  })

  const end = ({ ending, say }: Attached, pid: number, graceMillis: number) =>
    Effect.suspend(() => {
      const ended = ending.get(pid) ?? Deferred.unsafeMake<boolean>(FiberId.none)
      ending.set(pid, ended)
      say(protocol.Request.End({ pid, start: Option.none(), rounds: rounds(graceMillis) }))
      return Deferred.await(ended)
    })

  const answered = (guardian: Attached) =>
    finalizer.apart(Effect.timeoutOption(Effect.interruptible(end(guardian, nobody, 0)), answeredWithin))

  // The end of its input would make it end all that it knows. So it quits, once its successor has answered what was said after
  // those that run, and its channel stays open until it has.
  const retire = (old: Attached, successor: Attached) =>
    answered(successor).pipe(
      Effect.zipRight(Effect.sync(() => old.say(protocol.Request.Quit()))),
      Effect.zipRight(Effect.timeoutOption(Deferred.await(old.left), answeredWithin)),
      Effect.zipRight(Effect.uninterruptible(leave(old, "none")))
    )

  // Those who wait for an end are told that it is not for this one to tell.
  const leave = (guardian: Attached, last: GuardianState): Effect.Effect<void> =>
    Effect.gen(function*() {
      if (yield* Deferred.isDone(guardian.left)) return
      if (attached === guardian) attached = undefined
      if (last === "detached") detached = guardian
      for (const waiting of guardian.ending.values()) Deferred.unsafeDone(waiting, Exit.succeed(false))
      guardian.ending.clear()
      yield* Deferred.succeed(guardian.left, last)
      if (attached === undefined) yield* SubscriptionRef.set(state, last)
      yield* Scope.close(guardian.scope, Exit.void)
      if (last === "none") yield* Effect.forkIn(Effect.interruptible(Effect.delay(replace, replacedAfter)), parent)
    })

  const start = Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const scope = yield* Scope.fork(parent, ExecutionStrategy.sequential)
      yield* restore(Deadline.within(host, "starting the guardian")(Scope.extend(run(scope), scope))).pipe(
        Effect.onError((cause) =>
          Effect.zipRight(
            Effect.sync(() => {
              if (attached?.scope === scope) attached = undefined
            }),
            Scope.close(scope, Exit.failCause(cause))
          )
        )
      )
    })
  )

  // For all who wait, whichever of them go on waiting.
  const starting = Effect.suspend(() => {
    if (startingNow !== undefined) return Deferred.await(startingNow)
    const started = Deferred.unsafeMake<void>(FiberId.none)
    startingNow = started
    return start.pipe(
      // Where sessions are few there may be one the next time, and where the connection was lost there is another.
      Effect.catchAll((error) =>
        error.reason === "ChannelRefused" || error.reason === "ConnectionLost" ?
          Effect.void :
          Effect.map(Clock.currentTimeMillis, (now) => {
            failedAt = now
            unable = error
          })
      ),
      Effect.interruptible,
      Effect.onExit(() => {
        startingNow = undefined
        return Deferred.succeed(started, undefined)
      }),
      Effect.forkIn(parent),
      Effect.zipRight(Deferred.await(started))
    )
  })

  const usable = () => [attached, detached].find((guardian) => guardian?.unreachable === false)

  const fifo = Effect.sync(() => missed < allowedToMiss ? Option.fromNullable(usable()?.fifo) : Option.none())

  // A command is not kept from a host where a guardian is slow to begin.
  const begun = Effect.flatMap(Clock.currentTimeMillis, (now) =>
    now - failedAt < triedAgainAfter
      ? Effect.void
      : Effect.asVoid(
        finalizer.apart(Effect.timeoutOption(Effect.interruptible(starting), Duration.times(host.connectTimeout, 0.5)))
      ))

  const add = (guardian: Attached | undefined, pid: number, keep: boolean) =>
    guardian?.say(protocol.Request.Add({ pid, keep, start: Option.none() }))

  const warn = Effect.suspend(() => {
    if (unable === undefined || warned || attached !== undefined || detached !== undefined) return Effect.void
    warned = true
    return Effect.logWarning(
      `No guardian on ${host}: ${unable.detail}. Commands that run when the connection is lost will not be ended there.`
    )
  })

  // What runs is not left without one: it may have registered with one that was about to go.
  const replace: Effect.Effect<void> = Effect.suspend(() =>
    attached === undefined && detached === undefined && running.size > 0 ? begun : Effect.void
  )

  // What runs is lost with the one connection. A guardian that is detached ends all that it knows then: what runs on the next
  // one must not be known to it.
  yield* transport.state.pipe(
    Stream.filter((state) => state === "lost"),
    Stream.runForEach(() => {
      running.clear()
      warned = false
      detached = undefined
      return attached === undefined ? SubscriptionRef.set(state, "none") : Effect.void
    }),
    Effect.interruptible,
    Effect.forkScoped
  )

  const guardian: Guardian = {
    state: state.changes,
    ready: host.shell === "none" ?
      Effect.void :
      Effect.suspend(() => attached === undefined || attached.unreachable ? begun : Effect.void),
    fifo,
    missed: (fifo) =>
      Effect.sync(() => {
        const guardian = usable()
        if (guardian?.fifo !== fifo) return
        missed++
        guardian.unreachable = missed < allowedToMiss
      }),
    started: (pid, { keep, registered }) =>
      Effect.suspend(() => {
        running.set(pid, keep)
        if (Option.isSome(registered)) missed = 0
        // It may have registered with one that was replaced since.
        if (Option.getOrUndefined(registered) !== attached?.fifo) add(attached, pid, keep)
        return warn
      }),
    done: (pid) =>
      Effect.sync(() => {
        abandoned.delete(pid)
        if (running.delete(pid)) attached?.say(protocol.Request.Done({ pid }))
      }),
    lost: (pid) =>
      Effect.sync(() => {
        abandoned.delete(pid)
        running.delete(pid)
      }),
    silence: (pid, { ask }) =>
      Effect.suspend(() =>
        Effect.map(
          ask && attached !== undefined && !abandoned.has(pid)
            ? answered(attached)
            : Effect.void,
          () => abandoned.has(pid) ? Option.some(Duration.seconds(interval * silence)) : Option.none()
        )
      ),
    end: (pid, graceMillis) =>
      Effect.suspend(() => {
        abandoned.delete(pid)
        if (attached === undefined) return Effect.succeed(false)
        return Effect.map(end(attached, pid, graceMillis), (ended) => {
          if (ended) running.delete(pid)
          return ended
        })
      })
  }
  return guardian
})

// Lines go out in the order in which they were said, many at once where many were.
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
  const say = (request: protocol.Request) => {
    // What cannot be said is a process id that no system gives out: nobody could end that.
    Either.match(protocol.encodeRequest(request), {
      onLeft: () => {},
      onRight: (line) => {
        lines.push(line)
        filled.unsafeOpen()
      }
    })
  }
  return { say, writeOn }
}

// The reports that came since the last time; none at the end.
const reader = (
  channel: Channel,
  marker: string
): Effect.Effect<ReadonlyArray<protocol.Report>, RemoteConnectionError> => {
  const scanner = reports.scanner(marker, "stdout")
  const split = protocol.splitter()
  const next: Effect.Effect<ReadonlyArray<protocol.Report>, RemoteConnectionError> = Effect.flatMap(
    channel.read,
    (read) => {
      if (Option.isNone(read)) return Effect.succeed([])
      const heard = split(scanner.push(read.value).output).flatMap((line) =>
        Either.match(protocol.decodeReport(line), { onLeft: () => [], onRight: (report) => [report] })
      )
      return heard.length === 0 ? next : Effect.succeed(heard)
    }
  )
  return next
}

const drain = (channel: Channel): Effect.Effect<void, RemoteConnectionError> =>
  Effect.flatMap(channel.readStderr, (read) => Option.isSome(read) ? drain(channel) : Effect.void)
