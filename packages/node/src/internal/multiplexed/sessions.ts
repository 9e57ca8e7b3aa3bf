/**
 * The sessions of one connection. A server limits their number (`MaxSessions`). At that limit:
 *
 * - The limit is learned from refusals (`sessionLimit.ts`).
 * - Further callers wait in order (`sessionQueue.ts`). While a session is in use here, the wait has no deadline. If all
 *   sessions are closed here but the server still counts them, the wait ends after `patience`.
 * - Idle sessions are asked to close for a waiting caller (`idleSessions.ts`).
 * - Callers with the priority `"idle"` or `"urgent"` do not wait: they fail with `ChannelRefused`.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { SessionOptions } from "@effect-remote/core/Transport"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type { Channel, OpenRefused, Watcher } from "../protocol/channel.js"
import * as idleSessions from "./idleSessions.js"
import type { Metrics } from "./metrics.js"
import * as sessionLimit from "./sessionLimit.js"
import * as sessionQueue from "./sessionQueue.js"

/**
 * Requests a session from the server.
 *
 * @internal
 */
export type Attempt = (
  watcher: Watcher
) => Effect.Effect<Channel, OpenRefused | RemoteConnectionError, Scope.Scope>

/** @internal */
export interface Sessions {
  readonly open: (
    attempt: Attempt,
    options: SessionOptions
  ) => Effect.Effect<Channel, RemoteConnectionError, Scope.Scope>
  /** Fails all waiting and all later callers. */
  readonly fail: (error: RemoteConnectionError) => void
  readonly waiting: () => number
}

interface Ticket {
  readonly number: number
  readonly options: SessionOptions
  /**
   * Determines who returns the admission: the holder of the ticket (`granted`, `refused`), the end of the channel (`used`),
   * or no one (`none`, `left`). `left`: the holder no longer waits for the answer.
   */
  slot: "none" | "granted" | "used" | "refused" | "left"
  /** When the session was requested. */
  sentAt: number
  /** When the caller asked. */
  since: number
  /** Ends the wait. Set by `awaitTurn`. */
  go: (result: Effect.Effect<void, RemoteConnectionError>) => void
}

interface Idle extends idleSessions.IdleSession {
  readonly ticket: Ticket
  status: idleSessions.Status
}

interface State {
  readonly host: string
  readonly metrics: Pick<Metrics, "waiting">
  readonly patience: Duration.Duration
  readonly clock: Clock.Clock
  /** Runs in the scope of the connection. */
  readonly fork: (effect: Effect.Effect<void>) => void
  /** The current value. Each step replaces it. */
  limit: sessionLimit.SessionLimit
  /** Added by `awaitTurn`; removed when admitted, interrupted, stuck or failed. */
  queue: ReadonlyArray<Ticket>
  /** Sessions with an `onReclaim`, from their confirmation until they are gone. */
  readonly idle: Map<Ticket, Idle>
  /** Called when the only session of a connection has ended. `undefined` if the server allows more. */
  readonly onSpent: (() => void) | undefined
  /** Set once, by `fail`. */
  failure: RemoteConnectionError | undefined
}

const retryAfter = "5 millis"

const waits = ({ priority = "normal" }: SessionOptions): boolean => priority === "normal"

// Delay before a spare session is asked to close for a waiting caller, and time for an asked session to close.
const reclaimAfter = "100 millis"

const later = (state: State, delay: Duration.DurationInput, task: () => void): void =>
  state.fork(Effect.delay(Effect.sync(task), delay))

// Admits waiting callers up to the limit.
const advance = (state: State): void => {
  state.limit = sessionLimit.probe(state.limit, state.queue.length, state.clock.unsafeCurrentTimeMillis())
  while (state.failure === undefined && sessionLimit.canAdmit(state.limit)) {
    const [next] = state.queue
    if (next === undefined) return
    remove(state, next)
    state.limit = sessionLimit.admit(state.limit)
    next.slot = "granted"
    next.go(Effect.void)
  }
  reclaim(state)
}

