/**
 * The SFTP session of a transport: opened when it is first used, shared by all, and opened again after it was lost.
 */
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { RemoteConnectionError } from "../../RemoteError.js"
import type { Transport } from "../../Transport.js"
import * as deadline from "../deadline.js"
import * as clients from "./client.js"

/** @internal */
export type Session = Effect.Effect<clients.Client, RemoteConnectionError>

/** @internal */
export const make = Effect.fnUntraced(function*(transport: Transport) {
  const parent = yield* Effect.scope
  const oneAtATime = yield* Effect.makeSemaphore(1)
  let current: { readonly client: clients.Client; readonly scope: Scope.CloseableScope } | undefined

  const connect = Effect.flatMap(
    transport.subsystem("sftp"),
    (channel) => clients.make(channel, String(transport.host))
  )

  const open = Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const scope = yield* Scope.fork(parent, ExecutionStrategy.sequential)
      const client = yield* restore(Scope.extend(connect, scope)).pipe(
        Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause)))
      )
      current = { client, scope }
      return client
    })
  )

  // Who waits for another's attempt has a deadline, too.
  const session: Session = oneAtATime.withPermits(1)(Effect.gen(function*() {
    if (current === undefined) return yield* open
    if (!(yield* current.client.isLost)) return current.client
    const { scope } = current
    current = undefined
    yield* Effect.uninterruptible(Scope.close(scope, Exit.void))
    return yield* open
  })).pipe(deadline.within(transport.host, "opening an SFTP session"))
  return session
})
