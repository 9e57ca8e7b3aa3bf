/**
 * How far a transfer is, drawn on a terminal.
 *
 * @since 0.1.0
 */
import type * as Transfer from "@effect-remote/core/Transfer"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as process from "node:process"
import type { Writable } from "node:stream"
import * as progressLine from "./internal/local/progressLine.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Where it is drawn: in place where that is a terminal (`isTTY`, and `TERM` is not `dumb`), else as plain lines. Default:
   * stderr, so that the program's output stays its own.
   */
  readonly output?: (Writable & { readonly isTTY?: boolean; readonly columns?: number }) | undefined
  /** The time between two plain lines. Default: 5 seconds. */
  readonly interval?: Duration.DurationInput | undefined
}

const redrawnAfter = 100

const hideCursor = "\x1b[?25l"
const showCursor = "\x1b[?25h"
const eraseToEnd = "\x1b[K"

/**
 * What draws the progress of one transfer after the other, for `onProgress`. On a terminal it is one line, redrawn in place
 * and never wider than the terminal, with a bar, the bytes, the files, the rate and the time left, as far as there is room;
 * else a line every few seconds, and one for the end. The line of a transfer that did not end stays as it was, and with
 * the scope the cursor is shown again. An output that takes nothing holds up nothing, and is no failure.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { RemoteFileSystem } from "@effect-remote/core"
 * import { TransferProgress } from "@effect-remote/node"
 * import { Effect } from "effect"
 *
 * const upload = Effect.scoped(Effect.gen(function*() {
 *   const fs = yield* RemoteFileSystem.RemoteFileSystem
 *   const onProgress = yield* TransferProgress.make()
 *   return yield* fs.put("dist", "/srv/app", { onProgress })
 * }))
 * ```
 */
export const make: (
  options?: Options
) => Effect.Effect<(progress: Transfer.Progress) => Effect.Effect<void>, never, Scope.Scope> = Effect.fnUntraced(
  function*({ interval = "5 seconds", output = process.stderr }: Options = {}) {
    const inPlace = output.isTTY === true && process.env.TERM !== "dumb"
    const between = inPlace ? redrawnAfter : Duration.toMillis(interval)
    let isBroken = false
    let isDrawn = false
    let last = inPlace ? -Infinity : yield* Clock.currentTimeMillis

    const write = (text: string) => {
      if (!isBroken && !output.destroyed) output.write(text)
    }
    // An error that nobody listens to ends the program.
    const onError = () => {
      isBroken = true
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => output.on("error", onError)),
      () => Effect.sync(() => output.off("error", onError))
    )
    yield* Effect.addFinalizer(() => Effect.sync(() => isDrawn && write(`\n${showCursor}`)))

    return (progress) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        if (!progress.isDone && (now - last < between || output.writableNeedDrain)) return
        last = now
        if (!inPlace) return write(`${progressLine.make(progress)}\n`)
        const line = progressLine.make(progress, (output.columns ?? 80) - 1)
        write(`${isDrawn ? "" : hideCursor}\r${line}${eraseToEnd}${progress.isDone ? `\n${showCursor}` : ""}`)
        isDrawn = !progress.isDone
      })
  }
)
