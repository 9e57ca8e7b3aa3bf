import { ConformanceHost } from "@effect-remote/testing"
import { conformance } from "@effect-remote/testing/Conformance"

conformance({
  name: "InMemoryHost",
  layer: ConformanceHost.layerInMemory,
  capabilities: {
    exitSignal: true,
    halfClose: true,
    jobs: false,
    manyChannels: true,
    pty: false,
    remoteForward: true,
    specialFiles: false,
    unixSockets: true
  }
})
