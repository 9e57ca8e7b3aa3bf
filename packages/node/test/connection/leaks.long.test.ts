import { describe, it } from "@effect/vitest"
import { vi } from "vitest"
import { nothingIsLeft } from "../suites/leaks.js"
import { longServers } from "../suites/servers.js"

vi.mock(
  "../../src/internal/multiplexed/connection.js",
  async (original) => (await import("../suites/observed.js")).observed(original)
)

for (const kind of longServers) {
  describe(`what is left, ${kind} server`, () => {
    it.scopedLive(
      "of a thousand uses, a third of them interrupted: nothing",
      () => nothingIsLeft(kind, 1000, "long"),
      600_000
    )
  })
}
