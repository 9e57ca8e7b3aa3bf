import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as generatedScripts from "./fixtures/generatedScripts.js"
import * as shell from "./fixtures/shell.js"

describe.runIf(shell.isComparable())("the shell of the double and dash", () => {
  it.live.each(Array.from({ length: 8 }, (_, index) => index + 2))(
    "agree about scripts made at random, of seed %d",
    (seed) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* shell.differences(generatedScripts.sample(seed, 200)), [])
      }),
    120_000
  )
})
