import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import type { Entry } from "../../protocol/Sftp.js"
import * as posixPath from "../lib/posixPath.js"
import type { CallContext } from "../sftp/callContext.js"
import * as errors from "../sftp/errors.js"
import type { ListOptions } from "../sftp/listDirectory.js"
import type { Operations } from "../sftp/requests.js"

/**
 * Lists a directory. Fails if a name would lead out of the directory, because the server is not trusted.
 *
 * @internal
 */
export const named = (
  operations: Operations,
  call: CallContext,
  options?: ListOptions
): Effect.Effect<ReadonlyArray<Entry>, PlatformError> =>
  Effect.flatMap(operations.list(call, options), (entries) => {
    const wrong = entries.find(({ filename }) => !posixPath.isName(filename))
    return wrong === undefined ? Effect.succeed(entries) : Effect.fail(errors.invalidName(call, wrong.filename))
  })
