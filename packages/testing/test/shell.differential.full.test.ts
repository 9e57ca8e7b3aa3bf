import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as generatedScripts from "./fixtures/generatedScripts.js"
import * as shell from "./fixtures/shell.js"

const scripts = fs.readFileSync(new URL("./fixtures/shellScripts.txt", import.meta.url), "utf8").trimEnd().split(
  "\n%%\n"
)

describe.runIf(shell.isComparable())("the shell of the double and dash", () => {
  it.live.each(scripts)("%s", (script) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* shell.inDouble(script), yield* shell.inReality(script))
    }))

  it.live("agree about scripts made at random", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* shell.differences(generatedScripts.sample(1, 60)), [])
    }), 60_000)
})
