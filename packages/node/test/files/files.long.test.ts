import { Sshd } from "@effect-remote/testing"
import * as Rewriting from "@effect-remote/testing/unstable/Rewriting"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import { bundled, ended, firstLine, start } from "../programs/program.js"
import { longServers } from "../suites/servers.js"
import { layerProcess } from "../suites/support.js"

for (const kind of longServers) {
  describe(`files on layerProcess, ${kind} server`, () => {
    it.scopedLive(
      "a client killed at any moment of a write leaves the old file or the new one, whole",
      () =>
        Effect.gen(function*() {
          const sshd = yield* Sshd.make({ kind, loginShell: "sh" })
          const writer = yield* bundled("rewriteRepeatedly")
          const path = `${sshd.directory}/file`
          const size = 400_000
          const versions = new Set<number>()
          for (let round = 0; round < 50; round++) {
            const child = yield* start(writer, sshd.host, path, String(size))
            assert.strictEqual(yield* firstLine(child), "writing\n")
            // The moment is random, so that over fifty rounds every step of a write is hit.
            yield* Effect.sleep(Math.random() * 60)
            process.kill(-child.pid!, "SIGKILL")
            yield* ended(child)
            const content = Fs.readFileSync(path)
            assert.strictEqual(content.length, size)
            const version = content[0]!
            assert.isTrue(content.equals(Buffer.alloc(size, version)), `torn in round ${round}`)
            versions.add(version)
            for (const name of Fs.readdirSync(sshd.directory).filter((name) => name.startsWith(".effect-remote-"))) {
              Fs.rmSync(`${sshd.directory}/${name}`)
            }
          }
          assert.isAbove(versions.size, 1)
        }),
      600_000
    )

    it.live(
      "forty readers during a hundred rewrites never see a torn file",
      () =>
        Effect.flatMap(Sshd.Sshd, ({ directory }) => Rewriting.rewrite(`${directory}/rewritten`, 40, 100)).pipe(
          Effect.provide(layerProcess({ kind, loginShell: "sh" }))
        ),
      300_000
    )

    it.scopedLive("256 MiB go up and down with flat memory", () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ kind, loginShell: "sh" })
        const carrier = yield* bundled("peakMemory")
        const memoryFor = Effect.fnUntraced(function*(size: number) {
          const line = yield* firstLine(yield* start(carrier, sshd.host, `${sshd.directory}/large`, String(size)))
          const { memory, read } = JSON.parse(line)
          assert.strictEqual(read, size * 1024 * 1024)
          return memory as number
        })
        const small = yield* memoryFor(32)
        const large = yield* memoryFor(256)
        // Data in flight is the same for both. The garbage collector decides about the rest.
        assert.isBelow(large - small, 128, `${small} MiB for 32, ${large} MiB for 256`)
      }), 300_000)
  })
}
