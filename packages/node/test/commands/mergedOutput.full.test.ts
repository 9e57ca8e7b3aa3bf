/**
 * Hosts that send stderr to stdout: the reports of the frame, which go to both, must not show.
 */
import { RemoteContext, sh } from "@effect-remote/core"
import { Command } from "@effect/platform"
import { assert, describe, layer } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { hasShell, openssh } from "../suites/servers.js"
import { layerConnection, layerProcess, type Suite } from "../suites/support.js"

const original = "exec /bin/sh -c \"$SSH_ORIGINAL_COMMAND\""

/** How a host does it: what its `.bashrc` holds, or what it runs whatever is asked for. */
const hosts: ReadonlyArray<{ readonly name: string; readonly startup?: string; readonly forced?: string }> = [
  { name: ".bashrc with exec 2>&1", startup: "echo noise; exec 2>&1\n" },
  { name: ".bashrc that records both", startup: "exec > >(tee -a audit.log) 2>&1; echo noise\n" },
  { name: ".bashrc that records each", startup: "exec > >(tee -a out.log) 2> >(tee -a err.log); echo noise\n" },
  { name: ".bashrc that records stdout alone, behind stderr", startup: "exec 2>&1 > >(tee -a out.log); echo noise\n" },
  { name: "a forced command with 2>&1", forced: `${original} 2>&1` },
  { name: "a forced command through tee", forced: "/bin/sh -c \"$SSH_ORIGINAL_COMMAND\" 2>&1 | tee -a audit.log" }
]

const home = (startup: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const path = Fs.mkdtempSync(Path.join(Os.tmpdir(), "home-"))
      Fs.writeFileSync(Path.join(path, ".bashrc"), startup)
      return path
    }),
    (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true, force: true }))
  )

const live = (make: typeof layerProcess, { forced, startup = "" }: (typeof hosts)[number]): Suite["layer"] =>
  Layer.unwrapScoped(Effect.map(home(startup), (home) =>
    make({
      kind: openssh ? "openssh" : "embedded",
      loginShell: "bash",
      home,
      environment: forced === undefined ? { BASH_ENV: `${home}/.bashrc` } : {},
      forceCommand: forced
    })))

// FOUND A2
for (const [transport, make] of [["layer", layerConnection], ["layerProcess", layerProcess]] as const) {
  for (const host of hosts) {
    describe.skipIf(!hasShell("bash"))(`${host.name}, ${transport}`, () => {
      layer(live(make, host), { excludeTestServices: true, timeout: "60 seconds" })((it) => {
        const isTold = host.forced?.includes("tee") !== true

        it.effect("no report shows in what a command prints", () =>
          Effect.gen(function*() {
            for (let round = 0; round < 3; round++) {
              assert.strictEqual(yield* RemoteContext.string(Command.make("printf", "hello")), "hello")
            }
            const whole = Array.from({ length: 2000 }, (_, line) => `line ${line}`)
            assert.deepStrictEqual(
              yield* RemoteContext.lines(sh`i=0; while [ $i -lt 2000 ]; do echo "line $i"; i=$((i+1)); done`),
              whole
            )
            const text = yield* Stream.mkString(
              RemoteContext.streamLines(Command.make("cat").pipe(Command.feed("a\u001eb")))
            )
            assert.strictEqual(text, "a\u001eb")
          }))

        it.effect.skipIf(!isTold)("failures are told apart all the same", () =>
          Effect.gen(function*() {
            const reasonOf = (command: Command.Command) =>
              Effect.map(Effect.flip(RemoteContext.string(command)), (error) => error.reason)
            assert.strictEqual(yield* reasonOf(Command.make("no-such-program")), "ProgramNotFound")
            assert.strictEqual(
              yield* reasonOf(Command.make("true").pipe(Command.workingDirectory("/no/such"))),
              "DirectoryNotFound"
            )
            assert.strictEqual(yield* reasonOf(sh`exit 3`), "Exit")
            assert.strictEqual(
              yield* reasonOf(Command.make("no-such-program").pipe(Command.pipeTo(Command.make("cat")))),
              "ProgramNotFound"
            )
            const unread = yield* Effect.scoped(Effect.flatMap(
              RemoteContext.start(Command.make("true").pipe(Command.pipeTo(Command.make("no-such-program")))),
              (process) => Effect.flip(process.exitCode)
            ))
            assert.strictEqual(unread.reason, "ProgramNotFound")
          }))
      })
    })
  }
}
