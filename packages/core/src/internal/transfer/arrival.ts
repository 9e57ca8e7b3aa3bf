/**
 * Writes a file under a hidden, unguessable name in the target's directory, and then renames it to the target.
 */
import * as Effect from "effect/Effect"
import * as hiddenFile from "../files/hiddenFile.js"
import * as posixPath from "../lib/posixPath.js"
import * as errors from "../sftp/errors.js"
import type { Endpoint, Fx, Identity, PreservedAttributes, Written } from "./endpoint.js"

/**
 * Removes a hidden file while the transfer goes on. A failure is a warning.
 *
 * @internal
 */
export const remove = (side: Endpoint, path: string): Effect.Effect<void> =>
  Effect.catchAll(side.removeFile(path), (error) =>
    errors.isNotFound(error)
      ? Effect.void
      : Effect.logWarning(`The hidden file ${JSON.stringify(path)} may remain`, error))

/**
 * Runs `make`, which creates the hidden file, then renames the file to the target. Fails if another file has taken the hidden
 * name. An interrupted rename has either happened or not: the target is complete in both cases.
 *
 * @internal
 */
export const arrive = <A extends { readonly id?: Identity | undefined }>(
  side: Endpoint,
  target: string,
  make: (hidden: hiddenFile.Hidden) => Fx<A>
): Fx<A> => under(side, target, (hidden) => Effect.tap(make(hidden), ({ id }) => side.rename(hidden.path, target, id)))

/**
 * Runs `make` with a hidden name in the target's directory. After a failure or an interruption, removes the file if it may
 * exist.
 *
 * @internal
 */
export const under = <A>(side: Endpoint, target: string, make: (hidden: hiddenFile.Hidden) => Fx<A>): Fx<A> =>
  Effect.suspend(() => {
    const hidden = hiddenFile.unsafeNameIn(posixPath.parent(target))
    const named = errors.ofHidden(hidden.path, { method: side.method, path: target })
    return Effect.mapError(
      Effect.onError(make(hidden), () => hiddenFile.discard(hidden, side.removeFile(hidden.path))),
      named
    )
  })

/**
 * Writes a hidden file in as few steps as possible.
 *
 * @internal
 */
export const writeSmall = (
  side: Endpoint,
  hidden: hiddenFile.Hidden,
  bytes: Uint8Array,
  kept: PreservedAttributes,
  sync: boolean,
  target: string
): Fx<Written> => hiddenFile.creating(hidden, side.writeSmall(hidden, bytes, kept, sync, target))
