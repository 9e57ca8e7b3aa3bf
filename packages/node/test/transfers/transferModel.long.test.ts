import { it } from "@effect/vitest"
import { Array } from "effect"
import { run } from "../fixtures/transferRuns.js"
import { longServers } from "../suites/servers.js"

for (const kind of longServers) {
  it.scopedLive(
    `many random transfers do what the model does, ${kind} server`,
    () => run(kind, Array.range(41, 640)),
    600_000
  )
}
