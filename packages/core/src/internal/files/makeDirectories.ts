import * as Effect from "effect/Effect"
import * as fileMode from "../lib/fileMode.js"
import type { Fx } from "../lib/fx.js"
import * as posixPath from "../lib/posixPath.js"
import type { CallContext } from "../sftp/callContext.js"
import * as errors from "../sftp/errors.js"
import type { Operations } from "../sftp/requests.js"

/**
 * Creates a directory and its missing parents. Returns the paths of the created directories. Succeeds if the directory
 * exists.
 *
 * @internal
 */
export const make = (
  operations: Operations,
  call: CallContext,
  attributes: { readonly permissions?: number }
): Fx<ReadonlyArray<string>> => {
  const above = posixPath.parent(call.path)
  const one = Effect.as(operations.makeDirectory(call, attributes), [call.path])
  const made: Fx<ReadonlyArray<string>> = Effect.catchIf(
    one,
    (error) => errors.isNotFound(error) && above !== call.path,
    () =>
      Effect.zipWith(
        // A dangling link exists, but is not a directory.
        Effect.catchIf(
          make(operations, { ...call, path: above }, attributes),
          errors.isNotFound,
          (error) => Effect.fail(errors.system(call, "BadResource", error))
        ),
        one,
        (above, [path]) => [...above, path!]
      )
  )
  return Effect.catchIf(
    made,
    errors.isReason("AlreadyExists"),
    (error) =>
      Effect.flatMap(
        operations.stat(call),
        (found) => fileMode.isDirectory(found) ? Effect.succeed([]) : Effect.fail(error)
      )
  )
}