const remove = (state: State, ticket: Ticket): void => {
  const queue = sessionQueue.remove(state.queue, ticket)
  state.metrics.waiting(queue.length - state.queue.length)
  state.queue = queue
}

const release = (state: State): void => {
  state.limit = sessionLimit.release(state.limit)
  advance(state)
}

// Asks an idle session to close if a caller waits.
const reclaim = (state: State): void => {
  const [first] = state.queue
  if (first === undefined || !sessionLimit.isFull(state.limit)) return
  const next = idleSessions.reclaim(state.idle.values(), state.limit.open)
  if (next._tag === "Now") return askToClose(state, next.session)
  if (next._tag === "None") return
  const { session } = next
  session.status = "Pending"
  later(state, reclaimAfter, () => {
    if (!state.idle.has(session.ticket)) return
    if (state.queue.includes(first)) return askToClose(state, session)
    session.status = "Kept"
    reclaim(state)
  })
}

const askToClose = (state: State, session: Idle): void => {
  session.status = "Asked"
  state.fork(session.ticket.options.onReclaim ?? Effect.void)
  // The asked session may be in use for a long time. Another one is asked then.
  later(state, reclaimAfter, () => reclaim(state))
}

const stuck = ({ host, limit, patience }: State): RemoteConnectionError =>
  new RemoteConnectionError({
    reason: "TimedOut",
    host,
    detail:
      `no session became free within ${Duration.format(patience)}: ${limit.open} were closed here, but the server` +
      " still counts them",
    hint:
      "A session becomes free when its last process has ended. Check the startup files of the login shell (.bashrc, .profile)" +
      " and the host's process list for a program that hangs."
  })

// Called when a caller begins to wait, and when the last caller leaves its session.
const watchWaiting = (state: State): void => {
  if (state.limit.held > 0 || state.queue.length === 0) return
  later(state, state.patience, () => {
    if (state.limit.held > 0) return
    const callers = sessionQueue.stuck(state.queue, {
      now: state.clock.unsafeCurrentTimeMillis(),
      patience: Duration.toMillis(state.patience),
      unheldSince: state.limit.unheldSince
    })
    for (const ticket of callers) {
      remove(state, ticket)
      ticket.go(stuck(state))
    }
  })
}

const awaitTurn = (state: State, ticket: Ticket): Effect.Effect<void, RemoteConnectionError> =>
  Effect.async((resume) => {
    ticket.go = resume
    if (state.failure !== undefined) return resume(state.failure)
    state.queue = sessionQueue.insert(state.queue, ticket)
    state.metrics.waiting(1)
    advance(state)
    watchWaiting(state)
  })

// Waits again, or fails.
const onRefusal = (
  state: State,
  ticket: Ticket,
  { description, reason }: OpenRefused
): Effect.Effect<void, RemoteConnectionError> => {
  const wasPaused = state.limit.isPaused
  const { refusal, state: limit } = sessionLimit.refuse(
    state.limit,
    ticket.sentAt,
    state.clock.unsafeCurrentTimeMillis()
  )
  state.limit = limit
  ticket.slot = "none"
  if (limit.isPaused && !wasPaused) {
    later(state, retryAfter, () => {
      state.limit = sessionLimit.resume(state.limit)
      advance(state)
    })
  }
  if (waits(ticket.options) && refusal !== "Denied") return Effect.void
  advance(state)
  return new RemoteConnectionError({
    reason: "ChannelRefused",
    host: state.host,
    detail: `the server refused a session: ${description || "no reason given"} (${reason})`,
    hint: "Check that this account may open sessions: MaxSessions in the server's sshd_config limits them."
  })
}

