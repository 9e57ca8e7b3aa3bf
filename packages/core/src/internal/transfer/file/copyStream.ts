/**
 * Copies a file piece by piece.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Hash, LocalHash } from "../../../LocalHash.js"
import * as hiddenFile from "../../files/hiddenFile.js"
import * as errors from "../../sftp/errors.js"
import * as arrival from "../arrival.js"
import * as content from "../content.js"
import { type FileInfo, type Fx, type PreservedAttributes, type Reading, replaced, type Writing } from "../endpoint.js"
import * as preserved from "../preserved.js"
import * as copier from "./copier.js"

type Scoped<A> = Effect.Effect<A, PlatformError, Scope.Scope>

// Uses the handle, because another file may have taken the name. Some servers use the name even so: `NotFound` then means
// only that the name is gone.
const lookAgain = ({ look, seen }: Reading): Fx<FileInfo> =>
  Effect.catchIf(look, errors.isNotFound, () => Effect.succeed(seen))

const takesGrowing = ({ options }: copier.Copier): boolean => options.growing === "asOpened"

const isWhole = (self: copier.Copier, seen: FileInfo, after: FileInfo, size: bigint): boolean =>
  // A file with size 0, as in /proc, is as long as the bytes that were read.
  (seen.size === 0n || size === seen.size) &&
  (takesGrowing(self) ? after.type === seen.type && after.size >= seen.size : copier.isSame(seen, after))

// The digest of the open file, even if another file has taken its name.
const digestOf = (
  { from }: copier.Copier,
  source: string,
  reading: Reading,
  size: bigint,
  hash: LocalHash
): Fx<string> =>
  Effect.flatMap(
    Effect.option(from.follow(source)),
    (found) =>
      Option.exists(found, (found) => copier.isSame(found, reading.seen))
        ? content.digest(from, source, size, hash)
        : content.digestOpen(reading, size, hash)
  )

// `compared` is the state of the source when its beginning was compared with the partial file.
const open = (self: copier.Copier, { seen, source }: copier.File, compared: FileInfo | undefined): Scoped<Reading> =>
  Effect.tap(self.from.read(source), ({ seen: opened }) => {
    const call = { method: self.method, path: source }
    if (compared !== undefined && !copier.isSame(opened, compared)) return copier.changed(self, source)
    if (opened.type !== "File") return Effect.fail(errors.system(call, "BadResource", undefined, "it is not a file"))
    return copier.hasOtherOwner(seen, opened) ? Effect.fail(replaced(call)) : Effect.void
  })

// Returns the size of the copy, which has `offset` bytes before.
const send = (
  self: copier.Copier,
  source: string,
  { reuse, seen, stream }: Reading,
  { write }: Writing,
  offset: bigint,
  hasher: Hash | undefined
): Fx<bigint> =>
  Effect.suspend(() => {
    let size = offset
    const rest = takesGrowing(self) && seen.size > 0n ? seen.size - offset : undefined
    const sent = Stream.runForEach(stream(offset, rest), (bytes) =>
      Effect.suspend(() => {
        hasher?.update(bytes)
        size += BigInt(bytes.length)
        // Without this, copying a file that grows as fast as it is read would not end.
        if (seen.size > 0n && size > seen.size) return copier.changed(self, source)
        return Effect.map(write(bytes, () => reuse(bytes)), () => self.counter.sent(bytes.length))
      }))
    return Effect.map(sent, () => size)
  })

/** A file that receives the bytes. */
interface Destination {
  readonly path: string
  /** The number of bytes that it has already. */
  readonly offset: bigint
  /** The state of the source when its beginning was compared with these bytes. */
  readonly compared: FileInfo | undefined
  readonly keeping: (seen: FileInfo, now: number) => PreservedAttributes
  readonly open: (keeping: PreservedAttributes) => Scoped<Writing>
}

// Writes the rest of the file, and verifies the result.
const fill = (self: copier.Copier, file: copier.File, to: Destination): Scoped<copier.Copied> =>
  Effect.gen(function*() {
    const { counter, sync, verifier } = self
    const { source, target } = file
    const { offset } = to
    const now = yield* Clock.currentTimeMillis
    const reading = yield* open(self, file, to.compared)
    const { seen } = reading
    const keeping = to.keeping(seen, now)
    const writing = yield* to.open(keeping)
    const running = offset === 0n && Option.isSome(verifier) ? yield* verifier.value.make("sha256") : undefined
    if (offset > 0n) counter.spared(offset)
    const size = yield* send(self, source, reading, writing, offset, running)
    const arrived = yield* writing.finish(keeping, sync)
    if (!isWhole(self, seen, yield* lookAgain(reading), size)) return yield* copier.changed(self, source)
    yield* copier.checkSize(self, target, size, arrived.size)
    if (Option.isSome(verifier)) {
      const expected = running?.hex() ?? (yield* digestOf(self, source, reading, size, verifier.value))
      yield* copier.checkDigest(self, target, expected, to.path, verifier.value)
    }
    return { outcome: copier.copied(file, offset, arrived), bytes: size - offset, id: arrived.id }
  })

/**
 * Appends the rest to the partial file `found`, or writes a new file, and verifies the result. `compared` is the state of the
 * source when its beginning was compared with the partial file.
 *
 * @internal
 */
export const pour = (
  self: copier.Copier,
  file: copier.File,
  into: hiddenFile.Hidden,
  found?: FileInfo,
  compared?: FileInfo
): Scoped<copier.Copied> =>
  fill(self, file, {
    path: into.path,
    offset: found?.size ?? 0n,
    compared,
    keeping: (seen, now) => {
      const keeping = preserved.ofFile(self.options, seen, file, now)
      // A later transfer has to open it again.
      return self.options.resume === true ? { ...keeping, created: (keeping.created ?? 0) | 0o600 } : keeping
    },
    open: ({ created }) => hiddenFile.creating(into, self.to.write(into.path, created, found, file.target))
  })

/**
 * Overwrites the file at the target.
 *
 * @internal
 */
export const pourOver = (self: copier.Copier, file: copier.File, existing: FileInfo): Fx<copier.Copied> =>
  Effect.scoped(fill(self, file, {
    path: file.target,
    offset: 0n,
    compared: undefined,
    keeping: (seen, now) => preserved.inPlace(self.options, seen, now),
    open: () => self.to.overwrite(file.target, existing)
  }))

/**
 * Writes a new file that no later transfer resumes.
 *
 * @internal
 */
export const pourNew = (self: copier.Copier, file: copier.File): Fx<copier.Copied> =>
  arrival.arrive(self.to, file.target, (hidden) => Effect.scoped(pour(self, file, hidden)))
