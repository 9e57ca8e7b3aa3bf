import { OpenSsh } from "@effect-remote/node"
import type { Sshd } from "@effect-remote/testing"
import { ConformanceHost, type Options } from "@effect-remote/testing/Conformance"
import { servers } from "./servers.js"
import { layerConnection, layerProcess, type Suite } from "./support.js"

/** A transport to a server. */
export interface Pairing {
  readonly suite: Suite
  readonly oneConnection: boolean
  /** The same to another server of that kind. */
  readonly to: (options: Omit<Sshd.Options, "kind">) => Suite["layer"]
  readonly namedHost: Options["namedHost"]
}

/** Every transport to every kind of server. */
export const pairings: ReadonlyArray<Pairing> = servers.flatMap((kind) =>
  (["layer", "layerProcess"] as const).map((transport) => {
    const oneConnection = transport === "layer"
    const to: Pairing["to"] = (options) => (oneConnection ? layerConnection : layerProcess)({ ...options, kind })
    return {
      oneConnection,
      to,
      namedHost: ConformanceHost.namedSshd(OpenSsh[transport], { kind }),
      suite: {
        name: `${transport}, ${kind} server`,
        // A shell that does not read startup files, so that the account's own shell does not matter.
        layer: to({ loginShell: "sh" })
      }
    }
  })
)
