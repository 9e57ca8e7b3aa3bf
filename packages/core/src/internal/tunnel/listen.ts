/**
 * Listens on this machine, for tunnels.
 */
import * as Effect from "effect/Effect"
import type { LocalAddress, LocalListener, LocalNetwork } from "../../LocalNetwork.js"
import { TunnelError } from "../../RemoteError.js"
import * as address from "./address.js"

/**
 * Listens on a local address. Errors name both ends of the tunnel.
 *
 * @internal
 */
export const listen = Effect.fnUntraced(function*(network: LocalNetwork, local: LocalAddress, to: string) {
  const from = address.show(local)
  yield* address.valid(address.checkListen("local", local), { from, to })
  return yield* Effect.mapError(
    network.listen(local),
    ({ cause, detail, reason }) => new TunnelError({ reason, from, to, detail, cause })
  )
})

/** @internal */
export const ends = ({ address: local }: LocalListener) => ({
  local,
  localHost: address.hostOf(local),
  localPort: address.portOf(local)
})