const open = (
  state: State,
  ticket: Ticket,
  attempt: Attempt
): Effect.Effect<Channel, RemoteConnectionError, Scope.Scope> =>
  Effect.zipRight(
    awaitTurn(state, ticket),
    Effect.catchTag(attempt(watcher(state, ticket)), "OpenRefused", (refused) =>
      Effect.zipRight(
        Effect.suspend(() => onRefusal(state, ticket, refused)),
        open(state, ticket, attempt)
      ))
  )

const watcher = (state: State, ticket: Ticket): Watcher => {
  const { clock, idle } = state
  let isConfirmed = false
  let isHeld = false
  const left = () => {
    if (!isHeld) return
    isHeld = false
    state.limit = sessionLimit.leave(state.limit, clock.unsafeCurrentTimeMillis())
    watchWaiting(state)
  }
  return {
    sent: () => {
      ticket.slot = "used"
      ticket.sentAt = clock.unsafeCurrentTimeMillis()
    },
    confirmed: () => {
      isConfirmed = true
      isHeld = true
      state.limit = sessionLimit.confirm(state.limit)
      const { onReclaim, priority } = ticket.options
      if (onReclaim !== undefined) idle.set(ticket, { ticket, isSpare: priority === "idle", status: "Kept" })
      reclaim(state)
    },
    left,
    refused: () => {
      if (ticket.slot === "left") release(state)
      else ticket.slot = "refused"
    },
    gone: () => {
      idle.delete(ticket)
      left()
      if (isConfirmed) state.limit = sessionLimit.forget(state.limit, clock.unsafeCurrentTimeMillis())
      // Afterwards, because the connection still has this channel.
      if (isConfirmed && state.onSpent !== undefined) {
        state.fork(Effect.zipRight(Effect.yieldNow(), Effect.sync(state.onSpent)))
      } else release(state)
    }
  }
}

// Called after the caller has got its session, has failed or was interrupted.
const leave = (state: State, ticket: Ticket): void => {
  remove(state, ticket)
  const { slot } = ticket
  ticket.slot = "left"
  if (slot === "granted" || slot === "refused") release(state)
}

/**
 * `onSpent`: the server serves one session for each connection. Called when it has ended.
 *
 * @internal
 */
export const make = Effect.fnUntraced(function*(
  host: string,
  metrics: Pick<Metrics, "waiting">,
  patience: Duration.DurationInput,
  onSpent?: () => void
) {
  const run = yield* FiberSet.makeRuntime<never>()
  const state: State = {
    host,
    metrics,
    patience: Duration.decode(patience),
    clock: yield* Effect.clock,
    fork: (effect) => void run(effect),
    limit: onSpent === undefined ? sessionLimit.initial : sessionLimit.fixed(1),
    queue: [],
    idle: new Map(),
    onSpent,
    failure: undefined
  }
  let tickets = 0

  // The timer probes the limit even if no other event occurs.
  state.fork(Effect.forever(Effect.delay(Effect.sync(() => advance(state)), sessionLimit.probeAfter)))

  const sessions: Sessions = {
    open: (attempt, options) =>
      Effect.suspend(() => {
        const since = state.clock.unsafeCurrentTimeMillis()
        const ticket: Ticket = { number: tickets++, options, slot: "none", sentAt: 0, since, go: () => {} }
        // A spare session must leave one free for others.
        if (
          !waits(options) &&
          !sessionLimit.canAdmitAtOnce(state.limit, state.queue.length, options.priority === "idle" ? 1 : 0)
        ) {
          return new RemoteConnectionError({
            reason: "ChannelRefused",
            host,
            detail: "no free session on this connection (MaxSessions)"
          })
        }
        return Effect.ensuring(open(state, ticket, attempt), Effect.sync(() => leave(state, ticket)))
      }),
    fail: (error) => {
      state.failure = error
      metrics.waiting(-state.queue.length)
      const failed = state.queue
      state.queue = []
      for (const ticket of failed) ticket.go(error)
    },
    waiting: () => state.queue.length
  }
  return sessions
})
