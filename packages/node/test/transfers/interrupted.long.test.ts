import { it } from "@effect/vitest"
import * as interruptions from "../fixtures/interruptions.js"
import { longServers } from "../suites/servers.js"

for (const kind of longServers) {
  it.scopedLive(
    `many transfers that are interrupted leave what is whole, ${kind} server`,
    () => interruptions.run(kind, 200),
    300_000
  )

  for (const transport of ["layer", "layerProcess"] as const) {
    // FOUND E5
    it.scopedLive(
      `many commands that are interrupted twice, or after their timeout, do not go on running, ${transport}, ${kind} server`,
      () => interruptions.commands(kind, transport, 300),
      600_000
    )
  }
}
