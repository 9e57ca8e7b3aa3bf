import { commands } from "./suites/commands.js"
import { files } from "./suites/files.js"
import { servers } from "./suites/servers.js"
import { layerProcess, type Suite } from "./suites/support.js"
import { tunnels } from "./suites/tunnels.js"

for (const kind of servers) {
  const suite: Suite = {
    name: `layerProcess, ${kind} server`,
    layer: layerProcess({ kind }),
    capabilities: { exitSignal: false, halfClose: false, pty: kind === "openssh" }
  }
  commands(suite)
  tunnels(suite)
  files(suite)
}
