/**
 * The guardian of one transport: started with the first command, and again when it has ended.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as SubscriptionRef from "effect/SubscriptionRef"
import type { RemoteConnectionError } from "../../RemoteError.js"
import type { Transport } from "../../Transport.js"
import * as Deadline from "../../unstable/Deadline.js"
import * as Guardians from "../../unstable/Guardian.js"
import * as finalizer from "../lib/finalizer.js"
import type { Handle } from "./handle.js"
import * as handles from "./handle.js"
import * as states from "./state.js"

/**
 * - `"none"`: nothing was run yet, or the host does not allow a guardian.
 * - `"attached"`: it hears from this program.
 * - `"detached"`: a command needed its session. It watches the connection on the host's side.
 *
 * @internal
 */
export type GuardianState = "none" | "attached" | "detached"

/** @internal */
export interface Guardian {
  readonly state: Stream.Stream<GuardianState>
  /** Waits until it is ready, or cannot be started. */
  readonly ready: Effect.Effect<void>
  /** The FIFO at which a command that is launched now registers itself. */
  readonly fifo: Effect.Effect<Option.Option<string>>
  /** A command did not find the FIFO, and was not run. */
  readonly missed: (fifo: string) => Effect.Effect<void>
  /** A command runs, and has registered itself at `registered`, if anywhere. */
  readonly started: (
    pid: number,
    options: { readonly keep: boolean; readonly registered: Option.Option<string> }
  ) => Effect.Effect<void>
  /** A command has ended by itself. */
  readonly done: (pid: number) => Effect.Effect<void>
  /** The connection of a command is lost, and with it the guardian that ends the command. */
  readonly lost: (pid: number) => Effect.Effect<void>
  /**
   * After how long without a sign of life the host ended the command, if that is how it ended. `ask`: a report of the guardian
   * may still be on its way.
   */
  readonly silence: (pid: number, options: { readonly ask: boolean }) => Effect.Effect<Option.Option<Duration.Duration>>
  /** Ends a command with all that it has started. `false`: no guardian could end it. */
  readonly end: (pid: number, graceMillis: number) => Effect.Effect<boolean>
}

type State = states.State<Handle, Deferred.Deferred<void>>

type Event = states.Event<Handle, Deferred.Deferred<void>>

interface Client {
  readonly transport: Transport
  readonly parent: Scope.Scope
  readonly patience: ReturnType<typeof patience>
  /** Commands that run, and whether they outlive the connection. */
  readonly running: Map<number, boolean>
  /** Commands that the host ended because it heard nothing. */
  readonly abandoned: Set<number>
  readonly published: SubscriptionRef.SubscriptionRef<GuardianState>
  /** Written by `move`. */
  state: State
  /** How many commands in a row did not find their FIFO. Written by `missed` and `started`. */
  missed: number
  /** Whether a failure was logged on this connection. Written by `warn`, and when the connection is lost. */
  hasWarned: boolean
}

// If commands see another /tmp than the guardian does, only this program can make it know them.
const allowedToMiss = 2

// Delay before a guardian that ended is replaced.
const replacedAfter = "1 second"

// Delay before a host on which it could not be started is asked again.
const triedAgainAfter = 30_000

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

const move = (self: Client, event: Event): void => {
  self.state = states.step(self.state, event)
}

const nameOf = (state: State): GuardianState =>
  Option.match(states.currentOf(state), {
    onNone: () => "none",
    onSome: ({ _tag }) => _tag === "Attached" ? "attached" : "detached"
  })

const publish = (self: Client) => Effect.suspend(() => SubscriptionRef.set(self.published, nameOf(self.state)))

const fork = <A, E>(self: Client, effect: Effect.Effect<A, E>) =>
  Effect.forkIn(Effect.interruptible(effect), self.parent)

