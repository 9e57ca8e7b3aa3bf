/**
 * Hidden files and directories that exist for a moment, beside what they are for.
 */
import * as Effect from "effect/Effect"
import * as finalizer from "../lib/finalizer.js"
import type { Fx } from "../lib/fx.js"
import * as posixPath from "../lib/posixPath.js"
import * as random from "../lib/random.js"
import * as errors from "../sftp/errors.js"
import * as hiddenNames from "./hiddenNames.js"

/**
 * A path in the directory that cannot be guessed.
 *
 * @internal
 */
export const pathIn = (directory: string): Effect.Effect<string> => Effect.sync(() => unsafePathIn(directory))

/** @internal */
export const unsafePathIn = (directory: string): string =>
  posixPath.join(directory, hiddenNames.temporaryName(random.unsafeHex()))

/**
 * Removes a hidden file, if it exists. No interruption ends this, and it waits for `finalizer.grace` at most. Logs `left`
 * as a warning if the file may remain.
 *
 * @internal
 */
export const discard = (
  path: string,
  remove: Fx<void>,
  left = `The hidden file ${JSON.stringify(path)} may remain`
): Effect.Effect<void> => finalizer.bounded(Effect.catchIf(remove, errors.isNotFound, () => Effect.void), { left })
