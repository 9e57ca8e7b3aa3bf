import { describe, it } from "@effect/vitest"
import * as writeFaults from "../fixtures/writeFaults.js"
import { servers } from "../suites/servers.js"

const [atomicWrite, , ifAbsent, , putSmall, putLarge] = writeFaults.verbs
const [lostBefore, lostBehind, failing] = writeFaults.faults

describe("a file that is written, at every step", () => {
  for (const verb of [atomicWrite!, ifAbsent!, putSmall!, putLarge!]) {
    for (const fault of [lostBefore!, lostBehind!, failing!]) {
      it.live(`${verb.title}: ${fault[0]}`, () => writeFaults.inMemory(verb, fault), 60_000)
    }
  }

  for (const kind of servers) {
    it.scopedLive(`atomicWrite, cut, ${kind} server`, () => writeFaults.onServer(kind, atomicWrite!), 60_000)
  }
})
