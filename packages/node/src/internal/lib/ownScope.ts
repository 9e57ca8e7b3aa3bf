import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"

/**
 * Runs an effect in a new scope below `parent`. If the effect fails, the scope closes at once. Otherwise it closes with
 * `close`, or with its parent.
 *
 * @internal
 */
export const make = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  parent: Scope.Scope
): Effect.Effect<
  { readonly value: A; readonly close: Effect.Effect<void> },
  E,
  Exclude<R, Scope.Scope>
> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      Scope.fork(parent, ExecutionStrategy.sequential),
      (scope) =>
        restore(Scope.extend(effect, scope)).pipe(
          Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
          Effect.map((value) => ({ value, close: Scope.close(scope, Exit.void) }))
        )
    )
  )
