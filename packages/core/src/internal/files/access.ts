/**
 * Checks access to a file or directory. SFTP has no request for this, so the check tries the access without changing existing
 * entries.
 */
import type { AccessFileOptions } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import { OpenFlags } from "../../protocol/Sftp.js"
import * as fileMode from "../lib/fileMode.js"
import type { Fx } from "../lib/fx.js"
import type { CallContext } from "../sftp/callContext.js"
import * as errors from "../sftp/errors.js"
import type { Operations } from "../sftp/requests.js"
import * as hiddenFile from "./hiddenFile.js"

const denied = (call: CallContext): Fx<void> => Effect.fail(errors.system(call, "PermissionDenied", undefined))

const open = (operations: Operations, call: CallContext, flags: number): Fx<void> =>
  Effect.scoped(Effect.asVoid(operations.open(call, flags, {})))

// Some servers empty a file that is opened for writing alone. OpenSSH's does not, and is known by its fsync.
const openToWrite = (operations: Operations, call: CallContext, readable: boolean): Fx<void> =>
  Effect.catchIf(
    open(operations, call, OpenFlags.read | OpenFlags.write),
    (error) => !readable && errors.isReason("PermissionDenied")(error),
    (error) =>
      Effect.flatMap(
        operations.offers(call, "fsync"),
        (offered) => offered ? open(operations, call, OpenFlags.write) : Effect.fail(error)
      )
  )

/** @internal */
export const check = (
  operations: Operations,
  call: CallContext,
  { readable = false, writable = false }: AccessFileOptions = {}
): Fx<void> =>
  Effect.flatMap(operations.stat(call), (found) => {
    const { method, path } = call
    if (fileMode.isRegularFile(found)) {
      return writable
        ? openToWrite(operations, call, readable)
        : readable
        ? open(operations, call, OpenFlags.read)
        : Effect.void
    }
    if (fileMode.isDirectory(found)) {
      const looked = readable ? Effect.scoped(operations.openDirectory(call)) : Effect.void
      if (!writable) return looked
      return Effect.suspend(() => {
        const hidden = hiddenFile.unsafeNameIn(path)
        const call = { method, path: hidden.path, target: path }
        const made = Effect.ensuring(
          hiddenFile.creating(
            hidden,
            operations.makeDirectory(call, { permissions: 0o700 }, { isTemporary: true })
          ),
          hiddenFile.discard(
            hidden,
            operations.removeDirectory(call),
            `The directory ${JSON.stringify(hidden.path)} may remain`
          )
        )
        return Effect.zipRight(looked, made)
      })
    }
    // Opening a pipe waits for its other end, and blocks the whole session.
    const anybody = (bits: number) => ((found.permissions ?? 0) & bits) !== 0
    return readable && !anybody(0o444) || writable && !anybody(0o222) ? denied(call) : Effect.void
  })
