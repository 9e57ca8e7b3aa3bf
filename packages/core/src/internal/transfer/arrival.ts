/**
 * Writes a file under a hidden, unguessable name in the target's directory, and then renames it to the target.
 */
import * as Effect from "effect/Effect"
import * as hiddenFile from "../files/hiddenFile.js"
import * as posixPath from "../lib/posixPath.js"
import * as errors from "../sftp/errors.js"
import type { Endpoint, Fx, Identity } from "./endpoint.js"

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
 * Removes a hidden file after a failure or an interruption. No interruption ends this, and it has a bound.
 *
 * @internal
 */
export const discard = (side: Endpoint, path: string): Effect.Effect<void> =>
  hiddenFile.discard({ path, mayExist: true }, side.removeFile(path))

/**
 * Runs `make` with the hidden name, then renames the file to the target. Fails if another file has taken the hidden name. An
 * interrupted rename has either happened or not: the target is complete in both cases.
 *
 * @internal
 */
export const arrive = <A extends { readonly id?: Identity | undefined }>(
  side: Endpoint,
  target: string,
  make: (temporary: string) => Fx<A>
): Fx<A> =>
  under(side, target, (temporary) => Effect.tap(make(temporary), ({ id }) => side.rename(temporary, target, id)))

/**
 * As `arrive`, but `make` renames the file itself.
 *
 * @internal
 */
export const under = <A>(side: Endpoint, target: string, make: (temporary: string) => Fx<A>): Fx<A> =>
  Effect.suspend(() => {
    const temporary = hiddenFile.unsafePathIn(posixPath.parent(target))
    return Effect.onError(make(temporary), () => discard(side, temporary))
  })
