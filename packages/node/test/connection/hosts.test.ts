import { RemoteContext, type RemoteError, RemoteFileSystem } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { Command } from "@effect/platform"
import { assert, describe, it } from "@effect/vitest"
import { Config, ConfigProvider, Effect, Either, Exit, Layer, Scope } from "effect"
import { servers } from "../suites/servers.js"

// With `pipefail` this fails, without it succeeds.
const failsFirst = RemoteContext.exitCode(Command.make("false").pipe(Command.pipeTo(Command.make("true"))))

for (const kind of servers) {
  for (const connect of ["connect", "connectProcess"] as const) {
    describe(`hosts as values, ${connect}, ${kind} server`, () => {
      it.scopedLive("runs each use on the host that it names", () =>
        Effect.gen(function*() {
          const first = yield* Sshd.make({ kind, loginShell: "sh" })
          const second = yield* Sshd.make({ kind, loginShell: "sh" })
          const a = yield* OpenSsh[connect](first.host)
          const b = yield* OpenSsh[connect](second.host)
          assert.deepStrictEqual([a.host.port, b.host.port], [first.host.port, second.host.port])
          // The server reports the port that the client connected to.
          const port = RemoteContext.string(Command.make("sh", "-c", "set -- $SSH_CONNECTION; printf %s \"$4\""))
          const ports = yield* Effect.all([Effect.provide(port, a.services), Effect.provide(port, b.services)], {
            concurrency: 2
          })
          assert.deepStrictEqual(ports, [String(first.host.port), String(second.host.port)])
          const path = `${second.directory}/copied`
          yield* a.fileSystem.writeFileString(`${first.directory}/original`, "from the first host")
          yield* b.fileSystem.put(`${first.directory}/original`, path, { local: a.fileSystem })
          const read = Effect.flatMap(RemoteFileSystem.RemoteFileSystem, (fs) => fs.readFileString(path))
          assert.strictEqual(yield* Effect.provide(read, b.services), "from the first host")
        }))

      it.scopedLive("ends the connection with the scope", () =>
        Effect.gen(function*() {
          const { host } = yield* Sshd.make({ kind, loginShell: "sh" })
          const scope = yield* Scope.make()
          const connected = yield* Scope.extend(OpenSsh[connect](host), scope)
          assert.strictEqual(yield* connected.context.exitCode(Command.make("true")), 0)
          yield* Scope.close(scope, Exit.void)
          const error = yield* Effect.flip(connected.context.exitCode(Command.make("true")))
          assert(error._tag === "RemoteConnectionError")
          if (connect === "connect") assert.strictEqual(error.reason, "ConnectionLost")
        }))

      it.scopedLive("uses the defaults for commands, unless a command has its own", () =>
        Effect.gen(function*() {
          const { host } = yield* Sshd.make({ kind, loginShell: "sh" })
          const { context } = yield* OpenSsh[connect]({ ...host, pipefail: false })
          const pipeline = Command.make("false").pipe(Command.pipeTo(Command.make("true")))
          assert.strictEqual(yield* context.exitCode(pipeline), 0)
          assert.strictEqual(yield* context.exitCode(pipeline, { pipefail: true }), 1)
        }))
    })
  }

  it.scopedLive(`layerConfig reads the options that layer takes, ${kind} server`, () =>
    Effect.gen(function*() {
      const { host } = yield* Sshd.make({ kind, loginShell: "sh" })
      const { host: name, hostKeys, keyFile, knownHostsFile, port, sshConfig, username } = host
      const live = OpenSsh.layerConfig({
        host: Config.succeed(name),
        hostKeys: Config.succeed(hostKeys),
        keyFile: Config.succeed(keyFile),
        knownHostsFile: Config.succeed(knownHostsFile),
        port: Config.succeed(port),
        sshConfig: Config.succeed(sshConfig),
        username: Config.succeed(username),
        pipefail: Config.boolean("PIPEFAIL")
      }).pipe(Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["PIPEFAIL", "false"]])))))
      assert.strictEqual(yield* Effect.provide(failsFirst, live), 0)
    }))
}

describe("a destination as text", () => {
  const uses: Record<
    string,
    (destination: string) => Effect.Effect<unknown, RemoteError.RemoteConnectionError, Scope.Scope>
  > = {
    make: OpenSsh.make,
    makeProcess: OpenSsh.makeProcess,
    connect: OpenSsh.connect,
    connectProcess: OpenSsh.connectProcess,
    layer: (destination) => Layer.build(OpenSsh.layer(destination)),
    layerProcess: (destination) => Layer.build(OpenSsh.layerProcess(destination))
  }
  for (const [name, use] of Object.entries(uses)) {
    it.scopedLive(`${name} connects to the user, host and port that it names`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(use("nobody@127.0.0.1:1"))
        assert.deepStrictEqual([error.reason, error.host], ["Unreachable", "nobody@127.0.0.1:1"])
      }))

    it.scopedLive(`${name} refuses one that cannot be read`, () =>
      Effect.gen(function*() {
        const refused = yield* Effect.either(use("nobody@127.0.0.1:http"))
        assert(Either.isLeft(refused) && refused.left.reason === "InvalidHost")
        assert.include(refused.left.message, "1..65535")
      }))
  }
})
