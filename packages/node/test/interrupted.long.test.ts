import { it } from "@effect/vitest"
import * as interrupted from "./fixtures/interrupted.js"
import { servers } from "./suites/servers.js"

for (const kind of servers) {
  it.scopedLive(
    `many transfers that are interrupted leave what is whole, ${kind} server`,
    () => interrupted.run(kind, 200),
    300_000
  )
}
