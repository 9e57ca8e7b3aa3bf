import { commands } from "./suites/commands.js"
import { files } from "./suites/files.js"
import { servers, terminals } from "./suites/servers.js"
import { layerProcess, type Suite } from "./suites/support.js"
import { tunnels } from "./suites/tunnels.js"

for (const kind of servers) {
  const suite: Suite = {
    name: `layerProcess, ${kind} server`,
    // A shell that reads no startup files: what the account's own shell does at its start is no part of this.
    layer: layerProcess({ kind, loginShell: "sh" }),
    capabilities: { exitSignal: false, halfClose: false, pty: kind === "openssh" && terminals }
  }
  commands(suite)
  tunnels(suite)
  files({ ...suite, layer: layerProcess({ kind }) })
}
