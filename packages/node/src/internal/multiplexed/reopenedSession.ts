/**
 * A session that is opened again if the server closes it before it has answered the request for a program. Such a server has not
 * started the program. Dropbear does so if another program ends at that moment.
 */
import type { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { Channel } from "@effect-remote/core/Transport"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** @internal */
export interface Attempt {
  readonly channel: Channel
  /** Waits for the answers to the requests. `false` if the server closed the session without them. */
  readonly isAnswered: Effect.Effect<boolean, RemoteConnectionError>
}

interface State {
  channel: Channel
  /** Writes before the answer, in order. They are repeated in the next session. */
  readonly written: Array<Uint8Array>
  size: number
  isEnded: boolean
  isReopening: boolean
  /** Whether the channel stays. */
  isSettled: boolean
  failure: RemoteConnectionError | undefined
}

/**
 * Further sessions that are opened.
 *
 * @internal
 */
export const attempts = 5

// Writers of more bytes wait for the answer.
const kept = 64 * 1024

// Writes that come meanwhile wait until this is done, so that the order stays.
const reopen = Effect.fnUntraced(function*<R>(state: State, open: Effect.Effect<Attempt, RemoteConnectionError, R>) {
  state.isReopening = true
  const attempt = yield* open
  state.channel = attempt.channel
  for (const bytes of state.written) yield* attempt.channel.write(bytes)
  if (state.isEnded) yield* attempt.channel.end
  state.isReopening = false
  return attempt
})

const follow = <R>(
  state: State,
  open: Effect.Effect<Attempt, RemoteConnectionError, R>,
  unanswered: RemoteConnectionError,
  { isAnswered }: Attempt,
  left: number
): Effect.Effect<void, RemoteConnectionError, R> =>
  Effect.flatMap(isAnswered, (answered) => {
    if (answered) return Effect.void
    if (left === 0) return unanswered
    return Effect.flatMap(reopen(state, open), (next) => follow(state, open, unanswered, next, left - 1))
  })

/**
 * Opens a session. Does not wait for the answers to its requests. Reading waits for them, which takes no longer, because no
 * output comes before them. If every attempt stays unanswered, the channel fails with `unanswered`.
 *
 * @internal
 */
export const make = Effect.fnUntraced(function*(
  open: Effect.Effect<Attempt, RemoteConnectionError, Scope.Scope>,
  unanswered: RemoteConnectionError
) {
  const attempt = yield* open
  const settled = yield* Deferred.make<void>()
  const state: State = {
    channel: attempt.channel,
    written: [],
    size: 0,
    isEnded: false,
    isReopening: false,
    isSettled: false,
    failure: undefined
  }
  const settle = Effect.suspend(() => {
    state.isSettled = true
    state.written.length = 0
    return Deferred.succeed(settled, undefined)
  })
  yield* follow(state, open, unanswered, attempt, attempts).pipe(
    Effect.catchAll((error) =>
      Effect.sync(() => {
        state.failure = error
      })
    ),
    Effect.zipRight(settle),
    Effect.interruptible,
    Effect.forkScoped
  )

  const whenSettled = <A>(
    use: (channel: Channel) => Effect.Effect<A, RemoteConnectionError>
  ): Effect.Effect<A, RemoteConnectionError> =>
    Effect.suspend(() =>
      state.isSettled
        ? state.failure ?? use(state.channel)
        : Effect.zipRight(Deferred.await(settled), whenSettled(use))
    )
  const write: Channel["write"] = (bytes) =>
    Effect.suspend(() => {
      if (state.isSettled || state.isReopening || state.size + bytes.length > kept) {
        return whenSettled((channel) => channel.write(bytes))
      }
      state.written.push(bytes)
      state.size += bytes.length
      return Effect.flatMap(
        state.channel.write(bytes),
        (more) => more || state.isSettled ? Effect.succeed(more) : whenSettled(() => Effect.succeed(true))
      )
    })
  const { consume } = attempt.channel
  const channel: Channel = {
    read: whenSettled(({ read }) => read),
    readStderr: whenSettled(({ readStderr }) => readStderr),
    consume: consume && ((take) => whenSettled((channel) => (channel.consume ?? consume)(take))),
    write,
    end: Effect.suspend(() => {
      state.isEnded = true
      return state.isReopening ? Effect.void : state.channel.end
    }),
    exit: whenSettled(({ exit }) => exit)
  }
  return channel
})
