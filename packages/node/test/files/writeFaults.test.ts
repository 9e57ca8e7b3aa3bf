import { describe, it } from "@effect/vitest"
import * as steps from "../fixtures/writeFaults.js"
import { servers } from "../suites/servers.js"

const [atomicWrite, , ifAbsent, , putSmall, putLarge] = steps.verbs
const [lostBefore, lostBehind, failing] = steps.faults

describe("a file that is written, at every step", () => {
  for (const verb of [atomicWrite!, ifAbsent!, putSmall!, putLarge!]) {
    for (const fault of [lostBefore!, lostBehind!, failing!]) {
      it.live(`${verb.title}: ${fault[0]}`, () => steps.inMemory(verb, fault), 60_000)
    }
  }

  for (const kind of servers) {
    it.scopedLive(`atomicWrite, cut, ${kind} server`, () => steps.onServer(kind, atomicWrite!), 60_000)
  }
})
