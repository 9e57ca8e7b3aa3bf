/**
 * Services of this machine.
 */
import type { LocalAddress, LocalConnection, LocalNetwork } from "@effect-remote/core/LocalNetwork"
import type { TunnelError } from "@effect-remote/core/RemoteError"
import type { Duplex } from "@effect-remote/core/Transport"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type * as HostService from "../../HostService.js"

// As services of a host have it: to them a connection that breaks is one that ends.
const served = ({ end, read, write }: LocalConnection): Duplex<never> => ({
  read: Effect.orElseSucceed(read, Option.none),
  write: (bytes) => Effect.orElseSucceed(write(bytes), () => false),
  end: Effect.ignore(end)
})

/**
 * Listens on this machine, and serves each connection until the scope closes.
 *
 * @internal
 */
export const serve = (
  network: LocalNetwork,
  address: LocalAddress,
  handler: HostService.Handler
): Effect.Effect<LocalAddress, TunnelError, Scope.Scope> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    const listener = yield* network.listen(address)
    const one = Effect.gen(function*() {
      const own = yield* Scope.fork(scope, { _tag: "Sequential" })
      const connection = yield* Effect.onError(
        Scope.extend(listener.accept, own),
        () => Scope.close(own, Exit.void)
      )
      const serving = Effect.onExit(Effect.exit(handler(served(connection))), () => Scope.close(own, Exit.void))
      yield* Effect.forkIn(serving, scope)
    })
    yield* Effect.forkIn(Effect.ignore(Effect.forever(one)), scope)
    return listener.address
  })
