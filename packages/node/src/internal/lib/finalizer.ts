/**
 * As `internal/lib/finalizer.ts` of core, which the packages do not share.
 *
 * Waits that an interruption ends only where it may. Effect passes an interruption on to the children of an uninterruptible
 * fiber, too. A finalizer that waits in `timeoutTo(interruptible(work))` is therefore cut short by any interruption that
 * comes while it runs: the second one, or the first one after a `timeout` or a normal end.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"

/**
 * How long a finalizer waits for the host.
 *
 * @internal
 */
export const grace = Duration.seconds(5)

/**
 * Runs the effect in a fiber that no interruption of the caller's parents reaches. If the caller is interruptible, its
 * interruption interrupts the effect and waits for its end. If the caller is uninterruptible, nothing does, and the effect
 * may still contain interruptible parts, such as a timeout.
 *
 * @internal
 */
export const apart = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      Effect.forkDaemon(restore(effect)),
      (fiber) => Effect.onInterrupt(restore(Fiber.join(fiber)), () => Fiber.interrupt(fiber))
    )
  )

/**
 * Does the work of a finalizer that waits for the host. No interruption reaches it. After `within` it is abandoned. `left`
 * is logged as a warning when it fails or is abandoned.
 *
 * @internal
 */
export const bounded = <A, E, R>(
  work: Effect.Effect<A, E, R>,
  { left, within = grace }: { readonly within?: Duration.DurationInput; readonly left: string }
): Effect.Effect<void, never, R> =>
  // Disconnected: what does not heed its interruption is not waited for.
  Effect.disconnect(work).pipe(
    Effect.interruptible,
    Effect.timeoutOption(within),
    Effect.matchCauseEffect({
      onFailure: (cause) => Effect.logWarning(left, Cause.squash(cause)),
      onSuccess: (done) =>
        Option.isSome(done)
          ? Effect.void
          : Effect.logWarning(`${left}: the host did not answer within ${Duration.format(within)}`)
    }),
    apart,
    Effect.uninterruptible
  )
