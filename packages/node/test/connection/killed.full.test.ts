/** Processes and files of a killed program, on this machine and on the host. */
import { Sshd } from "@effect-remote/testing"
import { eventually } from "@effect-remote/testing/unstable/Eventually"
import * as Processes from "@effect-remote/testing/unstable/Processes"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as programs from "../programs/program.js"
import { servers } from "../suites/servers.js"
import { withTemporaryDirectory } from "../suites/support.js"

for (const kind of servers) {
  for (const name of ["layer", "layerProcess"] as const) {
    describe(`a program that is killed, on ${name}, ${kind} server`, () => {
      // FOUND A22, A23
      it.scopedLive("leaves no ssh, no private directory and nothing on the host", () =>
        Effect.gen(function*() {
          const server = yield* Sshd.make({ kind, loginShell: "sh" })
          const temporary = `${server.directory}/tmp`
          const bundle = yield* programs.bundled("runningCommands")
          const program = yield* programs.start(bundle, server.host, name, "3").pipe(
            withTemporaryDirectory(temporary)
          )
          assert.strictEqual(yield* programs.firstLine(program), "running\n")
          const left = () => Processes.all().filter(({ words }) => words.some((word) => word.includes(`${temporary}/`)))
          assert.isNotEmpty(left())
          assert.strictEqual(Fs.readdirSync(temporary).length, 1)
          process.kill(-program.pid!, "SIGKILL")
          yield* programs.ended(program)
          yield* eventually(Effect.sync(left), (left) => left.length === 0)
          assert.deepStrictEqual(Fs.readdirSync(temporary), [])
          yield* eventually(server.processes, (processes) => processes.length === 0)
        }))
    })
  }
}
