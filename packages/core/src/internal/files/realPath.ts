import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as posixPath from "../lib/posixPath.js"
import type { CallContext } from "../sftp/callContext.js"
import * as errors from "../sftp/errors.js"
import type { Operations } from "../sftp/requests.js"

/**
 * Resolves the links of a path. The path need not exist: the links of its existing part are resolved.
 *
 * @internal
 */
export const intended = (operations: Operations, call: CallContext): Effect.Effect<string, PlatformError> =>
  Effect.catchIf(
    Effect.zipRight(operations.stat(call), operations.realPath(call)),
    (error) => errors.isNotFound(error) && !["", "/", "."].includes(call.path),
    () =>
      Effect.map(
        intended(operations, { ...call, path: posixPath.parent(call.path) }),
        // The missing part of the path contains no links.
        (above) => posixPath.normalize(posixPath.join(above, posixPath.base(call.path)))
      )
  )
