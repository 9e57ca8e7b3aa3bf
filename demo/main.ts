/**
 * Shows the main job on a real SSH server: a throwaway one on loopback, OpenSSH's where it is installed.
 */
import { RemoteContext, sh } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { Command, FetchHttpClient, HttpClient } from "@effect/platform"
import { NodeRuntime } from "@effect/platform-node"
import { Clock, Console, Deferred, Effect, Fiber, Layer, Stream } from "effect"
import { expect, failure, failureOf, line, quoted, step, title } from "./screen.js"
import { service } from "./service.js"

const command = Effect.gen(function*() {
  const file = "a file with spaces & $(surprises).txt"
  const text = yield* RemoteContext.string(Command.make("printf", "%s\n", "hello from another machine,", file))
  yield* quoted(text)
  yield* expect(text.includes(file), "the argument arrived as it was")
})

const streaming = Effect.gen(function*() {
  const times: Array<number> = []
  yield* RemoteContext.streamLines(sh`for step in 1 2 3 4; do echo "step $step of 4"; sleep 0.3; done`).pipe(
    Stream.tap((text) =>
      Effect.gen(function*() {
        times.push(yield* Clock.currentTimeMillis)
        yield* quoted(`${text}   (after ${times.at(-1)! - times[0]!} ms)`)
      })
    ),
    Stream.runDrain
  )
  yield* expect(times.length === 4 && times[3]! - times[0]! > 450, "the lines came while the command ran")
})

const failingCommand = Effect.gen(function*() {
  const error = yield* failureOf(
    RemoteContext.string(Command.make("ls", "/no/such directory").pipe(Command.env({ LC_ALL: "C" })))
  )
  yield* failure(error)
  yield* expect(error.reason === "Exit", "a command that fails is told by its exit code")
  const missing = yield* failureOf(RemoteContext.string(Command.make("frobnicate", "--now")))
  yield* failure(missing)
  yield* expect(missing.reason === "ProgramNotFound", "a program that is missing is told as such")
})

const failingConnection = Effect.gen(function*() {
  const { host } = yield* Sshd.Sshd
  const error = yield* failureOf(Effect.scoped(OpenSsh.makeProcess({ ...host, knownHostsFile: "/dev/null" })))
  yield* failure(error)
  yield* expect(error.reason === "HostKeyUnknown", "a host that nobody vouches for is not trusted")
})

const tunnel = Effect.scoped(Effect.gen(function*() {
  const port = yield* service
  const tunnel = yield* RemoteContext.tunnel({ remotePort: port })
  const url = `http://127.0.0.1:${tunnel.localPort}/health`
  const response = yield* HttpClient.get(url)
  const body = yield* response.text
  yield* line(`GET ${url}, which is port ${port} over there`)
  yield* quoted(`${response.status} ${body}`)
  yield* expect(response.status === 200 && body.includes("green"), "the service answered")
}))

const interruption = Effect.gen(function*() {
  const sshd = yield* Sshd.Sshd
  const tree = Effect.tap(
    Effect.map(sshd.processes, (processes) => processes.filter(({ name }) => name === "sleep")),
    (processes) => quoted(processes.map(({ name, pid }) => `${pid} ${name}`).join("\n") || "(none)")
  )
  const started = yield* Deferred.make<void>()
  const fiber = yield* RemoteContext.streamLines(sh`sleep 1000 & sleep 1000 & echo started; wait`).pipe(
    Stream.runForEach(() => Deferred.succeed(started, undefined)),
    Effect.fork
  )
  yield* Deferred.await(started)
  yield* Effect.sleep("1 second")
  yield* line("processes of the command, after a second:")
  yield* expect((yield* tree).length === 2, "the command runs")
  yield* Fiber.interrupt(fiber)
  yield* line("after its fiber was interrupted:")
  yield* expect((yield* tree).length === 0, "nothing of it is left")
})

const program = Effect.gen(function*() {
  const { host, version } = yield* Sshd.Sshd
  yield* title(`effect-remote, on a throwaway ${version} server at ${host}`)
  yield* step("a command: arguments are never parsed by a shell", command)
  yield* step("lines stream in while the command runs", streaming)
  yield* step("a command that fails explains itself", failingCommand)
  yield* step("so does a connection that fails", failingConnection)
  yield* step("a tunnel to a service that only the other machine can reach", tunnel)
  yield* step("an interrupted command leaves no process behind", interruption)
  yield* Console.log("")
  yield* title("All of it held. Next: the first program, in README.md.")
})

const layer = Layer.unwrapEffect(Effect.map(Sshd.Sshd, ({ host }) => OpenSsh.layerProcess(host))).pipe(
  Layer.provideMerge(Sshd.layer()),
  Layer.merge(FetchHttpClient.layer)
)

program.pipe(
  Effect.provide(layer),
  Effect.catchAll((error) => Effect.zipRight(Console.error(`\n${error.message}`), Effect.fail(error))),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
