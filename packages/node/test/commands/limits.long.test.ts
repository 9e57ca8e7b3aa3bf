import { describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { crowd, crowdBesideFiles, together } from "../suites/limits.js"
import { longServers } from "../suites/servers.js"
import { layerConnection } from "../suites/support.js"

for (const kind of longServers) {
  describe(`hundreds of commands, fifty of them at once, ${kind} server`, () => {
    for (const maxSessions of [10, 2, 1]) {
      it.live(`MaxSessions ${maxSessions}`, () =>
        Effect.gen(function*() {
          yield* crowd(500)
          yield* together(maxSessions)
          yield* maxSessions > 1 ? crowdBesideFiles(200) : crowd(200)
          yield* crowd(50)
        }).pipe(Effect.provide(layerConnection({ kind, maxSessions, loginShell: "sh" }))), 300_000)
    }
  })
}
