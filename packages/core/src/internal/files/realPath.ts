import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as posixPath from "../lib/posixPath.js"
import type { Attempt } from "../sftp/failure.js"
import * as failure from "../sftp/failure.js"
import type { Operations } from "../sftp/requests.js"

/**
 * The name without links of what is at a path, or would be if it were there.
 *
 * @internal
 */
export const intended = (operations: Operations, attempt: Attempt): Effect.Effect<string, PlatformError> =>
  Effect.catchIf(
    Effect.zipRight(operations.stat(attempt), operations.realPath(attempt)),
    (error) => failure.isNotFound(error) && !["", "/", "."].includes(attempt.path),
    () =>
      Effect.map(
        intended(operations, { ...attempt, path: posixPath.parent(attempt.path) }),
        // There are no links in what is missing.
        (above) => posixPath.normalize(posixPath.join(above, posixPath.base(attempt.path)))
      )
  )
