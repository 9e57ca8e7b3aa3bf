import { assert, describe, it } from "@effect/vitest"
import { Chunk, Effect, Either, FastCheck, Stream } from "effect"
import * as decode from "../src/internal/process/decode.js"

// The same values in every run.
FastCheck.configureGlobal({ seed: 20 })

const anyPieces = FastCheck.array(
  FastCheck.array(FastCheck.constantFrom("a", "b", "\n", "\r", "\r\n", "é"), { maxLength: 6 }).map((parts) =>
    parts.join("")
  ),
  { maxLength: 8 }
)

const split = decode.splitLines(1000, Effect.fail("too long"))

describe("splitLines", () => {
  it.effect.prop(
    "gives the lines of the whole text, wherever it is split",
    { pieces: anyPieces },
    ({ pieces }) =>
      Effect.gen(function*() {
        const lines = yield* Stream.runCollect(split(Stream.fromIterable(pieces)))
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
        const seen = Chunk.toReadonlyArray(yield* Stream.runCollect(Stream.either(split(failing))))
        const whole = pieces.join("").split("\n").slice(0, -1).map((line) => line.replace(/\r$/, ""))
        assert.deepStrictEqual(seen, [...whole.map((line) => Either.right(line)), Either.left("lost")])
      })
  )

  it.effect.prop(
    "fails at the first line that is longer than the limit, wherever it is split",
    { pieces: anyPieces, limit: FastCheck.integer({ min: 0, max: 4 }) },
    ({ limit, pieces }) =>
      Effect.gen(function*() {
        const lines = pieces.join("").split("\n")
        const bad = lines.findIndex((line) => line.length > limit)
        const seen = yield* Stream.runCollect(
          Stream.either(decode.splitLines(limit, Effect.fail("too long"))(Stream.fromIterable(pieces)))
        )
        const whole = decode.lines(lines.slice(0, bad < 0 ? undefined : bad).map((line) => `${line}\n`).join(""))
        assert.deepStrictEqual(Chunk.toReadonlyArray(seen), [
          ...(bad < 0 ? decode.lines(pieces.join("")) : whole).map((line) => Either.right(line)),
          ...(bad < 0 ? [] : [Either.left("too long")])
        ])
      })
  )

  it.effect("takes a long line in pieces of one character", () =>
    Effect.gen(function*() {
      const pieces = Stream.fromIterable("x".repeat(300_000))
      const lines = yield* Stream.runCollect(decode.splitLines(300_000, Effect.fail("too long"))(pieces))
      assert.deepStrictEqual(Chunk.toReadonlyArray(lines), ["x".repeat(300_000)])
    }))
})
