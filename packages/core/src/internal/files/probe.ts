/**
 * A file that is made for a moment, for what only a new file shows: who this user is, and the time of its file system.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import { type Attributes, OpenFlags } from "../../protocol/Sftp.js"
import type { CallContext } from "../sftp/callContext.js"
import type { OpenFile } from "../sftp/openFile.js"
import type { Operations } from "../sftp/requests.js"
import * as hiddenFile from "./hiddenFile.js"

/**
 * Makes a hidden file in the call's directory, uses it, and removes it. `sweepTemporary` finds one that a killed client left.
 *
 * @internal
 */
export const use = <A>(
  operations: Operations,
  { method, path, target = path }: CallContext,
  flags: number,
  use: (call: CallContext, file: OpenFile) => Effect.Effect<A, PlatformError>
): Effect.Effect<A, PlatformError> =>
  Effect.scoped(Effect.gen(function*() {
    const hidden = hiddenFile.unsafeNameIn(path)
    const call = { method, path: hidden.path, target }
    yield* Effect.addFinalizer(() => hiddenFile.discard(hidden, operations.removeFile(call)))
    const file = yield* hiddenFile.creating(
      hidden,
      operations.open(
        call,
        flags | OpenFlags.write | OpenFlags.create | OpenFlags.exclusive,
        { permissions: 0o600 },
        { isTemporary: true }
      )
    )
    return yield* use(call, file)
  }))

/**
 * The attributes of a new hidden file in the call's directory.
 *
 * @internal
 */
export const attributes = (operations: Operations, call: CallContext): Effect.Effect<Attributes, PlatformError> =>
  use(operations, call, 0, (_, file) => file.stat)
