import { ConformanceHost } from "@effect-remote/testing"
import { conformance } from "@effect-remote/testing/Conformance"
import { Layer } from "effect"
import { pairings } from "./transports.js"

/** The suite of every transport, for those of ours that have one connection or those that have many. */
export const conforms = (kind: { readonly oneConnection: boolean }) => {
  for (const { namedHost, oneConnection, suite: { capabilities, layer, name } } of pairings) {
    if (oneConnection !== kind.oneConnection) continue
    conformance({ name, capabilities, layer: Layer.provideMerge(ConformanceHost.layerSshd, layer), namedHost })
  }
}
