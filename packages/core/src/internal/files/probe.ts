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
    const call = { method, path: yield* hiddenFile.pathIn(path) }
    yield* Effect.addFinalizer(() => hiddenFile.discard(call.path, operations.removeFile(call)))
    const file = yield* operations.open(call, OpenFlags.write | OpenFlags.create | OpenFlags.exclusive, {
      permissions: 0o600
    }, { isTemporary: true })
    return yield* file.stat
  }))
