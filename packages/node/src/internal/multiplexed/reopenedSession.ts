/**
 * A session that is opened again if the server closes it before it has answered the request for a program. Such a server has not
 * started the program. Dropbear does so if another program ends at that moment.
 */
import type { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { Channel } from "@effect-remote/core/Transport"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as reopenedSessionState from "./reopenedSessionState.js"

/** @internal */
export interface Attempt {
  readonly channel: Channel
  /** Waits for the answers to the requests. `false` if the server closed the session without them. */
  readonly isAnswered: Effect.Effect<boolean, RemoteConnectionError>
}

/** @internal */
export interface Options {
  /** Opens the next session. */
  readonly open: Effect.Effect<Attempt, RemoteConnectionError, Scope.Scope>
  /** The error if no attempt is answered. */
  readonly unanswered: RemoteConnectionError
  /**
   * Whether input is sent before the answers. This saves a round trip. Some servers close the connection if input follows a
   * request that they refuse.
   */
  readonly sendsEarly: boolean
}

interface Session extends Options {
  /** Done when the state is `Settled` or `Failed`. */
  readonly settled: Deferred.Deferred<void>
  /** Written by `move`. */
  state: reopenedSessionState.State<Channel>
}

const move = (self: Session, event: reopenedSessionState.Event<Channel>): void => {
  self.state = reopenedSessionState.step(self.state, event)
}

// Writers wait meanwhile, so `writes` does not grow. `hasEnded` may change.
const reopen = Effect.fnUntraced(function*(self: Session, { writes }: reopenedSessionState.Input) {
  const attempt = yield* self.open
  const { channel } = attempt
  for (const bytes of writes) yield* channel.write(bytes)
  move(self, { _tag: "Reopened", channel })
  if (self.state._tag === "Opening" && self.state.input.hasEnded) yield* channel.end
  return attempt
})

const follow = (
  self: Session,
  { isAnswered }: Attempt
): Effect.Effect<void, RemoteConnectionError, Scope.Scope> =>
  Effect.flatMap(isAnswered, (answered) => {
    move(self, answered ? { _tag: "Answered" } : { _tag: "Closed", error: self.unanswered })
    return self.state._tag === "Reopening"
      ? Effect.flatMap(reopen(self, self.state.input), (next) => follow(self, next))
      : Effect.void
  })

const whenSettled = <A>(
  self: Session,
  use: (channel: Channel) => Effect.Effect<A, RemoteConnectionError>
): Effect.Effect<A, RemoteConnectionError> =>
  Effect.suspend(() => {
    switch (self.state._tag) {
      case "Settled":
        return use(self.state.channel)
      case "Failed":
        return self.state.error
      default:
        return Effect.zipRight(Deferred.await(self.settled), whenSettled(self, use))
    }
  })

// A write that a closed session did not take is repeated in the next one.
const write = (self: Session): Channel["write"] => (bytes) =>
  Effect.suspend(() => {
    if (!self.sendsEarly || !reopenedSessionState.accepts(self.state, bytes)) {
      return whenSettled(self, (channel) => channel.write(bytes))
    }
    const { channel } = self.state
    move(self, { _tag: "Written", bytes })
    return Effect.flatMap(
      channel.write(bytes),
      (more) =>
        more || self.state._tag === "Settled" ? Effect.succeed(more) : whenSettled(self, () => Effect.succeed(true))
    )
  })

const end = (self: Session): Channel["end"] =>
  Effect.suspend(() => {
    if (!self.sendsEarly) return whenSettled(self, ({ end }) => end)
    move(self, { _tag: "Ended" })
    return self.state._tag === "Opening" || self.state._tag === "Settled" ? self.state.channel.end : Effect.void
  })

/**
 * The channel of a session. Its reads wait for the answers to the requests. This takes no longer, because no output comes before
 * them.
 *
 * @internal
 */
export const make = Effect.fnUntraced(function*(attempt: Attempt, options: Options) {
  const self: Session = {
    ...options,
    settled: yield* Deferred.make<void>(),
    state: reopenedSessionState.initial(attempt.channel)
  }
  yield* follow(self, attempt).pipe(
    Effect.catchAll((error) => Effect.sync(() => move(self, { _tag: "Failed", error }))),
    Effect.zipRight(Deferred.succeed(self.settled, undefined)),
    Effect.interruptible,
    Effect.forkScoped
  )
  const { consume } = attempt.channel
  const channel: Channel = {
    read: whenSettled(self, ({ read }) => read),
    readStderr: whenSettled(self, ({ readStderr }) => readStderr),
    consume: consume && ((take) => whenSettled(self, (channel) => (channel.consume ?? consume)(take))),
    write: write(self),
    end: end(self),
    exit: whenSettled(self, ({ exit }) => exit),
    exitReported: Effect.suspend(() =>
      self.state._tag === "Settled" ? self.state.channel.exitReported ?? Effect.succeedNone : Effect.succeedNone
    )
  }
  return channel
})
