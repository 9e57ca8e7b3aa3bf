import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Either, FastCheck, Stream } from "effect"
import * as decode from "../src/internal/decode.js"

// The same values in every run.
FastCheck.configureGlobal({ seed: 20 })

const anyPieces = FastCheck.array(
  FastCheck.array(FastCheck.constantFrom("a", "b", "\n", "\r", "\r\n", "é"), { maxLength: 6 }).map((parts) =>
    parts.join("")
  ),
  { maxLength: 8 }
)

describe("splitLines", () => {
  it.effect.prop(
    "gives the lines of the whole text, wherever it is split",
    { pieces: anyPieces },
    ({ pieces }) =>
      Effect.gen(function*() {
        const lines = yield* Stream.runCollect(decode.splitLines(Stream.fromIterable(pieces)))
        assert.deepStrictEqual(Chunk.toReadonlyArray(lines), decode.lines(pieces.join("")))
      })
  )

  // FOUND A1
  it.effect.prop(
    "gives whole lines only before a failure",
    { pieces: anyPieces },
    ({ pieces }) =>
      Effect.gen(function*() {
        const failing = Stream.concat(Stream.fromIterable(pieces), Stream.fail("lost"))
        const seen = Chunk.toReadonlyArray(yield* Stream.runCollect(Stream.either(decode.splitLines(failing))))
        const whole = pieces.join("").split("\n").slice(0, -1).map((line) => line.replace(/\r$/, ""))
        assert.deepStrictEqual(seen, [...whole.map((line) => Either.right(line)), Either.left("lost")])
      })
  )
})