const attach = Effect.fnUntraced(function*(
  self: Client,
  scope: Scope.CloseableScope,
  onReady: (handle: Handle) => void
) {
  const opened = yield* handles.open(self.transport, scope, self.patience)
  const { handle } = opened
  const replaced = Option.getOrUndefined(states.currentOf(self.state))
  // Known before it is heard, because it may have been asked to go already.
  move(self, { _tag: "Ready", guardian: handle })
  onReady(handle)
  for (const [pid, keep] of self.running) handles.add(handle, pid, keep)
  if (replaced?._tag === "Detached" && Option.isSome(replaced.guardian.process.start)) {
    const { pid, start } = replaced.guardian.process
    handle.say(Guardians.Request.Retire({ pid, start: start.value }))
  }
  yield* publish(self)

  const onSilent = () => {
    for (const [pid, keep] of self.running) if (!keep) self.abandoned.add(pid)
  }
  yield* fork(
    self,
    Effect.flatMap(handles.hear(opened, onSilent), (last) => Effect.uninterruptible(leave(self, handle, last)))
  )
  yield* Effect.forkScoped(Effect.interruptible(Effect.ignore(opened.write)))
  yield* Effect.forkScoped(Effect.interruptible(
    Effect.repeat(
      Effect.sync(() => handle.say(Guardians.Request.Beat())),
      Schedule.spaced(Duration.seconds(self.patience.interval))
    )
  ))
  if (replaced?._tag === "Attached") yield* fork(self, retire(self, replaced.guardian, handle))
})

// The end of its input would make the old one end all that it knows. So it quits once its successor has answered what was
// said after the commands that run, and its channel stays open until it has quit.
const retire = (self: Client, old: Handle, successor: Handle) =>
  handles.answered(successor).pipe(
    Effect.zipRight(Effect.sync(() => old.say(Guardians.Request.Quit()))),
    Effect.zipRight(Effect.timeoutOption(Deferred.await(old.left), handles.answeredWithin)),
    Effect.zipRight(Effect.uninterruptible(leave(self, old, "none")))
  )

// Callers that wait for the end of a command learn that this guardian cannot report it.
const leave = (self: Client, handle: Handle, last: "detached" | "none"): Effect.Effect<void> =>
  Effect.gen(function*() {
    if (yield* Deferred.isDone(handle.left)) return
    move(self, { _tag: "Left", guardian: handle, last })
    for (const waiting of handle.ending.values()) Deferred.unsafeDone(waiting, Exit.succeed(false))
    handle.ending.clear()
    yield* Deferred.succeed(handle.left, last)
    yield* publish(self)
    yield* Scope.close(handle.scope, Exit.void)
    if (last === "none") yield* fork(self, Effect.delay(replace(self), replacedAfter))
  })

// After a refused session or a lost connection the next command tries again at once.
const isFinal = ({ reason }: RemoteConnectionError) => reason !== "ChannelRefused" && reason !== "ConnectionLost"

const start = (self: Client, started: Deferred.Deferred<void>) =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const scope = yield* Scope.fork(self.parent, ExecutionStrategy.sequential)
      let guardian: Handle | undefined
      const attached = attach(self, scope, (handle) => {
        guardian = handle
      })
      yield* restore(Deadline.within(self.transport.host, "starting the guardian")(Scope.extend(attached, scope))).pipe(
        Effect.onError((cause) =>
          Effect.flatMap(Clock.currentTimeMillis, (at) => {
            const failure = Option.map(Option.filter(Cause.failureOption(cause), isFinal), (error) => ({ at, error }))
            move(self, { _tag: "Failed", start: started, guardian, failure })
            return Effect.zipRight(publish(self), Scope.close(scope, Exit.failCause(cause)))
          })
        )
      )
    })
  )

// One start for all callers that wait, whichever of them go on waiting.
const starting = (self: Client): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (self.state._tag === "Starting") return Deferred.await(self.state.start)
    const started = Deferred.unsafeMake<void>(FiberId.none)
    move(self, { _tag: "Begun", start: started })
    return Effect.interruptible(Effect.ignore(start(self, started))).pipe(
      Effect.ensuring(Deferred.succeed(started, undefined)),
      Effect.forkIn(self.parent),
      Effect.zipRight(Deferred.await(started))
    )
  })

// A slow guardian does not keep commands from a host.
const begun = (self: Client): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const { state, transport } = self
    if (state._tag === "None" && Option.exists(state.failure, ({ at }) => now - at < triedAgainAfter)) {
      return Effect.void
    }
    const longest = Duration.times(transport.host.connectTimeout, 0.5)
    return Effect.asVoid(finalizer.apart(Effect.timeoutOption(Effect.interruptible(starting(self)), longest)))
  })

