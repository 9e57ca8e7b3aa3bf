/**
 * How a file gets its name: it is written under a hidden one beside it, which nobody can guess.
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
 * Has it made under the hidden name, and then gives it its own, if it still is the file that `make` has told. An interrupted rename has happened or not, and both are
 * whole.
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
 * As `arrive`, of what gives it its own name itself.
 *
 * @internal
 */
export const under = <A>(side: Endpoint, target: string, make: (temporary: string) => Fx<A>): Fx<A> =>
  Effect.suspend(() => {
    const temporary = hiddenFile.unsafePathIn(posixPath.parent(target))
    return Effect.onError(make(temporary), () => discard(side, temporary))
  })
