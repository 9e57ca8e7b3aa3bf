import { RemoteContext } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Command } from "@effect/platform"
import { Context, Effect, Layer } from "effect"
import { command, type Contender, failed } from "./contender.js"

/** What is measured against the peers. */
const subject = OpenSsh.layer

export const ours: Contender = {
  name: "ours",
  can: ["run", "forward"],
  connect: ({ host }) =>
    Layer.build(subject(host)).pipe(
      Effect.map((services) => Context.get(services, RemoteContext.RemoteContext)),
      Effect.mapError(failed("ours")),
      Effect.map((context) => ({
        run: Effect.mapError(context.string(Command.make(command.program, command.argument)), failed("ours")),
        forward: (port) =>
          context.tunnel({ remoteHost: "127.0.0.1", remotePort: port }).pipe(
            Effect.mapBoth({ onFailure: failed("ours"), onSuccess: ({ localPort }) => localPort })
          )
      }))
    )
}
