/**
 * What may be done with a file. SFTP has no such question, so it is tried, in ways that change nothing that is there.
 */
import type { PlatformError } from "@effect/platform/Error"
import type { AccessFileOptions } from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { OpenFlags } from "../../protocol/Sftp.js"
import * as finalizer from "../lib/finalizer.js"
import * as posixPath from "../lib/posixPath.js"
import * as random from "../lib/random.js"
import type { Attempt } from "../sftp/failure.js"
import * as failure from "../sftp/failure.js"
import type { Operations } from "../sftp/requests.js"
import * as hiddenNames from "./hiddenNames.js"

type Fx<A> = Effect.Effect<A, PlatformError>

const denied = (attempt: Attempt): Fx<void> => Effect.fail(failure.system(attempt, "PermissionDenied", undefined))

/** @internal */
export const check = (
  operations: Operations,
  attempt: Attempt,
  { readable = false, writable = false }: AccessFileOptions = {}
): Fx<void> =>
  Effect.flatMap(operations.stat(attempt), (found) => {
    const { method, path } = attempt
    if (failure.isRegularFile(found)) {
      const flags = (readable ? OpenFlags.read : 0) | (writable ? OpenFlags.write : 0)
      return flags === 0 ? Effect.void : Effect.scoped(Effect.asVoid(operations.open(attempt, flags, {})))
    }
    if (failure.isDirectory(found)) {
      const looked = readable ? Effect.scoped(operations.openDirectory(attempt)) : Effect.void
      if (!writable) return looked
      return Effect.flatMap(random.hex, (unguessable) => {
        const attempt = { method, path: posixPath.join(path, hiddenNames.temporaryName(unguessable)) }
        const removed = Effect.catchIf(operations.removeDirectory(attempt), failure.isNotFound, () => Effect.void)
        const made = Effect.onExit(
          operations.makeDirectory(attempt, { permissions: 0o700 }),
          (exit) =>
            Exit.isSuccess(exit) || Exit.isInterrupted(exit)
              ? finalizer.bounded(removed, { left: `The directory ${JSON.stringify(attempt.path)} may remain` })
              : Effect.void
        )
        return Effect.zipRight(looked, made)
      })
    }
    // Opening a pipe waits for its other end, and all of the session with it.
    const anybody = (bits: number) => ((found.permissions ?? 0) & bits) !== 0
    return readable && !anybody(0o444) || writable && !anybody(0o222) ? denied(attempt) : Effect.void
  })
