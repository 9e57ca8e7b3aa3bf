/**
 * The sessions that the host allows on one connection (`MaxSessions`). If all are in use, callers wait in order.
 */
import { RemoteConnectionError } from "@effect-remote/core/RemoteError"
import type { SessionOptions } from "@effect-remote/core/Transport"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"

/** @internal */
export interface Sessions {
  /** Takes a session. Succeeds with an effect that gives the session back. Closing the scope gives it back, too. */
  readonly take: (options: SessionOptions) => Effect.Effect<Effect.Effect<void>, RemoteConnectionError, Scope.Scope>
  /** Fails all waiting callers. */
  readonly fail: (error: RemoteConnectionError) => Effect.Effect<void>
  readonly open: () => number
}

interface Session {
  readonly options: SessionOptions
  readonly granted: Deferred.Deferred<void, RemoteConnectionError>
  isAsked: boolean
}

/** @internal */
export const make = (host: string, most: number, scope: Scope.Scope): Sessions => {
  const held = new Set<Session>()
  const queue: Array<Session> = []
  // A client learns the limit from the first refused session.
  let isKnown = false

  const refused = () =>
    new RemoteConnectionError({
      reason: "ChannelRefused",
      host,
      detail: "no free session on this connection (MaxSessions)",
      hint: "MaxSessions in sshd_config limits those of one connection: maxSessions of the host in memory."
    })

  // Reclaims a session with priority "idle" first. An unused session with another priority is reclaimed only if every session
  // stays open.
  const press = Effect.suspend(() => {
    const staying = [...held].filter(({ options }) => options.onReclaim !== undefined)
    if (queue.length === 0 || held.size < most || staying.some(({ isAsked }) => isAsked)) return Effect.void
    const wanted = staying.find(({ options }) => options.priority === "idle") ??
      (staying.length === held.size ? staying[0] : undefined)
    if (wanted?.options.onReclaim === undefined) return Effect.void
    wanted.isAsked = true
    return Effect.asVoid(Effect.forkIn(Effect.interruptible(wanted.options.onReclaim), scope))
  })

  const leave = (session: Session) =>
    Effect.suspend(() => {
      const at = queue.indexOf(session)
      if (at >= 0) queue.splice(at, 1)
      held.delete(session)
      for (const next of queue.splice(0, Math.max(0, most - held.size))) {
        held.add(next)
        Deferred.unsafeDone(next.granted, Effect.void)
      }
      return press
    })

  return {
    take: (options) =>
      Effect.uninterruptibleMask((restore) => {
        const session: Session = { options, granted: Deferred.unsafeMake(FiberId.none), isAsked: false }
        const needed = options.priority === "idle" && isKnown ? 2 : 1
        const isFree = queue.length === 0 && held.size + needed <= most
        if (!isFree) isKnown = true
        if (!isFree && (most === 0 || options.priority === "idle")) return refused()
        const keep = Effect.as(Effect.addFinalizer(() => leave(session)), leave(session))
        // An urgent session never waits: with none left, it gets a connection of its own.
        if (isFree || options.priority === "urgent") {
          held.add(session)
          return keep
        }
        queue.push(session)
        return restore(Effect.zipRight(press, Deferred.await(session.granted))).pipe(
          Effect.onError(() => leave(session)),
          Effect.zipRight(keep)
        )
      }),
    fail: (error) =>
      Effect.sync(() => {
        for (const { granted } of queue.splice(0)) Deferred.unsafeDone(granted, error)
      }),
    open: () => held.size
  }
}
