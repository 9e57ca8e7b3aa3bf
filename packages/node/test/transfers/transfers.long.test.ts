import { RemoteFileSystem } from "@effect-remote/core"
import { OpenSsh } from "@effect-remote/node"
import { Sshd } from "@effect-remote/testing"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as proxies from "../fixtures/proxy.js"
import { random } from "../fixtures/random.js"
import { bundled, firstLine, start } from "../programs/program.js"
import { longServers } from "../suites/servers.js"
import { layerConnection } from "../suites/support.js"

const mebibyte = 1024 * 1024

const digest = (path: string) => Crypto.createHash("sha256").update(Fs.readFileSync(path)).digest("hex")

for (const kind of longServers) {
  describe(`transfers, ${kind} server`, () => {
    it.scopedLive("1 GiB goes up and down with flat memory", () =>
      Effect.gen(function*() {
        const sshd = yield* Sshd.make({ kind, loginShell: "sh" })
        const mover = yield* bundled("memoryGrowth")
        const path = `${sshd.directory}/large`
        // A sparse file with data at both ends.
        Fs.writeFileSync(path, "beginning")
        Fs.truncateSync(path, 1024 * mebibyte)
        Fs.appendFileSync(path, "end")
        const line = yield* firstLine(yield* start(mover, sshd.host, path))
        const { grown, sizes } = JSON.parse(line) as { readonly grown: number; readonly sizes: ReadonlyArray<number> }
        assert.deepStrictEqual(sizes, [1024 * mebibyte + 3, 1024 * mebibyte + 3])
        assert.isBelow(grown, 64, "MiB of heap and buffers")
      }), 600_000)

    it.live("10,000 small files go up and down", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const { directory } = yield* Sshd.Sshd
        for (let index = 0; index < 10_000; index++) {
          if (index % 500 === 0) Fs.mkdirSync(`${directory}/from/${index}`, { recursive: true })
          Fs.writeFileSync(`${directory}/from/${index - index % 500}/${index}`, `content ${index}`)
        }
        const up = yield* fs.put(`${directory}/from`, `${directory}/up`)
        const down = yield* fs.get(`${directory}/up`, `${directory}/down`)
        assert.deepStrictEqual([up.files, down.files, up.entries.length], [10_000, 10_000, 10_021])
        for (let index = 0; index < 10_000; index++) {
          const content = Fs.readFileSync(`${directory}/down/${index - index % 500}/${index}`, "utf8")
          assert.strictEqual(content, `content ${index}`)
        }
        const again = yield* fs.put(`${directory}/from`, `${directory}/up`, { skipUnchanged: "quick", delete: true })
        assert.strictEqual(again.entries.filter(({ outcome }) => outcome._tag === "Deleted").length, 0)
      }).pipe(Effect.provide(layerConnection({ kind, loginShell: "sh" }))), 600_000)

    it.scopedLive(
      "cut at any byte, fifty times, it goes on and ends with the same digest",
      () =>
        Effect.gen(function*() {
          const sshd = yield* Sshd.make({ kind, loginShell: "sh" })
          const proxy = yield* proxies.make(sshd.host.port ?? 22)
          const host = proxies.through(proxy, sshd)
          const next = random(49)
          const size = 3 * mebibyte
          const path = sshd.directory
          const bytes = Buffer.alloc(size, 0)
          for (let at = 0; at < size; at++) bytes[at] = next() * 256
          Fs.writeFileSync(`${path}/from`, bytes)
          const expected = digest(`${path}/from`)
          let resumed = 0
          for (let round = 0; round < 50; round++) {
            const target = `${path}/to ${round}`
            // Bytes from the server; those of the handshake come first, so that some cuts come before the file.
            yield* proxy.next(Math.floor(next() * (size + 20_000)), "forward")
            const get = Effect.flatMap(
              RemoteFileSystem.RemoteFileSystem,
              (fs) => fs.get(`${path}/from`, target, { resume: true })
            )
            yield* Effect.ignore(Effect.provide(get, Layer.fresh(OpenSsh.layer(host))))
            const result = yield* Effect.provide(get, Layer.fresh(OpenSsh.layer(host)))
            const [entry] = result.entries
            if (entry?.outcome._tag === "Copied" && entry.outcome.resumedAt > 0n) resumed++
            assert.strictEqual(digest(target), expected, `round ${round}`)
            assert.isTrue(
              Option.isNone(Option.fromNullable(Fs.readdirSync(path).find((name) => name.endsWith(".part"))))
            )
            Fs.rmSync(target)
          }
          assert.isAbove(resumed, 20)
        }),
      600_000
    )
  })
}
