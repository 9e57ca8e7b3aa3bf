import { conformance, ConformanceHost } from "@effect-remote/testing/Conformance"
import { Layer } from "effect"
import { pairings } from "./transports.js"

/** The suite of every transport, for those of ours that have one connection or those that have many. */
export const conforms = (kind: { readonly oneConnection: boolean }) => {
  for (const { namedHost, oneConnection, suite: { layer, name } } of pairings) {
    if (oneConnection !== kind.oneConnection) continue
    conformance({ name, layer: Layer.provideMerge(ConformanceHost.layerSshd, layer), namedHost })
  }
}