// Commands that run are not left without a guardian: they may have registered with one that was about to go.
const replace = (self: Client): Effect.Effect<void> =>
  Effect.suspend(() => Option.isNone(states.currentOf(self.state)) && self.running.size > 0 ? begun(self) : Effect.void)

const warn = (self: Client) =>
  Effect.suspend(() => {
    const { state, transport } = self
    if (self.hasWarned || state._tag !== "None" || Option.isNone(state.failure)) return Effect.void
    self.hasWarned = true
    return Effect.logWarning(
      `No guardian on ${transport.host}: ${state.failure.value.error.detail}. ` +
        "Commands that run when the connection is lost will not be ended there."
    )
  })

// Commands are lost with the one connection. A detached guardian then ends all that it knows, so it must not know the commands
// of the next connection.
const watchConnection = (self: Client) =>
  self.transport.state.pipe(
    Stream.filter((state) => state === "lost"),
    Stream.runForEach(() => {
      self.running.clear()
      self.hasWarned = false
      move(self, { _tag: "ConnectionLost" })
      return publish(self)
    })
  )

const reachable = (self: Client): Option.Option<Handle> =>
  Option.map(Option.filter(states.currentOf(self.state), ({ isReachable }) => isReachable), ({ guardian }) => guardian)

const started = (self: Client): Guardian["started"] => (pid, { keep, registered }) =>
  Effect.suspend(() => {
    self.running.set(pid, keep)
    if (Option.isSome(registered)) self.missed = 0
    const attached = states.attachedOf(self.state)
    // The command may have registered with a guardian that was replaced since.
    if (attached !== undefined && Option.getOrUndefined(registered) !== attached.fifo) handles.add(attached, pid, keep)
    return warn(self)
  })

const missed = (self: Client): Guardian["missed"] => (fifo) =>
  Effect.sync(() => {
    const found = reachable(self)
    if (Option.isNone(found) || found.value.fifo !== fifo) return
    self.missed++
    if (self.missed < allowedToMiss) move(self, { _tag: "Missed", guardian: found.value })
  })

const end = (self: Client): Guardian["end"] => (pid, graceMillis) =>
  Effect.suspend(() => {
    self.abandoned.delete(pid)
    const attached = states.attachedOf(self.state)
    if (attached === undefined) return Effect.succeed(false)
    return Effect.map(handles.end(attached, pid, graceMillis), (ended) => {
      if (ended) self.running.delete(pid)
      return ended
    })
  })

const silence = (self: Client): Guardian["silence"] => (pid, { ask }) =>
  Effect.suspend(() => {
    const { abandoned, patience } = self
    const attached = states.attachedOf(self.state)
    return Effect.map(
      ask && attached !== undefined && !abandoned.has(pid) ? handles.answered(attached) : Effect.void,
      () => abandoned.has(pid) ? Option.some(Duration.seconds(patience.interval * patience.silence)) : Option.none()
    )
  })

/** @internal */
export const make = Effect.fnUntraced(function*(transport: Transport) {
  const self: Client = {
    transport,
    parent: yield* Effect.scope,
    patience: patience(transport.host.keepAlive),
    running: new Map(),
    abandoned: new Set(),
    published: yield* SubscriptionRef.make<GuardianState>("none"),
    state: states.none(),
    missed: 0,
    hasWarned: false
  }
  yield* Effect.forkScoped(Effect.interruptible(watchConnection(self)))
  const isServed = () => self.state._tag === "Attached" && self.state.isReachable
  const guardian: Guardian = {
    state: Stream.changes(self.published.changes),
    ready: transport.host.shell === "none"
      ? Effect.void
      : Effect.suspend(() => isServed() ? Effect.void : begun(self)),
    fifo: Effect.sync(() =>
      self.missed < allowedToMiss ? Option.map(reachable(self), ({ fifo }) => fifo) : Option.none()
    ),
    missed: missed(self),
    started: started(self),
    done: (pid) =>
      Effect.sync(() => {
        self.abandoned.delete(pid)
        if (self.running.delete(pid)) states.attachedOf(self.state)?.say(Guardians.Request.Done({ pid }))
      }),
    lost: (pid) =>
      Effect.sync(() => {
        self.abandoned.delete(pid)
        self.running.delete(pid)
      }),
    silence: silence(self),
    end: end(self)
  }
  return guardian
})
