/**
 * What killed clients leave behind: recognised by its name, and old by the clock of the file system that it lies on.
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
 * SFTP does not tell the time, and the host's own clock need not be that of a file server: a new file has the time that
 * counts.
 */
const now = (operations: Operations, directory: string): Effect.Effect<number, PlatformError> => {
  const call = { method, path: directory }
  return Effect.flatMap(probe.attributes(operations, call), ({ mtime }) =>
    mtime === undefined
      ? Effect.fail(errors.system(call, "Unknown", undefined, "the SFTP server tells no times"))
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
        errors.badArgument(call, `${String(olderThan)} is no time that a file can be left alone for`)
      )
    }
    const entries = (yield* operations.list(call)).filter(({ attributes, filename }) =>
      hiddenNames.isHidden(filename) && fileMode.isRegularFile(attributes)
    )
    if (entries.length === 0) return []
    const time = yield* now(operations, directory)
    // Both times are whole seconds, rounded down: the difference can be almost one too many.
    const isOld = ({ mtime }: { readonly mtime?: number }) =>
      mtime !== undefined && Math.max(0, time - mtime - 1) >= Duration.toSeconds(least.value)
    const removed = yield* Effect.forEach(
      entries.filter(({ attributes }) => isOld(attributes)),
      ({ filename }) =>
        Effect.as(operations.removeFile({ method, path: posixPath.join(directory, filename) }), [filename]).pipe(
          // Somebody else's in a directory of many, or gone by now.
          Effect.catchIf(errors.isReason("NotFound", "PermissionDenied"), () => Effect.succeed([]))
        ),
      { concurrency: 8 }
    )
    return removed.flat()
  })
