import * as Effect from "effect/Effect"
import type { LocalNetwork } from "../../LocalNetwork.js"
import { RemoteConnectionError } from "../../RemoteError.js"
import type { Transport } from "../../Transport.js"
import type { LocalTunnel, LocalTunnelOptions } from "../../Tunnel.js"
import * as address from "./address.js"
import * as listen from "./listen.js"
import * as traffic from "./traffic.js"

/** @internal */
export const make = Effect.fnUntraced(function*(
  transport: Transport,
  network: LocalNetwork,
  options: LocalTunnelOptions
) {
  const local = address.local(options)
  const remote = address.remoteDestination(options)
  const target = address.show(remote)
  const to = `${target} through ${transport.host}`
  yield* address.valid(address.checkDestination("remote", remote), { from: address.show(local), to })
  if (remote._tag === "Unix" && !transport.capabilities.unixSockets) {
    return yield* new RemoteConnectionError({
      reason: "Unsupported",
      host: String(transport.host),
      detail: `this transport cannot connect to the unix socket ${remote.path}`
    })
  }
  const listener = yield* listen.listen(network, local, to)
  const tunnel: LocalTunnel = {
    ...yield* traffic.make({
      name: `tunnel to ${to}`,
      accept: listener.accept,
      open: (near) => Effect.map(transport.connect(remote), (far) => ({ near, far, target }))
    }),
    ...listen.ends(listener),
    remote
  }
  return tunnel
})
