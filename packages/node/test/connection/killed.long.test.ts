import { RemoteFileSystem } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { eventually } from "@effect-remote/testing/unstable/Eventually"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import { bundled, ended, firstLine, start } from "../programs/program.js"
import { longServers } from "../suites/servers.js"

for (const kind of longServers) {
  it.scopedLive(
    `a client killed at any moment of a put leaves a whole file, and what is swept or gone on with, ${kind} server`,
    () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ kind, loginShell: "sh" })
        const putter = yield* bundled("putRepeatedly")
        const { directory } = sshd
        const [one, other] = [Buffer.alloc(2_000_000, 1), Buffer.alloc(1_500_000, 2)]
        Fs.writeFileSync(`${directory}/one`, one)
        Fs.writeFileSync(`${directory}/other`, other)
        Fs.mkdirSync(`${directory}/to`)
        const target = `${directory}/to/target`
        let left = 0
        yield* Effect.gen(function*() {
          const fs = yield* RemoteFileSystem.RemoteFileSystem
          for (let round = 0; round < 30; round++) {
            const child = yield* start(putter, sshd.host, `${directory}/one`, `${directory}/other`, target)
            assert.strictEqual(yield* firstLine(child), "putting\n")
            // The moment is random, so that over the rounds every step is hit.
            yield* Effect.sleep(Math.random() * 80)
            process.kill(-child.pid!, "SIGKILL")
            yield* ended(child)
            const content = Fs.readFileSync(target)
            assert.isTrue(content.equals(one) || content.equals(other), `torn in round ${round}`)
            const others = Fs.readdirSync(`${directory}/to`).filter((name) => name !== "target")
            for (const name of others) assert.match(name, /^\.effect-remote-[0-9a-z-]+\.(tmp|part)$/)
            left += others.length
            // The server may still be doing what the killed one had asked for.
            yield* eventually(
              Effect.gen(function*() {
                yield* fs.put(`${directory}/one`, target, { resume: true })
                yield* fs.sweepTemporary(`${directory}/to`, 0)
                return [Fs.readFileSync(target).equals(one), ...Fs.readdirSync(`${directory}/to`)]
              }),
              ([isWhole, ...names]) => isWhole === true && names.length === 1
            )
          }
        }).pipe(Effect.provide(OpenSsh.layer(sshd.host)))
        assert.isAbove(left, 0)
      }),
    300_000
  )
}
