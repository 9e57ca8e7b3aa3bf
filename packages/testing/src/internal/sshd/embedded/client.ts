import type * as Deferred from "effect/Deferred"
import type * as Effect from "effect/Effect"
import type * as net from "node:net"
import type * as Ssh2 from "ssh2"
import type { ServerLog } from "../serverLog.js"

/**
 * A client of the embedded server, from the moment at which it has said which version of SSH it speaks.
 *
 * @internal
 */
export interface Client {
  readonly connection: Ssh2.Connection
  readonly socket: net.Socket
  /** `127.0.0.1 port N`, for the log. */
  readonly name: string
  /** Done when the connection is lost; then nothing can be sent any more. */
  readonly lost: Deferred.Deferred<void>
  readonly log: ServerLog
  /** Runs an effect that ends with the server, not with the connection. */
  readonly run: (effect: Effect.Effect<void>) => void
}
