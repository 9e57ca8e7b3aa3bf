import { assert, describe, layer } from "@effect/vitest"
import { Effect } from "effect"
import { full } from "../fixtures/full.js"
import { cases } from "./cases.js"
import { compare, report } from "./compare.js"
import { defects } from "./defects.js"
import { program } from "./generate.js"
import * as sides from "./sides.js"
import * as suite from "./suite.js"

const first = 9001

const seeds = (count: number) => Array.from({ length: count }, (_, index) => first + index)

describe.runIf(suite.isPossible)("the double and sshd", () => {
  suite.programs(seeds(full ? 16 : 4), 50)

  layer(sides.layer, { excludeTestServices: true, timeout: 60_000 })("what once differed", (it) => {
    for (const { name, seed, steps } of cases) {
      it.effect(`${name} (seed ${seed})`, () =>
        Effect.gen(function*() {
          assert.isUndefined(yield* compare(yield* sides.Sides, steps))
        }))
    }
  })

  describe.runIf(full)("the test of the test", () => {
    layer(sides.layer, { excludeTestServices: true, timeout: 60_000 })((it) => {
      for (const [name, defect] of Object.entries(defects)) {
        it.effect(`finds ${name}, and reports the seed`, () =>
          Effect.gen(function*() {
            const both = yield* sides.Sides
            for (const seed of seeds(24)) {
              const found = yield* report(both, program({ seed, length: 50 }), { defect, most: 8 })
              if (found !== undefined) return assert.include(found, `program of seed ${seed} `)
            }
            return assert.fail("nothing was found")
          }), 120_000)
      }
    })
  })
})
