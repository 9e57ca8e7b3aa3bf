import { RemoteHost } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { conformance, ConformanceHost, type Options } from "@effect-remote/testing/Conformance"
import { Context, Effect, Layer } from "effect"
import { servers } from "./servers.js"
import { freePort, start } from "./start.js"

const { INTEROP_SERVER = "", INTEROP_TIMEOUT = "20000", INTEROP_TRANSPORT = "layer" } = process.env

const server = servers.find(({ name }) => name === INTEROP_SERVER)
if (server === undefined) throw new Error(`INTEROP_SERVER must name a server, got ${JSON.stringify(INTEROP_SERVER)}`)

const layerOf: (host: RemoteHost.RemoteHost) => Layer.Layer<OpenSsh.Services, unknown> = INTEROP_TRANSPORT === "layer"
  ? OpenSsh.layer
  : OpenSsh.layerProcess

const transport = Layer.unwrapEffect(Effect.map(Sshd.Sshd, ({ host }) => layerOf(host)))

const host = Layer.map(ConformanceHost.layerSshd, (context) => {
  const found = Context.get(context, ConformanceHost.ConformanceHost)
  const pty = server.pty && found.capabilities.pty
  return Context.make(ConformanceHost.ConformanceHost, { ...found, capabilities: { ...found.capabilities, pty } })
})

const namedHost: Options["namedHost"] = (name) =>
  Effect.gen(function*() {
    const { host } = yield* start(server, name)
    const refusing = yield* RemoteHost.make({ ...host, port: yield* freePort })
    return { layer: () => layerOf(host), down: () => layerOf(refusing) }
  })

conformance({
  name: server.name,
  layer: Layer.merge(transport, host).pipe(Layer.provide(Layer.scoped(Sshd.Sshd, start(server)))),
  namedHost,
  caseTimeout: Number(INTEROP_TIMEOUT)
})
