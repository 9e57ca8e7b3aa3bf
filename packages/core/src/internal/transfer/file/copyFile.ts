/**
 * Copies one file. A small file is copied whole, in a few steps. A larger one is copied piece by piece, and can be resumed.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Outcome } from "../../../Transfer.js"
import * as errors from "../../sftp/errors.js"
import type { Fx } from "../endpoint.js"
import { type Copied, copied, type Copier, type File } from "./copier.js"
import { pourNew, pourOver } from "./copyStream.js"
import { copyWhole } from "./copyWhole.js"
import * as kept from "./kept.js"
import { removeStale, resume } from "./resume.js"
import { isUnchanged } from "./unchanged.js"

// Files up to this size are copied in two requests, and are not resumed.
const small = 64n * 1024n

const copyPieces = (self: Copier, file: File): Fx<Copied> =>
  self.streams.withPermits(1)(self.options.resume === true ? resume(self, file) : pourNew(self, file))

const copyContent = (self: Copier, file: File): Fx<Copied> =>
  file.seen.size > small
    ? copyPieces(self, file)
    : Effect.flatMap(
      copyWhole(self, file),
      (whole) => Option.isSome(whole) ? Effect.succeed(whole.value) : copyPieces(self, file)
    )

/** @internal */
export const copyFile = (self: Copier, file: File): Fx<Copied> =>
  Effect.suspend(() => {
    const { existing, partials, seen, target } = file
    if (existing?.type === "Directory" || existing?.type === "Other") {
      return Effect.fail(
        errors.system({ method: self.method, path: target }, "BadResource", undefined, `it is ${existing.kind}`)
      )
    }
    const why = kept.reason(self.options, seen, existing)
    if (why !== undefined) {
      self.counter.spared(seen.size)
      return Effect.succeed({ outcome: Outcome.Skipped({ reason: why }), bytes: 0n })
    }
    return Effect.flatMap(isUnchanged(self, file), (unchanged) => {
      if (unchanged) {
        self.counter.spared(seen.size)
        return Effect.succeed({ outcome: Outcome.Unchanged(), bytes: 0n })
      }
      if (self.options.dryRun === true) {
        self.counter.spared(seen.size)
        return Effect.succeed({ outcome: copied(file, 0n), bytes: seen.size })
      }
      // The owner of a planted file could read the content and change it.
      const isInPlace = self.options.inPlace === true && !file.isSuspect
      const copy = isInPlace && existing?.type === "File"
        ? self.streams.withPermits(1)(pourOver(self, file, existing))
        : copyContent(self, file)
      return partials.length === 0 ? copy : Effect.zipRight(removeStale(self, file), copy)
    })
  })
