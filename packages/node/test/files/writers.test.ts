import { it } from "@effect/vitest"
import { twoWriters } from "../fixtures/twoWriters.js"
import { servers } from "../suites/servers.js"

for (const kind of servers) {
  it.scopedLive(
    `two writers and ten readers of one file see no part of it, ${kind} server`,
    () => twoWriters(kind, 15, 10),
    60_000
  )
}
