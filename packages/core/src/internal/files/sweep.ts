/**
 * Removes hidden files that killed clients left. They are known by their names. Their age is measured by the clock of their
 * file system.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as duration from "../lib/duration.js"
import * as fileMode from "../lib/fileMode.js"
import * as posixPath from "../lib/posixPath.js"
import * as errors from "../sftp/errors.js"
import type { Operations } from "../sftp/requests.js"
import * as hiddenNames from "./hiddenNames.js"
import * as probe from "./probe.js"

const method = "sweepTemporary"

/**
 * Returns the time of the file system: the time of a new file. SFTP has no request for it, and a file server's clock may differ
 * from the host's.
 */
const now = (operations: Operations, directory: string): Effect.Effect<number, PlatformError> => {
  const call = { method, path: directory }
  return Effect.flatMap(probe.attributes(operations, call), ({ mtime }) =>
    mtime === undefined
      ? Effect.fail(errors.system(call, "Unknown", undefined, "the SFTP server does not report the times of files"))
      : Effect.succeed(mtime))
}

/** @internal */
export const sweepTemporary = (
  operations: Operations,
  directory: string,
  olderThan: Duration.DurationInput
): Effect.Effect<Array<string>, PlatformError> =>
  Effect.gen(function*() {
    const call = { method, path: directory }
    const least = duration.finite(olderThan)
    if (Option.isNone(least)) {
      return yield* Effect.fail(
        errors.badArgument(call, `\`olderThan\` must be a finite, non-negative duration, got ${String(olderThan)}`)
      )
    }
    const entries = (yield* operations.list(call)).filter(({ attributes, filename }) =>
      hiddenNames.isHidden(filename) && fileMode.isRegularFile(attributes)
    )
    if (entries.length === 0) return []
    const time = yield* now(operations, directory)
    // Both times are whole seconds, rounded down, so the difference can be almost one second too large.
    const isOld = ({ mtime }: { readonly mtime?: number }) =>
      mtime !== undefined && Math.max(0, time - mtime - 1) >= Duration.toSeconds(least.value)
    const removed = yield* Effect.forEach(
      entries.filter(({ attributes }) => isOld(attributes)),
      ({ filename }) =>
        Effect.as(operations.removeFile({ method, path: posixPath.join(directory, filename) }), [filename]).pipe(
          // The file belongs to another user in a shared directory, or is gone already.
          Effect.catchIf(errors.isReason("NotFound", "PermissionDenied"), () => Effect.succeed([]))
        ),
      { concurrency: 8 }
    )
    return removed.flat()
  })
