/**
 * Converts answers of a server to results of the call.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Sftp from "../../protocol/Sftp.js"
import { RemoteConnectionError } from "../../RemoteError.js"
import type { Fx } from "../lib/fx.js"
import type { CallContext } from "./callContext.js"
import type { Client } from "./client.js"
import * as errors from "./errors.js"
import * as explain from "./explain.js"

/** @internal */
export const isOk = (answer: Sftp.Response): boolean => answer._tag === "Status" && answer.code === Sftp.StatusCode.ok

/**
 * Fails because the type of the answer is wrong for the request.
 *
 * @internal
 */
export const unexpected = (call: CallContext, answer: Sftp.Response): Effect.Effect<never, PlatformError> =>
  Effect.fail(
    errors.connection(call)(
      new RemoteConnectionError({
        reason: "Protocol",
        host: "the SFTP server",
        detail: `answered ${call.method} with ${answer._tag}`
      })
    )
  )

/**
 * Fails with the reason of a status, or because the answer has the wrong type.
 *
 * @internal
 */
export const refused = (client: Client, call: CallContext, intent: explain.Intent, answer: Sftp.Response): Fx<never> =>
  answer._tag === "Status" ? explain.status(client, call, intent, answer) : unexpected(call, answer)

/**
 * Succeeds if the answer is the status "OK".
 *
 * @internal
 */
export const expectOk = (client: Client, call: CallContext, intent: explain.Intent, answer: Sftp.Response): Fx<void> =>
  isOk(answer) ? Effect.void : refused(client, call, intent, answer)

/** @internal */
export const expectAttributes = (client: Client, call: CallContext, answer: Sftp.Response): Fx<Sftp.Attributes> =>
  answer._tag === "Attrs" ? Effect.succeed(answer.attributes) : refused(client, call, "look", answer)
