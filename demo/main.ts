/**
 * Shows the main job on a real SSH server: a throwaway one on loopback, OpenSSH's where it is installed.
 */
import { Format, RemoteContext, RemoteFileSystem, RemoteTarget, sh } from "@effect-remote/core"
import { OpenSsh, TransferProgress } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { Command, FetchHttpClient, FileSystem, HttpClient } from "@effect/platform"
import { NodeFileSystem, NodeRuntime } from "@effect/platform-node"
import { Clock, Console, Deferred, Effect, Fiber, Layer, Schedule, Stream } from "effect"
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
  yield* expect(error.reason === "Exit", "a failed command has its exit code")
  const missing = yield* failureOf(RemoteContext.string(Command.make("frobnicate", "--now")))
  yield* failure(missing)
  yield* expect(missing.reason === "ProgramNotFound", "a missing program is reported as missing")
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
  const tree = (group: number) =>
    Effect.tap(
      Effect.map(
        sshd.processes,
        (processes) => processes.filter((process) => process.group === group && process.name === "sleep")
      ),
      (processes) => quoted(processes.map(({ name, pid }) => `${pid} ${name}`).join("\n") || "(none)")
    )
  const started = yield* Deferred.make<number>()
  const fiber = yield* RemoteContext.streamLines(sh`sleep 1000 & sleep 1000 & echo $$; wait`).pipe(
    Stream.runForEach((text) => Deferred.succeed(started, Number(text))),
    Effect.fork
  )
  const group = yield* Deferred.await(started)
  yield* Effect.sleep("1 second")
  yield* line("processes of the command, after a second:")
  yield* expect((yield* tree(group)).length === 2, "the command runs")
  yield* Fiber.interrupt(fiber)
  yield* line("after its fiber was interrupted:")
  yield* expect((yield* tree(group)).length === 0, "nothing of it is left")
})

const rewriting = Effect.gen(function*() {
  const fs = yield* RemoteFileSystem.RemoteFileSystem
  const { directory } = yield* Sshd.Sshd
  const path = `${directory}/report.bin`
  const version = (name: "old" | "new") => new TextEncoder().encode(name.repeat(1024 * 1024))
  yield* fs.atomicWrite(path, version("old"))
  const seen: Array<string> = []
  const done = yield* Deferred.make<void>()
  const look = Effect.gen(function*() {
    const content = yield* fs.readFileString(path)
    const whole = content === "old".repeat(1024 * 1024) ? "old" : content === "new".repeat(1024 * 1024) ? "new" : "torn"
    if (seen.at(-1) === whole) return
    seen.push(whole)
    yield* quoted(`the reader sees the ${whole} file`)
  })
  const reading = yield* Effect.fork(Effect.repeat(look, { until: () => Deferred.isDone(done) }))
  // In pieces and slowly, so that there is something to see half of.
  const slowly = Stream.fromIterable(chunked(version("new"), 12)).pipe(Stream.schedule(Schedule.spaced("50 millis")))
  yield* line(`3 MiB are written to ${path} in twelve pieces`)
  yield* Stream.run(slowly, fs.atomicSink(path))
  yield* Deferred.succeed(done, undefined)
  yield* Fiber.join(reading)
  yield* look
  yield* expect(seen.join() === "old,new", "the reader saw the old file and then the new one")
})

const chunked = (bytes: Uint8Array, count: number): ReadonlyArray<Uint8Array> => {
  const size = Math.ceil(bytes.length / count)
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * size, (index + 1) * size))
}

