import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { inMemory, onThisMachine } from "./fixtures/memoryPeers.js"
import { programs } from "./fixtures/memoryPrograms.js"
import { difference } from "./fixtures/memoryRuns.js"

const isLinux = process.platform === "linux"

describe.skipIf(!isLinux)(`files in memory and those of this machine${isLinux ? "" : " (skipped: not Linux)"}`, () => {
  for (const seed of [11, 12, 13, 14, 15]) {
    it.live(`are alike to thousands of random calls, seed ${seed}`, () =>
      Effect.gen(function*() {
        const sampled = programs({ seed, count: 10, length: 500 })
        const real = yield* onThisMachine(sampled)
        for (const [index, steps] of sampled.entries()) {
          const run = real[index]!
          const found = difference(steps, run, yield* inMemory(run, steps))
          if (found !== undefined) assert.fail(`program ${index}\n${found}`)
        }
      }), 120_000)
  }
})
