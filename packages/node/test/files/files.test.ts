import { RemoteFileSystem } from "@effect-remote/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import { likeNode } from "../suites/likeNode.js"
import { pairings } from "../suites/transports.js"

for (const { oneConnection, suite } of pairings) {
  // Files depend on the server, not on the transport.
  if (!oneConnection) continue
  likeNode(suite)

  describe(`files on ${suite.name}`, () => {
    it.live("the space on a disk is what the system says", () =>
      Effect.gen(function*() {
        const fs = yield* RemoteFileSystem.RemoteFileSystem
        const { bavail, blocks, bsize } = Fs.statfsSync("/", { bigint: true })
        const free = yield* fs.diskFree("/")
        assert.strictEqual(free.size, blocks * bsize)
        // Others write to it meanwhile.
        assert.isBelow(Math.abs(Number(free.available - bavail * bsize)), 2 ** 30)
      }).pipe(Effect.provide(suite.layer)))
  })
}
