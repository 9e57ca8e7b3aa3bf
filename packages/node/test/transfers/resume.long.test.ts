import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import * as cutUploads from "../fixtures/cutUploads.js"
import { longServers } from "../suites/servers.js"

for (const kind of longServers) {
  it.scopedLive(
    `a put that is cut at any byte, fifty times, goes on and leaves nothing torn, ${kind} server`,
    () => Effect.map(cutUploads.puts(kind, 50), (resumed) => assert.isAbove(resumed, 20)),
    600_000
  )
}
