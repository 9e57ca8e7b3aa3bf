/**
 * The sessions that a server allows on one connection (`MaxSessions`). How many these are nobody says: it is learned from a
 * refusal. Whoever finds none left waits, in order. While a session is in use, that wait has no deadline. If all are closed
 * here and the server does not let go of them, it ends after `patience`.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { SessionOptions } from "@effect-remote/core/Transport"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import type { Channel, OpenRefused, Watcher } from "../protocol/mux.js"
import type { Metrics } from "./metrics.js"

/**
 * Asks the server for a session.
 *
 * @internal
 */
export type Attempt = (
  watcher: Watcher
) => Effect.Effect<Channel, OpenRefused | RemoteConnectionError, Scope.Scope>

/** @internal */
export interface Sessions {
  readonly open: (
    send: Attempt,
    options: SessionOptions
  ) => Effect.Effect<Channel, RemoteConnectionError, Scope.Scope>
  /** Whoever waits fails. */
  readonly fail: (error: RemoteConnectionError) => void
  readonly waiting: () => number
}

interface Ticket {
  readonly number: number
  readonly options: SessionOptions
  /**
   * One that is `used` is given back by the channel, one that was `granted` or `refused` by whoever has it: perhaps somebody
   * who was interrupted just then. `left`: nobody waits for the answer any more.
   */
  readonly slot: { state: "none" | "granted" | "used" | "refused" | "left"; sent: number }
  go: (result: Effect.Effect<void, RemoteConnectionError>) => void
  /** When it began to wait, by the clock. */
  since: number | undefined
}

// A server counts a session a little longer than we do: it ends when the process has.
const releaseLag = 250
const retryAfter = "5 millis"

// A server that was slow to release looked as if it allowed less. One more is tried from time to time; a refusal costs little.
const doubtAfter = 10_000

// A session that is spare goes only for somebody who really waits, not for each of a crowd of short commands.
const spareUntil = "100 millis"

