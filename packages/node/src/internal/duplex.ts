/**
 * Node's streams as reads and writes. Every event of theirs has a listener from the moment of adoption on.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Readable, Writable } from "node:stream"

/**
 * The next bytes, `None` at the end. A stream that broke fails with what `onError` makes of it.
 *
 * @internal
 */
export const reader = <E>(
  stream: Readable,
  onError: (cause: unknown) => E
): Effect.Effect<Option.Option<Uint8Array>, E> => {
  let failure: Option.Option<unknown> = Option.fromNullable(stream.errored)
  let ended = stream.destroyed || stream.readableEnded
  let wake: (() => void) | undefined
  const notify = () => wake?.()
  stream.on("readable", notify)
  stream.on("end", () => {
    ended = true
    notify()
  })
  stream.on("error", (cause) => {
    failure = Option.some(cause)
    notify()
  })
  stream.on("close", () => {
    ended = true
    notify()
  })

  return Effect.async((resume) => {
    const attempt = () => {
      const bytes: Uint8Array | null = stream.read()
      if (bytes !== null) return finish(Effect.succeed(Option.some(bytes)))
      if (Option.isSome(failure)) return finish(Effect.fail(onError(failure.value)))
      if (ended) finish(Effect.succeed(Option.none()))
    }
    const finish = (result: Effect.Effect<Option.Option<Uint8Array>, E>) => {
      wake = undefined
      resume(result)
    }
    wake = attempt
    attempt()
    return Effect.sync(() => {
      wake = undefined
    })
  })
}

/**
 * `false` when the other side reads no more.
 *
 * @internal
 */
export const writer = (stream: Writable): (bytes: Uint8Array) => Effect.Effect<boolean> => {
  let broken = false
  stream.on("error", () => {
    broken = true
  })
  return (bytes) =>
    Effect.async((resume) => {
      if (broken || stream.writableEnded || stream.destroyed) return resume(Effect.succeed(false))
      stream.write(bytes, (error) => resume(Effect.succeed(error === null || error === undefined)))
    })
}

/** @internal */
export const end = (stream: Writable): Effect.Effect<void> =>
  Effect.sync(() => {
    if (!stream.writableEnded) stream.end()
  })
