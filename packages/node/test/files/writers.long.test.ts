import { it } from "@effect/vitest"
import { twoWriters } from "../fixtures/twoWriters.js"
import { longServers } from "../suites/servers.js"

for (const kind of longServers) {
  it.scopedLive(
    `two writers and forty readers of one file see no part of it, ${kind} server`,
    () => twoWriters(kind, 150, 40),
    300_000
  )
}
