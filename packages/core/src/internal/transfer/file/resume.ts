/**
 * Continues the partial file of an interrupted transfer.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as hiddenFile from "../../files/hiddenFile.js"
import * as posixPath from "../../lib/posixPath.js"
import * as errors from "../../sftp/errors.js"
import * as arrival from "../arrival.js"
import * as content from "../content.js"
import type { Endpoint, FileInfo, Fx } from "../endpoint.js"
import * as names from "../names.js"
import * as preserved from "../preserved.js"
import type { Copied, Copier, File } from "./copier.js"
import { pour, pourNew } from "./copyStream.js"

const isWrong = (error: PlatformError) => error._tag === "SystemError" && error.reason === "InvalidData"

const privately = { ...preserved.nothing, created: 0o600 }

// A new file shows who this user is.
const ownUser = (to: Endpoint, { target }: File, path: string): Fx<number | undefined> =>
  arrival.under(to, path, (hidden) =>
    Effect.gen(function*() {
      const { uid } = yield* arrival.writeSmall(to, hidden, new Uint8Array(), privately, false, target)
      yield* arrival.remove(to, hidden.path)
      return uid
    }))

// Returns the state of the source if the partial file can be used. It must belong to this user, must not be more open than
// the final file, and the source must begin with its content.
const usable = (
  { from, hash, options, to }: Copier,
  file: File,
  path: string,
  found: FileInfo
): Fx<FileInfo | undefined> =>
  Effect.gen(function*() {
    const { seen, source } = file
    if (found.type !== "File" || found.size === 0n || found.size > seen.size) return undefined
    const { created = 0 } = preserved.ofFile(options, seen, file, 0)
    if (((found.permissions ?? 0) & ~(created | 0o700)) !== 0) return undefined
    if (found.uid !== undefined && found.uid !== (yield* ownUser(to, file, path))) return undefined
    const compared = yield* from.follow(source)
    const begins = yield* content.isSamePrefix({ side: from, path: source }, { side: to, path }, found.size, hash)
    return begins ? compared : undefined
  })

const discard = (to: Endpoint, path: string): Effect.Effect<void> =>
  hiddenFile.discard({ ...hiddenFile.named(path), mayExist: true }, to.removeFile(path))

const partialNameOf = ({ seen, target }: File): string => names.partialName(posixPath.base(target), seen)

const beside = (target: string, name: string): string => posixPath.join(posixPath.parent(target), name)

/**
 * Copies a file under a name that a later transfer finds.
 *
 * @internal
 */
export const resume = (self: Copier, file: File): Fx<Copied> =>
  Effect.gen(function*() {
    const { to } = self
    const { partials, target } = file
    const name = partialNameOf(file)
    const path = beside(target, name)
    const found = partials.includes(name)
      ? yield* Effect.catchIf(to.look(path), errors.isNotFound, () => Effect.succeed(undefined))
      : undefined
    const compared = found === undefined ? undefined : yield* usable(self, file, path, found)
    // In a sticky directory another user's file cannot be removed.
    if (found !== undefined && compared === undefined && Either.isLeft(yield* Effect.either(to.removeFile(path)))) {
      return yield* pourNew(self, file)
    }
    const copied = pour(self, file, hiddenFile.named(path), compared === undefined ? undefined : found, compared).pipe(
      Effect.scoped,
      // A partial file with wrong content cannot be resumed.
      Effect.tapError((error) => isWrong(error) ? discard(to, path) : Effect.void),
      Effect.tap(({ id }) => to.rename(path, target, id))
    )
    return yield* Effect.mapError(copied, errors.ofHidden(path, { method: self.method, path: target }))
  })

/**
 * Removes the partial files of older versions of a file. With `resume`, keeps the one of this version.
 *
 * @internal
 */
export const removeStale = ({ options, to }: Copier, file: File): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { partials, target } = file
    if (partials.length === 0) return Effect.void
    const beginning = names.partialsOf(posixPath.base(target))
    const kept = options.resume === true ? partialNameOf(file) : undefined
    return Effect.forEach(
      partials.filter((name) => name.startsWith(beginning) && name !== kept),
      (name) => arrival.remove(to, beside(target, name)),
      { discard: true }
    )
  })
