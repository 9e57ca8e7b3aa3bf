import { describe, it } from "@effect/vitest"
import * as writeFaults from "../fixtures/writeFaults.js"
import { longServers } from "../suites/servers.js"

describe("a file that is written, at every step", () => {
  for (const verb of writeFaults.verbs) {
    for (const fault of writeFaults.faults) {
      it.live(`${verb.title}: ${fault[0]}`, () => writeFaults.inMemory(verb, fault), 120_000)
    }
    // The others have their source in memory.
    if (verb.title.startsWith("put")) continue
    for (const kind of longServers) {
      it.scopedLive(`${verb.title}, cut, ${kind} server`, () => writeFaults.onServer(kind, verb), 120_000)
    }
  }
})
