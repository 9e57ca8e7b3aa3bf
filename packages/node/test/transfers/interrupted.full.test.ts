import { it } from "@effect/vitest"
import * as interruptions from "../fixtures/interruptions.js"
import { servers } from "../suites/servers.js"

for (const kind of servers) {
  it.scopedLive(
    `transfers that are interrupted leave what is whole, ${kind} server`,
    () => interruptions.run(kind, 24),
    60_000
  )

  for (const transport of ["layer", "layerProcess"] as const) {
    // FOUND E5
    it.scopedLive(
      `commands that are interrupted twice, or after their timeout, do not go on running, ${transport}, ${kind} server`,
      () => interruptions.commands(kind, transport, 60),
      120_000
    )
  }
}
