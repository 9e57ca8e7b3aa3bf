import { describe, it } from "@effect/vitest"
import { vi } from "vitest"
import { faultsAreSurvived } from "../suites/leaks.js"
import { longServers } from "../suites/servers.js"

vi.mock(
  "../../src/internal/multiplexed/connection.js",
  async (original) => (await import("../suites/observed.js")).observed(original)
)

for (const kind of longServers) {
  describe(`a connection that is lost again and again, ${kind} server`, () => {
    it.scopedLive(
      "leaves no use of five hundred without an end, and nothing of them here",
      () => faultsAreSurvived(kind, 500, "faults"),
      600_000
    )
  })
}
