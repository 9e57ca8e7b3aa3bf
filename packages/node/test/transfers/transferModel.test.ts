import { it } from "@effect/vitest"
import { Array } from "effect"
import { run } from "../fixtures/transferRuns.js"
import { servers } from "../suites/servers.js"

for (const kind of servers) {
  it.scopedLive(`random transfers do what the model does, ${kind} server`, () => run(kind, Array.range(1, 40)), 60_000)
}
