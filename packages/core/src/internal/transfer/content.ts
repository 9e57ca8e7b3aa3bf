/**
 * Compares the content of two files.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { LocalHash } from "../../LocalHash.js"
import type { Endpoint, Fx, Reading } from "./endpoint.js"

/**
 * The SHA-256 of a file, or of its first bytes.
 *
 * @internal
 */
export const digest = (side: Endpoint, path: string, length: bigint | undefined, hash: LocalHash): Fx<string> =>
  Effect.flatMap(
    side.digest(path, length),
    Option.match({
      onSome: Effect.succeed,
      onNone: () => Effect.scoped(Effect.flatMap(side.read(path), (reading) => digestOpen(reading, length, hash)))
    })
  )

/**
 * As `digest`, for an open file.
 *
 * @internal
 */
export const digestOpen = ({ stream }: Reading, length: bigint | undefined, hash: LocalHash): Fx<string> =>
  Effect.scoped(Effect.gen(function*() {
    const { hex, update } = yield* hash.make("sha256")
    yield* Stream.runForEach(stream(0n, length), (bytes) => Effect.sync(() => update(bytes)))
    return hex()
  }))

interface Place {
  readonly side: Endpoint
  readonly path: string
}

// The pieces of two streams differ in size. This takes at most the number of bytes that is asked for.
const taker = (place: Place, length: bigint): Effect.Effect<
  (most: number) => Fx<Uint8Array>,
  PlatformError,
  Scope.Scope
> =>
  Effect.gen(function*() {
    const { stream } = yield* place.side.read(place.path)
    const pull = yield* Stream.toPull(stream(0n, length))
    let left: Uint8Array = new Uint8Array()
    const take = (most: number): Fx<Uint8Array> =>
      Effect.suspend(() => {
        if (left.length > 0) {
          const taken = left.subarray(0, most)
          left = left.subarray(taken.length)
          return Effect.succeed(taken)
        }
        return Effect.matchEffect(pull, {
          onFailure: Option.match({ onNone: () => Effect.succeed(left), onSome: Effect.fail }),
          onSuccess: (pieces) => {
            // A pull gives one piece, because the streams of endpoints have chunks of one element.
            left = Chunk.unsafeHead(pieces)
            return take(most)
          }
        })
      })
    return take
  })

const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, index) => byte === other[index])

const readBoth = (one: Place, other: Place, length: bigint): Fx<boolean> =>
  Effect.scoped(Effect.gen(function*() {
    const takeOne = yield* taker(one, length)
    const takeOther = yield* taker(other, length)
    for (let at = 0n; at < length;) {
      const piece = yield* takeOne(65536)
      let from = 0
      while (from < piece.length) {
        const opposite = yield* takeOther(piece.length - from)
        if (opposite.length === 0 || !isSame(piece.subarray(from, from + opposite.length), opposite)) return false
        from += opposite.length
      }
      if (piece.length === 0) return false
      at += BigInt(piece.length)
    }
    return true
  }))

/**
 * Whether the first `length` bytes of both files are the same.
 *
 * @internal
 */
export const isSamePrefix = (
  one: Place,
  other: Place,
  length: bigint,
  hash: Option.Option<LocalHash>
): Fx<boolean> =>
  Option.match(hash, {
    onNone: () => readBoth(one, other, length),
    onSome: (hash) =>
      Effect.map(
        Effect.all([digest(one.side, one.path, length, hash), digest(other.side, other.path, length, hash)], {
          concurrency: 2
        }),
        ([one, other]) => one === other
      )
  })

// Reading up to this size takes two requests, which is faster than starting a command.
const small = 64n * 1024n

/**
 * Whether both files have this size and the same content.
 *
 * @internal
 */
export const isSameFile = (one: Place, other: Place, size: bigint, hash: Option.Option<LocalHash>): Fx<boolean> =>
  size > small
    ? isSamePrefix(one, other, size, hash)
    : Effect.map(
      Effect.all([one, other].map(({ path, side }) => side.readSmall(path, Number(size))), { concurrency: 2 }),
      (found) => found.every(([bytes]) => BigInt(bytes.length) === size && isSame(bytes, found[0]![0]))
    )
