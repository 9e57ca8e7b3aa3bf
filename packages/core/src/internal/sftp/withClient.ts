/**
 * Runs calls of the file system with the client of the current session.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import type * as Sftp from "../../protocol/Sftp.js"
import type { Fx } from "../lib/fx.js"
import type { CallContext } from "./callContext.js"
import * as checkPath from "./checkPath.js"
import type { Client } from "./client.js"
import type { Undo } from "./conversation.js"
import * as errors from "./errors.js"
import type { Session } from "./session.js"

/**
 * Checks the call's path, then runs `use` with the client of the session.
 *
 * @internal
 */
export type WithClient = <A, R>(
  call: CallContext,
  use: (client: Client) => Effect.Effect<A, PlatformError, R>,
  check?: (call: CallContext) => Fx<void>
) => Effect.Effect<A, PlatformError, R>

/** @internal */
export const make = (session: Session): WithClient => (call, use, check = checkPath.checkPath) =>
  Effect.zipRight(
    check(call),
    Effect.mapError(
      session(use),
      (error) => error._tag === "RemoteConnectionError" ? errors.connection(call)(error) : error
    )
  )

/** @internal */
export const ask = (client: Client, call: CallContext, request: Sftp.Request, undo?: Undo): Fx<Sftp.Response> =>
  Effect.mapError(client.request(request, undo), errors.connection(call))

/**
 * Whether the server offers an extension.
 *
 * @internal
 */
export const offers = (
  withClient: WithClient,
  call: CallContext,
  extension: keyof typeof Sftp.extensions
): Fx<boolean> => withClient(call, (client) => Effect.succeed(client.has(extension)), checkPath.checkName)

/** @internal */
export const unsupported = (call: CallContext, what: string): Fx<never> =>
  Effect.fail(errors.system(call, "Unknown", undefined, `the SFTP server cannot ${what}`))
