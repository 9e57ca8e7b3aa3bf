/**
 * Copies a small file in a few steps, without resuming.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as arrival from "../arrival.js"
import type { Fx, PreservedAttributes, Written } from "../endpoint.js"
import * as preserved from "../preserved.js"
import * as copier from "./copier.js"

/**
 * `None` if the file changed since it was listed.
 *
 * @internal
 */
export const copyWhole = (self: copier.Copier, file: copier.File): Fx<Option.Option<copier.Copied>> =>
  Effect.gen(function*() {
    const { counter, from, options } = self
    const { seen } = file
    const now = yield* Clock.currentTimeMillis
    const [bytes, after] = yield* from.readSmall(file.source, Number(seen.size))
    const isUnchanged = copier.isSame(seen, after) && seen.permissions === after.permissions &&
      !copier.hasOtherOwner(seen, after)
    if (!isUnchanged || BigInt(bytes.length) !== seen.size) return Option.none()
    const keeping = preserved.ofFile(options, seen, file, now)
    const written = yield* arrive(self, file, bytes, keeping)
    counter.sent(bytes.length)
    return Option.some({ outcome: copier.copied(file, 0n, written), bytes: seen.size })
  })

const arrive = (
  self: copier.Copier,
  { seen, target }: copier.File,
  bytes: Uint8Array,
  keeping: PreservedAttributes
): Fx<Written> =>
  arrival.arrive(self.to, target, (hidden) =>
    Effect.gen(function*() {
      const { sync, to, verifier } = self
      const written = yield* arrival.writeSmall(to, hidden, bytes, keeping, sync, target)
      yield* copier.checkSize(self, target, seen.size, written.size)
      if (Option.isSome(verifier)) {
        const { hex, update } = yield* verifier.value.make("sha256")
        update(bytes)
        yield* copier.checkDigest(self, target, hex(), hidden.path, verifier.value)
      }
      return written
    }))
