/**
 * The SFTP session of a transport: opened when it is first used, shared by all, and opened again after it was lost.
 */
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { RemoteConnectionError } from "../../RemoteError.js"
import type { Transport } from "../../Transport.js"
import * as Deadline from "../../unstable/Deadline.js"
import * as quote from "../scripts/quote.js"
import * as clients from "./client.js"

/**
 * Runs what needs a client with the one there is.
 *
 * @internal
 */
export type Session = <A, E, R>(
  use: (client: clients.Client) => Effect.Effect<A, E, R>
) => Effect.Effect<A, E | RemoteConnectionError, R>

interface Opened {
  readonly client: clients.Client
  readonly scope: Scope.CloseableScope
  users: number
}

/** @internal */
export const make = Effect.fnUntraced(function*(transport: Transport) {
  const parent = yield* Effect.scope
  const oneAtATime = yield* Effect.makeSemaphore(1)
  let current: Opened | undefined
  let opening = false

  // A server that allows few sessions needs this one for commands: it is opened again when it is used next.
  const giveWay: Effect.Effect<void> = Effect.suspend(() => {
    if (current === undefined && !opening) return Effect.void
    if (current === undefined || current.users > 0 || !current.client.isIdle()) {
      return Effect.delay(giveWay, "50 millis")
    }
    const { scope } = current
    current = undefined
    return Scope.close(scope, Exit.void)
  })

  // Those who use it already go on. Nobody waits for what is left in flight.
  const closeUnused = (entry: Opened): Effect.Effect<void> =>
    Effect.suspend(() =>
      entry.users > 0 || !entry.client.isLost() && entry.client.hasHandles()
        ? Effect.delay(closeUnused(entry), "1 second")
        : Scope.close(entry.scope, Exit.void)
    )

  const { sftpServer } = transport.host
  const channel = sftpServer === undefined
    ? transport.subsystem("sftp", { onWanted: giveWay })
    : transport.exec(`exec ${quote.loginShell(sftpServer)}`, { onWanted: giveWay })
  const connect = Effect.flatMap(
    channel,
    (channel) => Deadline.within(transport.host, "beginning an SFTP session")(clients.make(channel, transport.host))
  )

  const open = Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const scope = yield* Scope.fork(parent, ExecutionStrategy.sequential)
      opening = true
      const client = yield* restore(Scope.extend(connect, scope)).pipe(
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
        Effect.ensuring(Effect.sync(() => {
          opening = false
        }))
      )
      return (current = { client, scope, users: 0 })
    })
  )

  const opened = Effect.gen(function*() {
    if (current === undefined) return yield* open
    if (!current.client.isLost()) {
      const entry = current
      if (yield* entry.client.answers) return entry
      if (current === entry) current = undefined
      yield* Effect.forkIn(Effect.interruptible(closeUnused(entry)), parent)
      return current ?? (yield* open)
    }
    const { scope } = current
    current = undefined
    yield* Effect.uninterruptible(Scope.close(scope, Exit.void))
    return yield* open
  })

  const run = <A, E, R>(entry: Opened, use: Effect.Effect<A, E, R>) => {
    entry.users++
    return Effect.matchCauseEffect(use, {
      onFailure: (cause) => {
        entry.users--
        return Effect.failCause(cause)
      },
      onSuccess: (value) => {
        entry.users--
        return Effect.succeed(value)
      }
    })
  }

  const session: Session = (use) =>
    Effect.uninterruptibleMask((restore) => {
      // The common case takes no turns: every request passes here.
      if (current !== undefined && !current.client.isLost() && !current.client.isDoubted()) {
        return run(current, restore(use(current.client)))
      }
      return Effect.flatMap(
        restore(oneAtATime.withPermits(1)(opened)),
        (entry) => entry === current ? run(entry, restore(use(entry.client))) : restore(session(use))
      )
    })
  return session
})
