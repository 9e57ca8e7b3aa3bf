/**
 * A file that is made for a moment, for what only a new file shows: who this user is, and the time of its file system.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import { type Attributes, OpenFlags } from "../../protocol/Sftp.js"
import * as finalizer from "../lib/finalizer.js"
import * as posixPath from "../lib/posixPath.js"
import * as random from "../lib/random.js"
import type { Attempt } from "../sftp/failure.js"
import * as failure from "../sftp/failure.js"
import type { Operations } from "../sftp/requests.js"
import * as hiddenNames from "./hiddenNames.js"

/**
 * Makes a hidden file in the attempt's directory, looks at it, and removes it. `sweepTemporary` finds one that a killed
 * client left.
 *
 * @internal
 */
export const attributes = (
  operations: Operations,
  { method, path }: Attempt
): Effect.Effect<Attributes, PlatformError> =>
  Effect.scoped(Effect.gen(function*() {
    const attempt = { method, path: posixPath.join(path, hiddenNames.temporaryName(yield* random.hex)) }
    yield* Effect.addFinalizer(() =>
      finalizer.bounded(Effect.catchIf(operations.removeFile(attempt), failure.isNotFound, () => Effect.void), {
        left: `The hidden file ${JSON.stringify(attempt.path)} may remain`
      })
    )
    const file = yield* operations.open(attempt, OpenFlags.write | OpenFlags.create | OpenFlags.exclusive, {
      permissions: 0o600
    })
    return yield* file.stat
  }))
