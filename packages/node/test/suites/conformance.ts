import { conformance, ConformanceHost, type Part, parts } from "@effect-remote/testing/Conformance"
import { Layer } from "effect"
import { pairings } from "./transports.js"

const ofFiles: ReadonlyArray<Part> = ["files", "atomicWrites", "walking", "transfers", "transferRules"]

/** The parts for a test file of their own, and the other parts. */
export const halves = { files: ofFiles, others: parts.filter((part) => !ofFiles.includes(part)) }

/** The suite of every transport, for those of ours that have one connection or those that have many. */
export const conforms = (kind: { readonly oneConnection: boolean; readonly parts?: ReadonlyArray<Part> }) => {
  for (const { namedHost, oneConnection, suite: { layer, name } } of pairings) {
    if (oneConnection !== kind.oneConnection) continue
    conformance({
      name,
      layer: Layer.provideMerge(ConformanceHost.layerSshd, layer),
      namedHost,
      parts: kind.parts
    })
  }
}
