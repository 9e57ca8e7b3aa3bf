import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { isHidden, temporaryName } from "../src/internal/files/hiddenNames.js"
import * as random from "../src/internal/lib/random.js"

it.effect("the names of atomic writes are known, and no others", () =>
  Effect.gen(function*() {
    const name = temporaryName(yield* random.hex)
    assert.isTrue(isHidden(name))
    for (
      const other of [`${name}x`, `x${name}`, `${name}\n`, name.toUpperCase(), temporaryName(""), temporaryName("a/b")]
    ) {
      assert.isFalse(isHidden(other), other)
    }
  }))
