import { RemoteContext, RemoteFileSystem } from "@effect-remote/core"
import { RemoteAddress, Transport } from "@effect-remote/core/Transport"
import { OpenSsh } from "@effect-remote/node"
import { HostService, Sshd } from "@effect-remote/testing"
import { ConformanceHost, type Options } from "@effect-remote/testing/Conformance"
import { Command } from "@effect/platform"
import { assert, layer } from "@effect/vitest"
import { Effect, Exit, Layer, Option } from "effect"
import * as inMemory from "../src/internal/conformance/inMemory.js"
import { eventually } from "../src/unstable/Eventually.js"

const transport = Layer.unwrapEffect(Effect.map(Sshd.Sshd, ({ host }) => OpenSsh.layer(host)))

const hosts: Readonly<Record<string, Options["layer"]>> = {
  "in memory": inMemory.layer,
  layerSshd: Layer.merge(transport, ConformanceHost.layerSshd).pipe(
    Layer.provide(Sshd.layer({ kind: "embedded", loginShell: "sh" }))
  )
}

for (const [name, live] of Object.entries(hosts)) {
  layer(live, { excludeTestServices: true, timeout: "60 seconds" })(name, (it) => {
    it.scoped("reports running programs and open files until they end", () =>
      Effect.gen(function*() {
        const { directory, leftOpen, running } = yield* ConformanceHost.ConformanceHost
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const path = `${yield* directory}/file`
        const none = eventually(leftOpen, ({ length }) => length === 0)
        assert.strictEqual(yield* running("sleep"), 0)
        yield* Effect.scoped(Effect.gen(function*() {
          yield* RemoteContext.start(Command.make("sleep", "1000"))
          yield* eventually(running("sleep"), (count) => count === 1)
          assert.strictEqual((yield* leftOpen).length, 1)
        }))
        yield* none
        yield* Effect.scoped(Effect.gen(function*() {
          yield* fs.open(path, { flag: "w" })
          assert.strictEqual((yield* leftOpen).length, 1)
        }))
        yield* none
      }))

    it.scoped("has files that are the transport's, and none in a fresh directory", () =>
      Effect.gen(function*() {
        const { directory, files } = yield* ConformanceHost.ConformanceHost
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const [one, other] = [yield* directory, yield* directory]
        assert.notStrictEqual(one, other)
        yield* files.writeFileString(`${one}/file`, "written past it")
        assert.strictEqual(yield* fs.readFileString(`${one}/file`), "written past it")
        yield* fs.writeFileString(`${one}/file`, "written through it")
        assert.strictEqual(yield* files.readFileString(`${one}/file`), "written through it")
        assert.deepStrictEqual(yield* files.readDirectory(other), [])
      }))

    it.scoped("lacks no capability of the transport", () =>
      Effect.gen(function*() {
        const { ptySize: _, ...capabilities } = (yield* Transport).capabilities
        assert.deepStrictEqual(Object.values(capabilities).filter((has) => !has), [])
      }))

    it.scoped("runs services, and a closed port refuses connections", () =>
      Effect.gen(function*() {
        const { closedPort, connect, serve } = yield* ConformanceHost.ConformanceHost
        const { connect: forward } = yield* Transport
        const port = yield* closedPort
        const closed = RemoteAddress.Tcp({ host: "localhost", port })
        for (const address of [yield* serve(HostService.constant("hello")), closed]) {
          for (const way of [connect, forward]) {
            const heard = yield* Effect.exit(Effect.scoped(Effect.flatMap(way(address), ({ read }) => read)))
            assert.deepStrictEqual(
              Exit.isSuccess(heard) ? Option.map(heard.value, (bytes) => Buffer.from(bytes).toString()) : undefined,
              address === closed ? undefined : Option.some("hello")
            )
          }
        }
      }))

    it.scoped("loses connections", () =>
      Effect.gen(function*() {
        const { dropConnections } = yield* ConformanceHost.ConformanceHost
        const process = yield* RemoteContext.start(Command.make("sleep", "1000"))
        yield* dropConnections
        assert.strictEqual((yield* Effect.flip(process.exitCode)).reason, "ConnectionLost")
      }))
  })
}
