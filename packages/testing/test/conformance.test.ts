import { conformance } from "@effect-remote/testing/Conformance"
import * as inMemory from "../src/internal/conformance/inMemory.js"

conformance({ name: "InMemoryHost", layer: inMemory.layer, namedHost: inMemory.namedHost })
