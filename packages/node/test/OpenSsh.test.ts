import { commands } from "./suites/commands.js"
import { pairings } from "./suites/transports.js"
import { forbiddenTunnels, tunnels } from "./suites/tunnels.js"

for (const { suite, to } of pairings) {
  commands(suite)
  tunnels(suite)
  forbiddenTunnels({ ...suite, layer: to({ loginShell: "sh", allowTcpForwarding: false }) })
}
