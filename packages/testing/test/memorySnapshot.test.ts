import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { snapshot } from "../src/internal/memory/snapshot.js"
import { Change } from "../src/internal/sftp/sftpFileSystem.js"
import { luigi, make, writing } from "./fixtures/memoryFiles.js"

describe("a snapshot", () => {
  it.effect("formats one entry a line", () =>
    Effect.gen(function*() {
      const memory = yield* make({
        directories: { "/data": { owner: "luigi" }, "/data/team": { group: "plumbers", mode: 0o2775 } },
        files: {
          "/data/lines": "one\n\ttwo\r\n",
          "/data/no-end": "é",
          "/data/empty": "",
          "/data/binary": new Uint8Array([0, 1, 2]),
          "/data/latin1": new Uint8Array([233]),
          "/data/long": "x\n".repeat(41),
          "/data/\udcff\n": { content: "x", mode: 0o4755, owner: 7, group: 8 }
        },
        links: { "/data/current": "releases/1" },
        pipes: ["/data/pipe"]
      })
      assert.strictEqual(
        snapshot(memory, "/data"),
        `drwxr-xr-x luigi /data
-rw-r--r-- luigi /data/binary (3 bytes, ae4b3280)
lrwxrwxrwx luigi /data/current -> releases/1
-rw-r--r-- luigi /data/empty (empty)
-rw-r--r-- luigi /data/latin1 (1 bytes, de2e331d)
-rw-r--r-- luigi /data/lines
    one
    \ttwo\\r
-rw-r--r-- luigi /data/long (82 bytes, f0eb4d40)
-rw-r--r-- luigi /data/no-end
    é
    \\ No newline at end of file
prw-r--r-- luigi /data/pipe
drwxrwsr-x luigi:plumbers /data/team
-rwsr-xr-x 7:8 /data/\\xff\\n
    x
    \\ No newline at end of file
`
      )
      assert.strictEqual(snapshot(memory, "/missing"), "")
    }))

  it.scoped("does not depend on the order of creation, and does not read holes", () =>
    Effect.gen(function*() {
      const one = yield* make({ files: { "/a": "1", "/b": "2" } })
      const other = yield* make({ files: { "/b": "2", "/a": "1" } })
      assert.strictEqual(snapshot(one), snapshot(other))
      const file = yield* one.as(luigi).open("hole", writing, 0o600)
      yield* file.change(Change.Size({ size: 1n << 43n }))
      assert.include(snapshot(one), "-rw------- luigi /home/luigi/hole (8796093022208 bytes)\n")
    }))
})
