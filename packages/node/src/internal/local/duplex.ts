/**
 * Reads and writes Node's streams as effects. The events of a stream have listeners from the start.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Readable, Writable } from "node:stream"

/**
 * Reads the next bytes. `None`: end of file. `onError` converts the error of the stream.
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
 * Joins all writes of one turn of the event loop into one system call.
 *
 * @internal
 */
export const gather = (stream: Writable): void => {
  if (stream.writableCorked > 0) return
  stream.cork()
  setImmediate(() => stream.uncork())
}

/** @internal */
export interface Writes {
  /** Succeeds with `false` if the other side no longer reads. */
  readonly write: (bytes: Uint8Array) => Effect.Effect<boolean>
  /** Waits until all bytes are written, or the other side no longer reads. */
  readonly end: Effect.Effect<void>
}

// Maximum number of bytes that wait in a stream. One system call writes many of them.
const buffered = 256 * 1024

/** @internal */
export const writer = (stream: Writable): Writes => {
  const isBroken = () => stream.errored !== null || stream.destroyed
  const waiting = new Set<() => void>()
  const notify = () => waiting.forEach((wake) => wake())
  for (const event of ["drain", "finish", "error", "close"]) stream.on(event, notify)
  const until = (met: () => boolean) =>
    Effect.async<void>((resume) => {
      const wake = () => {
        if (!met() && !isBroken()) return
        waiting.delete(wake)
        resume(Effect.void)
      }
      waiting.add(wake)
      wake()
      return Effect.sync(() => waiting.delete(wake))
    })

  return {
    write: (bytes) =>
      Effect.suspend(() => {
        if (isBroken() || stream.writableEnded) return Effect.succeed(false)
        gather(stream)
        stream.write(bytes)
        return stream.writableLength < buffered
          ? Effect.succeed(true)
          : Effect.map(until(() => !stream.writableNeedDrain), () => !isBroken())
      }),
    end: Effect.suspend(() => {
      if (!isBroken() && !stream.writableEnded) stream.end()
      return until(() => stream.writableFinished)
    })
  }
}
