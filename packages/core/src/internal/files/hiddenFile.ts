/**
 * Hidden files and directories that exist for a short time, in the directory that they are used for.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as finalizer from "../lib/finalizer.js"
import type { Fx } from "../lib/fx.js"
import * as posixPath from "../lib/posixPath.js"
import * as random from "../lib/random.js"
import * as errors from "../sftp/errors.js"
import * as hiddenNames from "./hiddenNames.js"

/**
 * A hidden file or directory of this library.
 *
 * @internal
 */
export interface Hidden {
  readonly path: string
  /** Whether its creation was begun and not refused. */
  mayExist: boolean
  /** Whether it was created. Set by an effect that also writes to it, and may fail later. */
  isMade: boolean
}

/** @internal */
export const named = (path: string): Hidden => ({ path, mayExist: false, isMade: false })

/**
 * A name in the directory that cannot be guessed.
 *
 * @internal
 */
export const unsafeNameIn = (directory: string): Hidden =>
  named(posixPath.join(directory, hiddenNames.temporaryName(random.unsafeHex())))

/**
 * Runs the effect that creates the hidden file. If this is interrupted or the answer is lost, the file may exist. After a
 * refusal it does not exist, unless it was made before the effect failed.
 *
 * @internal
 */
export const creating = <A, R>(
  hidden: Hidden,
  create: Effect.Effect<A, PlatformError, R>
): Effect.Effect<A, PlatformError, R> =>
  Effect.suspend(() => {
    hidden.mayExist = true
    return Effect.tapErrorCause(create, (cause) =>
      Effect.sync(() => {
        if (errors.isRefusal(cause) && !hidden.isMade) hidden.mayExist = false
      }))
  })

/**
 * Removes the hidden file if it may exist. Cannot be interrupted, and takes at most `finalizer.grace`. Logs `left` as a warning
 * if the file may remain.
 *
 * @internal
 */
export const discard = (
  hidden: Hidden,
  remove: Fx<void>,
  left = `The hidden file ${JSON.stringify(hidden.path)} may remain`
): Effect.Effect<void> =>
  Effect.suspend(() =>
    hidden.mayExist
      ? finalizer.bounded(Effect.catchIf(remove, errors.isNotFound, () => Effect.void), { left })
      : Effect.void
  )
