/**
 * The `LocalNetwork` for a `LocalMachine` without `network`. Every call fails.
 */
import type { LocalNetwork } from "../../LocalNetwork.js"
import { TunnelError } from "../../RemoteError.js"

const refused = new TunnelError({
  reason: "Unsupported",
  detail: "`LocalMachine` lacks `network`: provide it, for example with `NodeMachine.layer`"
})

/** @internal */
export const network: LocalNetwork = { listen: () => refused, connect: () => refused }
