/**
 * Hidden files and directories that exist for a moment, beside what they are for.
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
 * A name of a file or directory of ours.
 *
 * @internal
 */
export interface Hidden {
  readonly path: string
  /** Whether its creation was begun and not refused. */
  mayExist: boolean
}

/** @internal */
export const named = (path: string): Hidden => ({ path, mayExist: false })

/**
 * A path in the directory that cannot be guessed.
 *
 * @internal
 */
export const unsafePathIn = (directory: string): string =>
  posixPath.join(directory, hiddenNames.temporaryName(random.unsafeHex()))

/**
 * A name in the directory that cannot be guessed.
 *
 * @internal
 */
export const nameIn = (directory: string): Effect.Effect<Hidden> => Effect.sync(() => named(unsafePathIn(directory)))

/**
 * Runs what creates it. Only an interruption or a lost answer leaves doubt whether it exists, a refusal does not. `isMade`:
 * whether it was made before the effect failed.
 *
 * @internal
 */
export const creating = <A, R>(
  hidden: Hidden,
  create: Effect.Effect<A, PlatformError, R>,
  isMade: () => boolean = () => false
): Effect.Effect<A, PlatformError, R> =>
  Effect.suspend(() => {
    hidden.mayExist = true
    return Effect.tapErrorCause(create, (cause) =>
      Effect.sync(() => {
        if (errors.isRefusal(cause) && !isMade()) hidden.mayExist = false
      }))
  })

/**
 * Removes it if it may exist. No interruption ends this, and it waits for `finalizer.grace` at most. Logs `left` as a warning
 * if it may remain.
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
