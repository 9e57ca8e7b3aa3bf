/**
 * The guardian of one transport. It is started with the first command, and replaced after it has ended.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
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
import * as scopes from "../lib/scopes.js"
import type { Handle } from "./handle.js"
import * as handles from "./handle.js"
import * as states from "./state.js"

/**
 * - `"none"`: no command was run yet, or the host does not allow a guardian.
 * - `"attached"`: it receives messages of this program.
 * - `"detached"`: a command needed its session. It watches the server's process for the connection.
 *
 * @internal
 */
export type GuardianState = "none" | "attached" | "detached"

/** @internal */
export interface Guardian {
  readonly state: Stream.Stream<GuardianState>
  /** Waits until it is ready, or cannot be started. */
  readonly ready: Effect.Effect<void>
  /** The FIFO with which the next command registers itself. */
  readonly fifo: Effect.Effect<Option.Option<string>>
  /** Called if a command did not find the FIFO and did not run. */
  readonly missed: (fifo: string) => Effect.Effect<void>
  /** Called after a command has started. `registered`: the FIFO with which it has registered itself. */
  readonly started: (
    pid: number,
    options: { readonly keep: boolean; readonly registered: Option.Option<string> }
  ) => Effect.Effect<void>
  /** Called after a command has exited. */
  readonly done: (pid: number) => Effect.Effect<void>
  /** Called after the connection of a command is lost. Its guardian terminates the command. */
  readonly lost: (pid: number) => Effect.Effect<void>
  /**
   * The time without a message after which the guardian terminated the command. `None`: the command ended for another
   * reason. `ask`: waits for reports of the guardian that may be in flight.
   */
  readonly silence: (pid: number, options: { readonly ask: boolean }) => Effect.Effect<Option.Option<Duration.Duration>>
  /**
   * Terminates all processes of a command. `false`: without an attached guardian, or if the guardian left before its answer.
   */
  readonly end: (pid: number, graceMillis: number) => Effect.Effect<boolean>
}

type State = states.State<Handle, Deferred.Deferred<void>>

type Event = states.Event<Handle, Deferred.Deferred<void>>

interface Client {
  readonly transport: Transport
  readonly parent: Scope.Scope
  readonly patience: ReturnType<typeof patience>
  /** Running commands, and whether they go on after a lost connection. */
  readonly running: Map<number, boolean>
  /** Commands that the guardian terminated because it received nothing. */
  readonly abandoned: Set<number>
  readonly published: SubscriptionRef.SubscriptionRef<GuardianState>
  /** Written by `move`. */
  state: State
  /** Number of consecutive commands that did not find their FIFO. Written by `missed` and `started`. */
  missed: number
  /** Whether a failure was logged on this connection. Written by `warn`, and when the connection is lost. */
  hasWarned: boolean
}

// If commands do not share /tmp with the guardian, they never find the FIFO. Then this program registers them.
const allowedToMiss = 2

// Delay before a guardian that ended is replaced.
const replacedAfter = "1 second"

// Delay before another attempt on a host that could not start a guardian, in milliseconds.
const triedAgainAfter = 30_000

const defaultKeepAlive = { interval: Duration.seconds(15), count: 3 }

/**
 * The interval of beats in seconds, and the number of silent intervals after which the guardian terminates the commands.
 * This is somewhat later than this side considers the connection lost.
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
  // Set before reports are read, because the guardian may already have been asked to detach.
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
  yield* scopes.forkInterruptible(Effect.ignore(opened.write))
  yield* scopes.forkInterruptible(Effect.repeat(
    Effect.sync(() => handle.say(Guardians.Request.Beat())),
    Schedule.spaced(Duration.seconds(self.patience.interval))
  ))
  if (replaced?._tag === "Attached") yield* fork(self, retire(self, replaced.guardian, handle))
})

// At the end of its stdin, the old guardian would terminate all its commands. It therefore quits only after its successor
// has answered, and thus received all running commands. Its channel stays open until then.
const retire = (self: Client, old: Handle, successor: Handle) =>
  handles.answered(successor).pipe(
    Effect.zipRight(Effect.sync(() => old.say(Guardians.Request.Quit()))),
    Effect.zipRight(Effect.timeoutOption(Deferred.await(old.left), handles.answeredWithin)),
    Effect.zipRight(Effect.uninterruptible(leave(self, old, "none")))
  )

// Callers that wait for the end of a command get `false`, because this guardian cannot report it.
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

// Other failures delay the next attempt. After a refused session or a lost connection, the next command tries again at once.
const isFinal = ({ reason }: RemoteConnectionError) => reason !== "ChannelRefused" && reason !== "ConnectionLost"

const start = (self: Client, started: Deferred.Deferred<void>) =>
  Effect.uninterruptibleMask((restore) =>
    scopes.below(self.parent, (scope) => {
      let guardian: Handle | undefined
      const attached = attach(self, scope, (handle) => {
        guardian = handle
      })
      return restore(Deadline.within(self.transport.host, "starting the guardian")(Scope.extend(attached, scope))).pipe(
        Effect.onError((cause) =>
          Effect.flatMap(Clock.currentTimeMillis, (at) => {
            const failure = Option.map(Option.filter(Cause.failureOption(cause), isFinal), (error) => ({ at, error }))
            move(self, { _tag: "Failed", start: started, guardian, failure })
            return publish(self)
          })
        )
      )
    })
  )

// All concurrent callers share one start. It goes on if some of them are interrupted.
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

// A slow guardian delays a command by at most half of `connectTimeout`.
const begun = (self: Client): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const { state, transport } = self
    if (state._tag === "None" && Option.exists(state.failure, ({ at }) => now - at < triedAgainAfter)) {
      return Effect.void
    }
    const longest = Duration.times(transport.host.connectTimeout, 0.5)
    return Effect.asVoid(finalizer.apart(Effect.timeoutOption(Effect.interruptible(starting(self)), longest)))
  })

// Running commands need a guardian. They may have registered with one that was about to quit.
const replace = (self: Client): Effect.Effect<void> =>
  Effect.suspend(() => Option.isNone(states.currentOf(self.state)) && self.running.size > 0 ? begun(self) : Effect.void)

const warn = (self: Client) =>
  Effect.suspend(() => {
    const { state, transport } = self
    if (self.hasWarned || state._tag !== "None" || Option.isNone(state.failure)) return Effect.void
    self.hasWarned = true
    return Effect.logWarning(
      `No guardian on ${transport.host}: ${state.failure.value.error.detail}. ` +
        "If the connection is lost, running commands will go on there."
    )
  })

// A lost connection ends all its commands. A detached guardian then terminates all commands that it knows, so commands of
// the next connection must not be registered with it.
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
  yield* scopes.forkInterruptible(watchConnection(self))
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
