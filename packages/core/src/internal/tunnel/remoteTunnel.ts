import * as Effect from "effect/Effect"
import type { LocalNetwork } from "../../LocalNetwork.js"
import { TunnelError } from "../../RemoteError.js"
import type { Transport } from "../../Transport.js"
import type { RemoteTunnel, RemoteTunnelOptions } from "../../Tunnel.js"
import * as address from "./address.js"
import * as traffic from "./traffic.js"

/** @internal */
export const make = Effect.fnUntraced(function*(
  transport: Transport,
  network: LocalNetwork,
  options: RemoteTunnelOptions
) {
  const remote = address.remoteListen(options)
  const local = address.local(options)
  const to = address.show(local)
  const asked = `${address.show(remote)} on ${transport.host}`
  yield* address.valid(
    address.checkListen("remote", remote) ?? address.checkDestination("local", local),
    { from: asked, to }
  )
  const listener = yield* transport.listen(remote)
  const from = `${address.show(listener.address)} on ${transport.host}`
  const tunnel: RemoteTunnel = {
    ...yield* traffic.make({
      name: `tunnel from ${from}`,
      accept: listener.accept,
      shared: true,
      open: (near) =>
        network.connect(local).pipe(
          Effect.mapError(({ cause, detail, reason }) => new TunnelError({ reason, from, to, detail, cause })),
          Effect.map((far) => ({ near, far, target: to }))
        )
    }),
    remote: listener.address,
    local,
    remoteHost: address.hostOf(listener.address),
    remotePort: address.portOf(listener.address)
  }
  return tunnel
})
