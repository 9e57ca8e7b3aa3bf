import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"

/**
 * Runs an effect once for all concurrent callers. It runs in `scope`, so it goes on for the others if a caller is
 * interrupted.
 *
 * @internal
 */
export const make = <A, E, R>(effect: Effect.Effect<A, E, R>, scope: Scope.Scope): Effect.Effect<A, E, R> => {
  let running: Deferred.Deferred<A, E> | undefined
  return Effect.uninterruptibleMask((restore) =>
    Effect.suspend(() => {
      if (running !== undefined) return restore(Deferred.await(running))
      const result = Deferred.unsafeMake<A, E>(FiberId.none)
      running = result
      return effect.pipe(
        Effect.interruptible,
        Effect.onExit((exit) => {
          running = undefined
          return Deferred.done(result, exit)
        }),
        Effect.forkIn(scope),
        Effect.zipRight(restore(Deferred.await(result)))
      )
    })
  )
}