/** @internal */
export const make = Effect.fnUntraced(function*(
  host: string,
  metrics: Pick<Metrics, "waiting">,
  patience: Duration.DurationInput
) {
  const longest = Duration.toMillis(patience)
  const clock = yield* Effect.clock
  const run = yield* FiberSet.makeRuntime<never>()
  let limit = Infinity
  let learned = 0
  // Whether one more than the limit that was learned is being tried.
  let doubted = false
  let open = 0
  let confirmed = 0
  // Those that somebody here uses, and when there were none last.
  let held = 0
  let unheldSince = -Infinity
  let lastGone = -Infinity
  let paused = false
  let tickets = 0
  let failure: RemoteConnectionError | undefined
  const queue: Array<Ticket> = []
  // Those that stay open without being in use, and whether they have been asked to go.
  const staying = new Map<Ticket, boolean | "soon">()

  const later = (effect: Effect.Effect<void>) => void run(effect)

  const advance = () => {
    if (queue.length > 0 && open >= limit && clock.unsafeCurrentTimeMillis() - learned > doubtAfter) {
      learn(limit + 1)
      doubted = true
    }
    while (!paused && failure === undefined && open < limit) {
      const next = queue.shift()
      if (next === undefined) return
      metrics.waiting(-1)
      open++
      next.slot.state = "granted"
      next.go(Effect.void)
    }
    press()
  }

  const stuck = (): RemoteConnectionError =>
    new RemoteConnectionError({
      reason: "TimedOut",
      host,
      detail:
        `no session became free within ${Duration.format(patience)}: ${open} were closed here, and the server still` +
        " counts them",
      hint:
        "Does a startup file of the login shell hang (.bashrc, .profile), or a command that cannot be ended? A session" +
        " becomes free when what runs in it has ended."
    })

  // Nobody here uses what they wait for, so nobody here can end the wait.
  const giveUp = () => {
    if (held > 0) return
    const now = clock.unsafeCurrentTimeMillis()
    const isLate = ({ since = now }: Ticket) => now - Math.max(since, unheldSince) >= longest
    for (const ticket of queue.filter(isLate)) {
      remove(ticket)
      ticket.go(stuck())
    }
  }
  const watchWaiting = () => {
    if (held === 0 && queue.length > 0) later(Effect.delay(Effect.sync(giveUp), longest))
  }

  const unhold = () => {
    held--
    if (held > 0) return
    unheldSince = clock.unsafeCurrentTimeMillis()
    watchWaiting()
  }

  const wanted = (ticket: Ticket) => {
    staying.set(ticket, true)
    later(ticket.options.onWanted ?? Effect.void)
    // It may be in use for long, and the next one is not.
    later(Effect.delay(Effect.sync(press), spareUntil))
  }

  // Somebody waits for what is not in use.
  const press = () => {
    const [first] = queue
    if (first === undefined || open < limit) return
    for (const [ticket, asked] of staying) {
      if (asked === true || !ticket.options.spare) continue
      if (asked === "soon") return
      staying.set(ticket, "soon")
      later(Effect.delay(
        Effect.sync(() => {
          if (queue.includes(first) && staying.has(ticket)) wanted(ticket)
          else if (staying.has(ticket)) {
            staying.set(ticket, false)
            press()
          }
        }),
        spareUntil
      ))
      return
    }
    if (staying.size < open) return
    for (const [ticket, asked] of staying) {
      if (!asked) return wanted(ticket)
    }
  }

  const enqueue = (ticket: Ticket) => {
    const at = queue.findIndex(({ number }) => number > ticket.number)
    queue.splice(at < 0 ? queue.length : at, 0, ticket)
    metrics.waiting(1)
  }

  const turn = (ticket: Ticket): Effect.Effect<void, RemoteConnectionError> =>
    Effect.async((resume) => {
      ticket.go = resume
      ticket.since ??= clock.unsafeCurrentTimeMillis()
      if (failure !== undefined) return resume(failure)
      enqueue(ticket)
      advance()
      watchWaiting()
    })

  const remove = (ticket: Ticket) => {
    const at = queue.indexOf(ticket)
    if (at < 0) return
    queue.splice(at, 1)
    metrics.waiting(-1)
  }

  const leave = (ticket: Ticket) => {
    remove(ticket)
    const { state } = ticket.slot
    ticket.slot.state = "left"
    if (state === "granted" || state === "refused") release()
  }

  const release = () => {
    open--
    advance()
  }

  const learn = (sessions: number) => {
    limit = sessions
    learned = clock.unsafeCurrentTimeMillis()
  }

  // Nobody else tries meanwhile.
  const pause = () => {
    if (paused) return
    paused = true
    later(Effect.delay(
      Effect.sync(() => {
        paused = false
        advance()
      }),
      retryAfter
    ))
  }

  const refused = (
    { options, slot }: Ticket,
    { description, reason }: OpenRefused
  ): Effect.Effect<void, RemoteConnectionError> => {
    open--
    slot.state = "none"
    if (doubted) limit--
    doubted = false
    const lags = slot.sent - lastGone < releaseLag
    if (lags) pause()
    else if (confirmed > 0) learn(confirmed)
    if (!options.spare && !options.urgent && (lags || confirmed > 0)) return Effect.void
    advance()
    return new RemoteConnectionError({
      reason: "ChannelRefused",
      host,
      detail: `the server opened no session: ${description || "no reason given"} (${reason})`,
      hint: "Does the account allow sessions? MaxSessions in sshd_config limits those of one connection."
    })
  }

  const attempt = (
    ticket: Ticket,
    send: Attempt
  ): Effect.Effect<Channel, RemoteConnectionError, Scope.Scope> =>
    Effect.zipRight(
      turn(ticket),
      Effect.catchTag(send(watcher(ticket)), "OpenRefused", (refusal) =>
        Effect.zipRight(
          // Ahead of those who came later.
          Effect.suspend(() => refused(ticket, refusal)),
          attempt(ticket, send)
        ))
    )

  const watcher = (ticket: Ticket): Watcher => {
    let isConfirmed = false
    let isHeld = false
    const letGo = () => {
      if (!isHeld) return
      isHeld = false
      unhold()
    }
    return {
      sent: () => {
        ticket.slot.state = "used"
        ticket.slot.sent = clock.unsafeCurrentTimeMillis()
      },
      confirmed: () => {
        isConfirmed = true
        confirmed++
        isHeld = true
        held++
        if (confirmed >= limit) {
          limit = confirmed
          doubted = false
        }
        if (ticket.options.onWanted !== undefined) staying.set(ticket, false)
        press()
      },
      left: letGo,
      refused: () => {
        if (ticket.slot.state === "left") release()
        else ticket.slot.state = "refused"
      },
      gone: () => {
        staying.delete(ticket)
        letGo()
        if (isConfirmed) {
          confirmed--
          lastGone = clock.unsafeCurrentTimeMillis()
        }
        release()
      }
    }
  }

  // Nothing else may happen meanwhile.
  later(Effect.forever(Effect.delay(Effect.sync(advance), doubtAfter)))

  const sessions: Sessions = {
    open: (send, options) =>
      Effect.suspend(() => {
        const ticket: Ticket = {
          number: tickets++,
          options,
          slot: { state: "none", sent: 0 },
          go: () => {},
          since: undefined
        }
        // One that does not wait: a spare one leaves a session for others.
        const needed = options.spare ? 2 : options.urgent ? 1 : 0
        if (needed > 0 && (paused || queue.length > 0 || open + needed > limit)) {
          return new RemoteConnectionError({
            reason: "ChannelRefused",
            host,
            detail: "the server allows no session more than those in use"
          })
        }
        return Effect.ensuring(attempt(ticket, send), Effect.sync(() => leave(ticket)))
      }),
    fail: (error) => {
      failure = error
      metrics.waiting(-queue.length)
      for (const ticket of queue.splice(0)) ticket.go(error)
    },
    waiting: () => queue.length
  }
  return sessions
})
