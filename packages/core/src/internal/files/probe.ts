/**
 * A file that is made for a moment, for what only a new file shows: who this user is, and the time of its file system.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import { type Attributes, OpenFlags } from "../../protocol/Sftp.js"
import type { CallContext } from "../sftp/callContext.js"
import type { Operations } from "../sftp/requests.js"
import * as hiddenFile from "./hiddenFile.js"

/**
 * Makes a hidden file in the call's directory, looks at it, and removes it. `sweepTemporary` finds one that a killed
 * client left.
 *
 * @internal
 */
export const attributes = (
  operations: Operations,
  { method, path }: CallContext
): Effect.Effect<Attributes, PlatformError> =>
  Effect.scoped(Effect.gen(function*() {
    const hidden = hiddenFile.unsafeNameIn(path)
    const call = { method, path: hidden.path, target: path }
    yield* Effect.addFinalizer(() => hiddenFile.discard(hidden, operations.removeFile(call)))
    const flags = OpenFlags.write | OpenFlags.create | OpenFlags.exclusive
    const file = yield* hiddenFile.creating(
      hidden,
      operations.open(call, flags, { permissions: 0o600 }, { isTemporary: true })
    )
    return yield* file.stat
  }))
