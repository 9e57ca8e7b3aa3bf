/**
 * Tunnels of all kinds.
 */
import { cases } from "./cases.js"
import * as local from "./tunnels/local.js"
import * as remote from "./tunnels/remote.js"
import * as socks from "./tunnels/socks.js"
import * as ways from "./tunnels/ways.js"

const ofEachWay = [ways.local, ways.socks, ways.remote].flatMap((way) =>
  [ways.directions, ways.capacity, ways.flow, ways.refusal, ways.end].map((group) => group(way))
)

/** @internal */
export const tunnels = cases(
  "tunnels",
  ...ofEachWay,
  local.addresses,
  local.ends,
  local.unixSockets,
  socks.clients,
  remote.refusals,
  remote.ports,
  remote.unixSockets,
  remote.lostConnections
)
