/**
 * The network of a machine that has none.
 */
import type { LocalNetwork } from "../../LocalNetwork.js"
import { TunnelError } from "../../RemoteError.js"

const refused = new TunnelError({
  reason: "Unsupported",
  detail: "this machine has no network: `LocalMachine` was provided without the part `network`"
})

/** @internal */
export const network: LocalNetwork = { listen: () => refused, connect: () => refused }
