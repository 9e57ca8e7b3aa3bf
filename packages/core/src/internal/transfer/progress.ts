/**
 * The progress of a transfer. A fiber of its own reports it to the listener.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { Progress } from "../../Transfer.js"
import * as finalizer from "../lib/finalizer.js"

/** @internal */
export interface ProgressCounter {
  /** A file was found. */
  readonly found: (size: bigint) => void
  /** Bytes were sent. */
  readonly sent: (size: number) => void
  /** Bytes need not be sent. */
  readonly spared: (size: bigint) => void
  /** A file is done, with any outcome. */
  readonly settled: () => void
  readonly counted: () => void
}

const window = 5000
const samplesKept = 50

const toldEvery = "1 second"

// A listener that has not returned this long after the end of the transfer is interrupted.
const patience = "1 second"

const silent: ProgressCounter = { found() {}, sent() {}, spared() {}, settled() {}, counted() {} }

/**
 * Runs a transfer. Reports its progress to the listener while it runs, and at its end.
 *
 * @internal
 */
export const told = <A, E, R>(
  listener: ((progress: Progress) => Effect.Effect<void>) | undefined,
  use: (counter: ProgressCounter) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => listener === undefined ? use(silent) : telling(listener, use)

const telling = <A, E, R>(
  listener: (progress: Progress) => Effect.Effect<void>,
  use: (counter: ProgressCounter) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.scoped(Effect.gen(function*() {
    let files = 0
    let totalFiles = 0
    let totalBytes = 0n
    let sent = 0n
    let spared = 0n
    let isCounted = false
    let isDone = false
    const changed = Effect.unsafeMakeLatch(false)
    const start = yield* Clock.currentTimeMillis
    const samples: Array<readonly [time: number, sent: bigint]> = [[start, 0n]]

    const snapshot = Effect.map(Clock.currentTimeMillis, (now): Progress => {
      const last = samples[samples.length - 1]!
      if (now - last[0] >= window / samplesKept) samples.push([now, sent])
      while (samples.length > 1 && now - samples[1]![0] >= window) samples.shift()
      const [since, before] = samples[0]!
      const rate = now > since ? Number(sent - before) * 1000 / (now - since) : 0
      const left = totalBytes - sent - spared
      return {
        files,
        totalFiles,
        bytes: sent + spared,
        totalBytes,
        isCounted,
        rate,
        timeLeft: isCounted && left >= 0n && (rate > 0 || left === 0n)
          ? Duration.millis(left === 0n ? 0 : Number(left) * 1000 / rate)
          : undefined,
        isDone
      }
    })
    const tell = Effect.flatMap(snapshot, (progress) => Effect.suspend(() => listener(progress)))
    // A failing listener does not fail the transfer.
    const forgiven = Effect.catchAllCause((cause) => Effect.logWarning("onProgress failed", cause))
    const patiently = <A>(fiber: Fiber.Fiber<A>) =>
      Effect.flatMap(
        finalizer.apart(Effect.timeoutOption(Effect.interruptible(Fiber.await(fiber)), patience)),
        (ended) => Option.isNone(ended) ? Fiber.interruptFork(fiber) : Effect.void
      )
    const telling = Effect.whileLoop({
      while: () => !isDone,
      body: () =>
        Effect.zipRight(
          changed.await,
          Effect.suspend(() => {
            changed.unsafeClose()
            return isDone ? Effect.void : tell
          })
        ),
      step: () => {}
    }).pipe(forgiven, Effect.interruptible)
    // Without changes the rate falls.
    yield* Effect.forkScoped(Effect.interruptible(
      Effect.schedule(Effect.sync(() => changed.unsafeOpen()), Schedule.spaced(toldEvery))
    ))
    const running = yield* Effect.acquireRelease(
      Effect.forkDaemon(telling),
      (fiber) => Effect.zipRight(Fiber.interruptFork(fiber), patiently(fiber))
    )
    const count = (change: () => void) => {
      change()
      changed.unsafeOpen()
    }
    const exit = yield* Effect.exit(use({
      found: (size) =>
        count(() => {
          totalFiles++
          totalBytes += size
        }),
      sent: (size) =>
        count(() => {
          sent += BigInt(size)
        }),
      spared: (size) =>
        count(() => {
          spared += size
        }),
      settled: () =>
        count(() => {
          files++
        }),
      counted: () =>
        count(() => {
          isCounted = true
        })
    }))
    yield* Effect.sync(() =>
      count(() => {
        isDone = true
      })
    )
    yield* patiently(running)
    yield* Effect.flatMap(Effect.forkDaemon(forgiven(tell)), patiently)
    return yield* exit
  }))
