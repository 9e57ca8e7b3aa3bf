/**
 * Draws the progress of transfers on a terminal.
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
 * The options of `make`.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The stream to draw on. Default: stderr. A terminal (`isTTY`, and `TERM` is not `dumb`) gets one line that is redrawn,
   * other streams get plain lines.
   */
  readonly output?: (Writable & { readonly isTTY?: boolean; readonly columns?: number }) | undefined
  /** Time between two plain lines. Default: 5 seconds. */
  readonly interval?: Duration.DurationInput | undefined
}

const redrawnAfter = 100

const hideCursor = "\x1b[?25l"
const showCursor = "\x1b[?25h"
const eraseToEnd = "\x1b[K"

/**
 * Makes an `onProgress` that draws one transfer after another.
 *
 * On a terminal it redraws one line: a bar, the bytes, the files, the rate and the time left. Parts that do not fit into the
 * width of the terminal are left out. Other streams get a line every `interval`, and one at the end.
 *
 * The line of a failed transfer remains. The cursor is hidden while a line is redrawn, and shown again when the scope
 * closes. A slow or broken stream neither delays nor fails the transfer.
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
    // An `error` event without a listener would end the program.
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
