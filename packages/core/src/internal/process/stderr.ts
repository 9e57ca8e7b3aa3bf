/**
 * The stderr of a command: always drained, so that it never blocks the command.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { RemoteConnectionError } from "../../RemoteError.js"
import type { CommandFailure } from "../command/errors.js"
import * as outlet from "../lib/outlet.js"
import * as scopes from "../lib/scopes.js"
import type { Piece } from "./tracking.js"

/** @internal */
export interface Stderr extends Pick<outlet.Outlet<RemoteConnectionError>, "discard" | "release" | "stream"> {
  /** Waits for the end. */
  readonly ended: Effect.Effect<void, RemoteConnectionError>
  readonly isEnded: Effect.Effect<boolean>
}

/**
 * Keeps the last `limit` bytes until stderr is read. The errors of the command also contain the end of stderr.
 *
 * @internal
 */
export const make = Effect.fnUntraced(function*(
  next: Effect.Effect<Piece, RemoteConnectionError>,
  limit: number,
  failure: CommandFailure
) {
  const kept = outlet.make<RemoteConnectionError>(limit)
  const ended = yield* Deferred.make<void, RemoteConnectionError>()
  const pump: Effect.Effect<void, RemoteConnectionError> = Effect.flatMap(next, ({ bytes, isLast }) => {
    failure.stderr.push(bytes)
    return Effect.zipRight(kept.offer(bytes), isLast ? Effect.void : pump)
  })
  yield* scopes.forkInterruptible(Effect.onExit(pump, (exit) => {
    // A reader that still reads when the scope closes gets an error, not an interruption.
    const end = Exit.isInterrupted(exit)
      ? Exit.fail(failure.connection({ reason: "ConnectionLost", detail: "the scope of the command was closed" }))
      : exit
    return Effect.zipRight(kept.end(end), Deferred.done(ended, end))
  }))
  const stderr: Stderr = {
    discard: kept.discard,
    release: kept.release,
    stream: kept.stream,
    ended: Deferred.await(ended),
    isEnded: Deferred.isDone(ended)
  }
  return stderr
})
