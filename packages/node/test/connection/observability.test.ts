import { RemoteContext, RemoteFileSystem, sh } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Metric, Option, Redacted, Schedule, Tracer } from "effect"
import { servers } from "../suites/servers.js"

/** A tracer that keeps its spans, and what has become of them. */
const recorder = Effect.map(Effect.tracer, (native) => {
  const spans: Array<Tracer.Span> = []
  const tracer = Tracer.make({
    span: (...args) => {
      const span = native.span(...args)
      spans.push(span)
      return span
    },
    context: native.context
  })
  const named = (name: string) => spans.filter((span) => span.name === name)
  return { tracer, spans, named }
})

const value = (name: string) =>
  Effect.map(
    Metric.snapshot,
    (pairs) =>
      pairs.reduce((sum, { metricKey, metricState }) =>
        metricKey.name === name && "count" in metricState ? sum + Number(metricState.count) : sum, 0)
  )

for (const kind of servers) {
  for (const [name, layer] of [["layer", OpenSsh.layer], ["layerProcess", OpenSsh.layerProcess]] as const) {
    describe(`spans of ${name}, ${kind} server`, () => {
      it.scopedLive("have the names and attributes that are documented, and nothing of a command unless asked for", () =>
        Effect.gen(function*() {
          const { directory, host } = yield* Sshd.make({ kind, loginShell: "sh" })
          const { named, spans, tracer } = yield* recorder
          yield* Effect.gen(function*() {
            yield* RemoteContext.exitCode(Command.make("sh", "-c", "exit 3", "confidential"))
            yield* RemoteContext.exitCode(sh`true ${"shown"} ${Redacted.make("hidden")}`, { traceCommand: true })
            const fs = yield* RemoteFileSystem.RemoteFileSystem
            yield* fs.stat(directory)
            yield* Effect.scoped(RemoteContext.tunnel({ remotePort: 9 }))
          }).pipe(Effect.provide(Layer.fresh(layer(host))), Effect.withTracer(tracer))

          const address = { "server.address": host.host, "server.port": host.port }
          const attributes = (span: Tracer.Span | undefined) => Object.fromEntries(span?.attributes ?? [])
          const [first, second] = named("ssh.exec")
          assert.containSubset(attributes(first), { ...address, "process.exit.code": 3 })
          assert.notProperty(attributes(first), "process.command_line")
          assert.containSubset(attributes(second), { ...address, "process.exit.code": 0 })
          assert.include(attributes(second)["process.command_line"], "shown")
          for (const name of ["ssh.connect", "sftp.stat", "ssh.tunnel"]) {
            const [span] = named(name)
            assert.containSubset(attributes(span), address, name)
            assert.strictEqual(span?.kind, "client")
          }
          const all = JSON.stringify(spans.map((span) => [span.name, ...span.attributes]))
          assert.notInclude(all, "confidential")
          assert.notInclude(all, "hidden")
          assert.isTrue(spans.every(({ status }) => status._tag === "Ended"))
          assert.isTrue(Option.isSome(first!.parent))
        }))
    })
  }

  describe(`metrics, ${kind} server`, () => {
    it.scopedLive("count channels, those who wait, bytes and reconnections", () =>
      Effect.gen(function*() {
        const { dropConnections, host } = yield* Sshd.make({ kind, loginShell: "sh", maxSessions: 3 })
        const channels = yield* value("effect_remote_channels_open")
        const sent = yield* value("effect_remote_sent_bytes")
        const received = yield* value("effect_remote_received_bytes")
        const reconnects = yield* value("effect_remote_reconnects")
        yield* Effect.gen(function*() {
          yield* RemoteContext.string(Command.make("head", "-c", "100000", "/dev/zero"))
          yield* Effect.scoped(Effect.gen(function*() {
            yield* RemoteContext.start(Command.make("cat"))
            assert.isAtLeast((yield* value("effect_remote_channels_open")) - channels, 1)
          }))
          assert.isAbove((yield* value("effect_remote_received_bytes")) - received, 100_000)
          assert.isAbove((yield* value("effect_remote_sent_bytes")) - sent, 500)
          if (kind === "openssh") {
            const many = yield* Effect.fork(
              Effect.forEach(Array(6), () => RemoteContext.exitCode(Command.make("sleep", "0.5")), {
                concurrency: "unbounded"
              })
            )
            yield* Effect.repeat(value("effect_remote_sessions_waiting"), {
              until: (waiting) => waiting >= 3,
              schedule: Schedule.spaced("5 millis")
            })
            yield* many
            assert.strictEqual(yield* value("effect_remote_sessions_waiting"), 0)
          }
          yield* dropConnections
          yield* Effect.retry(RemoteContext.exitCode(Command.make("true")), { times: 3 })
          assert.strictEqual((yield* value("effect_remote_reconnects")) - reconnects, 1)
        }).pipe(Effect.provide(Layer.fresh(OpenSsh.layer(host))))
        assert.strictEqual(yield* value("effect_remote_channels_open"), channels)
      }))
  })
}
