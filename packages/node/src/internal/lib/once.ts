import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * A value that a callback sets and one fiber awaits. Unlike with a `Deferred`, awaiting a value that is already set does not
 * suspend the fiber.
 *
 * @internal
 */
export interface Once<A> {
  /** Sets the value. Later calls are ignored. */
  readonly set: (value: A) => void
  readonly await: Effect.Effect<A>
}

/** @internal */
export const make = <A>(): Once<A> => {
  let value = Option.none<A>()
  let wake: (() => void) | undefined
  const whenSet = Effect.async<void>((resume) => {
    wake = () => resume(Effect.void)
    if (Option.isSome(value)) wake()
  })
  const awaiting: Effect.Effect<A> = Effect.suspend(() =>
    Option.isSome(value) ? Effect.succeed(value.value) : Effect.zipRight(whenSet, awaiting)
  )
  return {
    set: (first) => {
      if (Option.isSome(value)) return
      value = Option.some(first)
      wake?.()
    },
    await: awaiting
  }
}
