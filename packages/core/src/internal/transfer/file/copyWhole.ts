/**
 * Copies a small file in a few steps, without resuming.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Outcome } from "../../../Transfer.js"
import * as arrival from "../arrival.js"
import type { Fx, PreservedAttributes } from "../endpoint.js"
import * as preserved from "../preserved.js"
import * as copier from "./copier.js"

const copiedWhole = Outcome.Copied({ resumedAt: 0n })

/**
 * `None` if the file changed since it was listed.
 *
 * @internal
 */
export const copyWhole = (self: copier.Copier, file: copier.File): Fx<Option.Option<copier.Copied>> =>
  Effect.gen(function*() {
    const { counter, from, options, sync, verifier } = self
    const { seen } = file
    const now = yield* Clock.currentTimeMillis
    const [bytes, after] = yield* from.readSmall(file.source, Number(seen.size))
    const isUnchanged = copier.isSame(seen, after) && seen.permissions === after.permissions &&
      !copier.hasOtherOwner(seen, after)
    if (!isUnchanged || BigInt(bytes.length) !== seen.size) return Option.none()
    const keeping = preserved.ofFile(options, seen, file, now)
    const isPlain = !sync && Option.isNone(verifier) && keeping.owner === undefined
    yield* isPlain ? arriveSmall(self, file, bytes, keeping) : arriveChecked(self, file, bytes, keeping)
    counter.sent(bytes.length)
    return Option.some({ outcome: copiedWhole, bytes: seen.size })
  })

const arriveSmall = (
  self: copier.Copier,
  { seen, target }: copier.File,
  bytes: Uint8Array,
  keeping: PreservedAttributes
): Fx<void> =>
  arrival.under(self.to, target, (temporary) =>
    Effect.flatMap(
      self.to.place(target, temporary, bytes, keeping),
      (size) => copier.checkSize(self, target, seen.size, size)
    ))

const arriveChecked = (
  self: copier.Copier,
  { seen, target }: copier.File,
  bytes: Uint8Array,
  keeping: PreservedAttributes
): Fx<unknown> =>
  arrival.arrive(self.to, target, (temporary) =>
    Effect.gen(function*() {
      const { sync, to, verifier } = self
      const written = yield* to.writeSmall(temporary, bytes, keeping, sync)
      yield* copier.checkSize(self, target, seen.size, written.size)
      if (Option.isSome(verifier)) {
        const { hex, update } = yield* verifier.value.make("sha256")
        update(bytes)
        yield* copier.checkDigest(self, target, hex(), temporary, verifier.value)
      }
      return written
    }))