const failingWrite = Effect.gen(function*() {
  const fs = yield* RemoteFileSystem.RemoteFileSystem
  const { directory } = yield* Sshd.Sshd
  const folder = `${directory}/out`
  yield* fs.atomicWrite(`${folder}/data.csv`, "yesterday's\n")
  const source = Stream.concat(Stream.make(new Uint8Array(1_000_000)), Stream.fail("the source broke half-way"))
  const error = yield* failureOf(fs.atomicWrite(`${folder}/data.csv`, source))
  yield* quoted(String(error))
  const left = yield* fs.readDirectory(folder)
  const content = yield* fs.readFileString(`${folder}/data.csv`)
  yield* line(`in ${folder}: ${left.join(", ")}, which holds ${JSON.stringify(content)}`)
  yield* expect(left.length === 1 && content === "yesterday's\n", "the old file is left, and nothing beside it")
})

const target = Effect.gen(function*() {
  const { directory } = yield* Sshd.Sshd
  const greeting = RemoteTarget.make(`${directory}/greetings/it's me.txt`, Format.text)
  yield* Stream.run(Stream.make("grüß ", "dich\n", "🚀\n"), greeting.write)
  const text = yield* Stream.mkString(greeting.read)
  yield* quoted(text)
  yield* expect(text === "grüß dich\n🚀\n", "what was written was read")
})

const transfer = Effect.gen(function*() {
  const fs = yield* RemoteFileSystem.RemoteFileSystem
  const { directory } = yield* Sshd.Sshd
  const site = `${directory}/a local site`
  const there = `${directory}/srv/site`
  const local = yield* Effect.provide(FileSystem.FileSystem, NodeFileSystem.layer)
  yield* local.makeDirectory(`${site}/pages`, { recursive: true })
  for (let page = 1; page <= 200; page++) yield* local.writeFileString(`${site}/pages/${page}.html`, `page ${page}`)
  yield* local.writeFile(`${site}/film.bin`, new Uint8Array(20_000_000))
  yield* local.symlink("pages/1.html", `${site}/index.html`)
  const onProgress = yield* TransferProgress.make({ interval: "100 millis" })
  const first = yield* fs.put(site, there, { onProgress, skipUnchanged: "quick" })
  yield* line(`${first.files} files, ${first.bytes} bytes to ${there}`)
  yield* local.writeFileString(`${site}/pages/7.html`, "a page that has changed")
  const second = yield* fs.put(site, there, { skipUnchanged: "quick", verify: "digest" })
  yield* line(`again, when one has changed: ${second.files} file, ${second.bytes} bytes`)
  const [here, over] = yield* Effect.all([fs.digest(`${there}/film.bin`), fs.readFileString(`${there}/index.html`)])
  yield* line(`sha256 over there: ${here.slice(0, 16)}...`)
  yield* expect(first.files === 201 && second.files === 1 && over === "page 1", "what changed went over, and no more")
}).pipe(Effect.scoped)

const program = Effect.gen(function*() {
  const { host, version } = yield* Sshd.Sshd
  yield* title(`effect-remote, on a throwaway ${version} server at ${host}`)
  yield* step("a command: arguments are never parsed by a shell", command)
  yield* step("lines stream in while the command runs", streaming)
  yield* step("a command that fails explains itself", failingCommand)
  yield* step("so does a connection that fails", failingConnection)
  yield* step("a tunnel to a service that only the other machine can reach", tunnel)
  yield* step("an interrupted command leaves no process behind", interruption)
  yield* step("a file is rewritten while a reader reads it", rewriting)
  yield* step("a write that fails half-way leaves the old file", failingWrite)
  yield* step("a tree goes over: every file whole, and the second time what has changed", transfer)
  yield* step("a target of text: a file somewhere else as a value", target)
  yield* Console.log("")
  yield* title("All of it held. Next: the first program, in README.md.")
})

const layer = Layer.unwrapEffect(Effect.map(Sshd.Sshd, ({ host }) => OpenSsh.layer(host))).pipe(
  // The demo does not depend on the startup files of the account's own shell.
  Layer.provideMerge(Sshd.layer({ loginShell: "sh" })),
  Layer.merge(FetchHttpClient.layer)
)

program.pipe(
  Effect.provide(layer),
  Effect.catchAll((error) => Effect.zipRight(Console.error(`\n${error.message}`), Effect.fail(error))),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
