/**
 * Work that ends with a scope, and scopes below another one.
 */
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"

/**
 * Forks an effect that runs until its end, or until the scope closes. It is interruptible even if the caller is not, because
 * otherwise the scope could not close.
 *
 * @internal
 */
export const forkInterruptible = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<Fiber.RuntimeFiber<A, E>, never, R | Scope.Scope> => Effect.forkScoped(Effect.interruptible(effect))

/**
 * Makes a scope below `parent`, and closes it if `use` fails. The caller must be uninterruptible, and `use` may restore.
 *
 * @internal
 */
export const below = <A, E, R>(
  parent: Scope.Scope,
  use: (scope: Scope.CloseableScope) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.flatMap(
    Scope.fork(parent, ExecutionStrategy.sequential),
    (scope) => Effect.onError(use(scope), (cause) => Scope.close(scope, Exit.failCause(cause)))
  )

/**
 * A value and what closes its scope.
 *
 * @internal
 */
export interface Owned<A> {
  readonly value: A
  readonly close: Effect.Effect<void>
}

/**
 * Runs an effect in a new scope below `parent`. If the effect fails, the scope closes at once. Otherwise it closes with
 * `close`, or with its parent.
 *
 * @internal
 */
export const own = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  parent: Scope.Scope
): Effect.Effect<Owned<A>, E, Exclude<R, Scope.Scope>> =>
  Effect.uninterruptibleMask((restore) =>
    below(parent, (scope) =>
      Effect.map(
        restore(Scope.extend(effect, scope)),
        (value) => ({ value, close: Scope.close(scope, Exit.void) })
      ))
  )
