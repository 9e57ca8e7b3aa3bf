/**
 * What killed clients leave behind: recognised by its name, and old by the clock of the file system that it lies on.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { OpenFlags } from "../../protocol/Sftp.js"
import * as posixPath from "../posixPath.js"
import * as random from "../random.js"
import * as failure from "../sftp/failure.js"
import type { Operations } from "../sftp/operations.js"
import * as atomicWrite from "./atomicWrite.js"
import * as duration from "./duration.js"

/**
 * The names of atomic writes, and of transfers that can be resumed.
 *
 * @internal
 */
export const isTemporaryName = (name: string): boolean =>
  /^\.effect-remote-(?:[0-9a-f]{32}\.tmp|[0-9a-f]{16}-[0-9a-z]+--?[0-9a-z]+\.part)$/.test(name)

const method = "sweepTemporary"

/**
 * SFTP does not tell the time, and the host's own clock need not be that of a file server: a new file has the time that
 * counts. Its name is swept, too, should this be killed now.
 */
const now = (operations: Operations, directory: string): Effect.Effect<number, PlatformError> =>
  Effect.gen(function*() {
    const attempt = { method, path: posixPath.join(directory, atomicWrite.temporaryName(yield* random.hex)) }
    yield* Effect.addFinalizer(() =>
      operations.removeFile(attempt).pipe(
        Effect.interruptible,
        Effect.timeoutOption("10 seconds"),
        Effect.catchIf(failure.isReason("NotFound"), () => Effect.void),
        Effect.ignoreLogged
      )
    )
    const file = yield* operations.open(attempt, OpenFlags.write | OpenFlags.create | OpenFlags.exclusive, {
      permissions: 0o600
    })
    const { mtime } = yield* file.stat
    return mtime === undefined
      ? yield* Effect.fail(failure.system(attempt, "Unknown", undefined, "the SFTP server tells no times"))
      : mtime
  }).pipe(Effect.scoped)

/** @internal */
export const sweepTemporary = (
  operations: Operations,
  directory: string,
  olderThan: Duration.DurationInput
): Effect.Effect<Array<string>, PlatformError> =>
  Effect.gen(function*() {
    const attempt = { method, path: directory }
    const least = duration.finite(olderThan)
    if (Option.isNone(least)) {
      return yield* Effect.fail(
        failure.badArgument(attempt, `${String(olderThan)} is no time that a file can be left alone for`)
      )
    }
    const entries = (yield* operations.list(attempt)).filter(({ attributes, filename }) =>
      isTemporaryName(filename) && failure.isRegularFile(attributes)
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
          Effect.catchIf(failure.isReason("NotFound", "PermissionDenied"), () => Effect.succeed([]))
        ),
      { concurrency: 8 }
    )
    return removed.flat()
  })
