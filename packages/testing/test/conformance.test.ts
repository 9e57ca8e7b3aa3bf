import { ConformanceHost } from "@effect-remote/testing"
import { conformance } from "@effect-remote/testing/Conformance"
import * as capabilities from "./fixtures/capabilities.js"

conformance({
  name: "InMemoryHost",
  layer: ConformanceHost.layerInMemory,
  capabilities: capabilities.inMemory,
  namedHost: ConformanceHost.namedInMemory
})
