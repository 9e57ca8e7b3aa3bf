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
import * as activities from "./internal/local/activity.js"
import * as progressLine from "./internal/local/progressLine.js"
import * as terminalLine from "./internal/local/terminalLine.js"

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
  /** Time between two plain lines. A number is in milliseconds. Default: 5 seconds. */
  readonly interval?: Duration.DurationInput | undefined
}

const redrawnAfter = 100

// Other code may print to the same terminal by the program's other stream.
const sharing = (output: Writable): ReadonlyArray<Writable> => {
  const standard = [process.stdout, process.stderr]
  return standard.some((stream) => stream === output)
    ? standard.filter((stream) => stream.isTTY && stream !== output)
    : []
}

/**
 * Makes an `onProgress` that draws one transfer after another.
 *
 * On a terminal it redraws one line: a bar, the bytes, the files, the rate and the time left, each in its column. Columns that
 * do not fit into the width of the terminal are left out. Logs and other output of the program appear above the line.
 * For that, `write` of the stream, and of both standard streams if it is one of them, is replaced while the scope is open.
 * Other streams get a line every `interval`, and one at the end.
 *
 * If nothing changes for five seconds, the line shows "stalled" in place of the rate. The line of a failed transfer remains.
 * The cursor is hidden while a line is redrawn, and shown again when the scope closes. A slow or broken stream neither delays
 * nor fails the transfer.
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
    let isBroken = false
    // An `error` event without a listener would end the program.
    const onError = () => {
      isBroken = true
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => output.on("error", onError)),
      () => Effect.sync(() => output.off("error", onError))
    )
    const isUsable = () => !isBroken && !output.destroyed
    if (output.isTTY !== true || process.env.TERM === "dumb") {
      const now = yield* Clock.currentTimeMillis
      return throttled(output, Duration.toMillis(interval), now, (progress, isStalled) => {
        if (isUsable()) output.write(`${progressLine.plain(progress, isStalled)}\n`)
      })
    }
    const line = yield* Effect.acquireRelease(
      Effect.sync(() => terminalLine.make([output, ...sharing(output)], isUsable)),
      ({ close }) => Effect.sync(close)
    )
    return throttled(output, redrawnAfter, -Infinity, (progress, isStalled) => {
      line.draw(progressLine.make(progress, (output.columns ?? 80) - 1, isStalled))
      if (progress.isDone) line.end()
    })
  }
)

// Draws at most once in `between` milliseconds, but always the last progress.
const throttled = (
  output: Writable,
  between: number,
  since: number,
  draw: (progress: Transfer.Progress, isStalled: boolean) => void
) => {
  let last = since
  let activity = activities.initial
  return (progress: Transfer.Progress): Effect.Effect<void> =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      activity = activities.step(activity, progress, now)
      if (!progress.isDone && (now - last < between || output.writableNeedDrain)) return
      last = now
      draw(progress, activities.isStalled(activity, now))
    })
}
