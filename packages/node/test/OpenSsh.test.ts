import { atomicWrites } from "./suites/atomicWrites.js"
import { commands } from "./suites/commands.js"
import { files } from "./suites/files.js"
import { likeNode } from "./suites/likeNode.js"
import { servers, terminals } from "./suites/servers.js"
import { layerConnection, layerProcess, type Suite } from "./suites/support.js"
import { transfers } from "./suites/transfers.js"
import { forbiddenTunnels, tunnels } from "./suites/tunnels.js"
import { walking } from "./suites/walking.js"

for (const kind of servers) {
  for (const transport of ["layer", "layerProcess"] as const) {
    const make = transport === "layer" ? layerConnection : layerProcess
    const oneConnection = transport === "layer"
    const suite: Suite = {
      name: `${transport}, ${kind} server`,
      // A shell that reads no startup files: what the account's own shell does at its start is no part of this.
      layer: make({ kind, loginShell: "sh" }),
      capabilities: {
        exitSignal: oneConnection,
        halfClose: oneConnection,
        manyChannels: oneConnection,
        pty: kind === "openssh" && terminals,
        remoteForward: oneConnection,
        unixSockets: oneConnection
      }
    }
    commands(suite)
    tunnels(suite)
    forbiddenTunnels({ ...suite, layer: make({ kind, allowTcpForwarding: false }) })
    files({ ...suite, layer: make({ kind, loginShell: "sh" }) })
    atomicWrites({ ...suite, layer: make({ kind, loginShell: "sh" }) })
    // What files do is the server's, not the transport's.
    if (oneConnection) likeNode({ ...suite, layer: make({ kind, loginShell: "sh" }) })
    walking(suite)
    transfers({ ...suite, layer: make({ kind, loginShell: "sh" }) })
  }
}
