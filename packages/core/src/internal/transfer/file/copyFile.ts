/**
 * Copies one file. A small file is copied whole, in a few steps. A larger one is copied piece by piece, and can be resumed.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { LocalHash } from "../../../LocalHash.js"
import { type Options, Outcome } from "../../../Transfer.js"
import * as posixPath from "../../lib/posixPath.js"
import * as errors from "../../sftp/errors.js"
import * as arrival from "../arrival.js"
import * as content from "../content.js"
import {
  type Endpoint,
  type FileInfo,
  type Fx,
  type Identity,
  type PreservedAttributes,
  type Reading,
  replaced,
  type Times
} from "../endpoint.js"
import * as names from "../names.js"
import * as preserved from "../preserved.js"
import type { ProgressCounter } from "../progress.js"

/** @internal */
export interface CopyJob {
  readonly method: "put" | "get"
  readonly from: Endpoint
  readonly to: Endpoint
  readonly options: Options
  readonly hash: Option.Option<LocalHash>
  /** Whether files are synced to the disk before the rename. */
  readonly sync: boolean
}

/** @internal */
export interface File {
  readonly source: string
  readonly target: string
  readonly seen: FileInfo
  /** The entry at the target. */
  readonly existing: FileInfo | undefined
  /** Whether any user can have made the entry at the target (see `sharedDirectory.isSuspect`). */
  readonly isSuspect: boolean
  /** The names of partial files in the target's directory. */
  readonly partials: ReadonlyArray<string>
}

/** @internal */
export interface Copied {
  readonly outcome: Outcome
  readonly bytes: bigint
  /** Identity of the written file. */
  readonly id?: Identity | undefined
}

// Files up to this size are copied in two requests, and are not resumed.
const small = 64n * 1024n

// Each may have some MiB in flight.
const streamsAtOnce = 4

const copiedWhole = Outcome.Copied({ resumedAt: 0n })

const isSame = (one: FileInfo, other: FileInfo): boolean =>
  one.type === other.type && one.size === other.size && one.mtime === other.mtime

const differ = (one: number | undefined, other: number | undefined): boolean =>
  one !== undefined && other !== undefined && one !== other

// Opening follows a link. Another user may have replaced a file with a link, so that this user copies another file.
const hasOtherOwner = (one: FileInfo, other: FileInfo): boolean =>
  differ(one.uid, other.uid) || differ(one.gid, other.gid)

const seconds = (time: number) => Math.floor(time / 1000)

/** @internal */
export const make = ({ from, hash, method, options, sync, to }: CopyJob, counter: ProgressCounter) => {
  const streams = Effect.unsafeMakeSemaphore(streamsAtOnce)

  const failed = (path: string, description: string) =>
    Effect.fail(errors.system({ method, path }, "InvalidData", undefined, description))
  const changed = (path: string) => failed(path, "it changed while it was copied")

  const checkSize = (path: string, expected: bigint, found: bigint) =>
    found === expected ? Effect.void : failed(path, `${found} bytes of ${expected} arrived`)

  const checkDigest = (target: string, expected: string, written: string, hash: LocalHash) =>
    Effect.flatMap(
      content.digest(to, written, undefined, hash),
      (found) =>
        found === expected ? Effect.void : failed(target, `its digest is ${found}, and the source's ${expected}`)
    )

  const takesGrowing = options.growing === "asOpened"

  const verifier = options.verify === "digest" ? hash : Option.none<LocalHash>()

  const copyWhole = (file: File): Fx<Option.Option<Copied>> =>
    Effect.gen(function*() {
      const { seen } = file
      const now = yield* Clock.currentTimeMillis
      const [bytes, after] = yield* from.readSmall(file.source, Number(seen.size))
      const isUnchanged = isSame(seen, after) && seen.permissions === after.permissions && !hasOtherOwner(seen, after)
      if (!isUnchanged || BigInt(bytes.length) !== seen.size) return Option.none()
      const keeping = preserved.ofFile(options, seen, file, now)
      const isPlain = !sync && Option.isNone(verifier) && keeping.owner === undefined
      yield* isPlain ? arriveSmall(file, bytes, keeping) : arriveChecked(file, bytes, keeping)
      counter.sent(bytes.length)
      return Option.some({ outcome: copiedWhole, bytes: seen.size })
    })

  const arriveSmall = ({ seen, target }: File, bytes: Uint8Array, keeping: PreservedAttributes): Fx<void> =>
    arrival.under(to, target, (temporary) =>
      Effect.flatMap(
        to.place(target, temporary, bytes, keeping),
        (size) => checkSize(target, seen.size, size)
      ))

  const arriveChecked = ({ seen, target }: File, bytes: Uint8Array, keeping: PreservedAttributes): Fx<unknown> =>
    arrival.arrive(to, target, (temporary) =>
      Effect.gen(function*() {
        const written = yield* to.writeSmall(temporary, bytes, keeping, sync)
        yield* checkSize(target, seen.size, written.size)
        if (Option.isSome(verifier)) {
          const { hex, update } = yield* verifier.value.make("sha256")
          update(bytes)
          yield* checkDigest(target, hex(), temporary, verifier.value)
        }
        return written
      }))

  // Uses the handle, because another file may have taken the name. Some servers use the name even so: `NotFound` then means
  // only that the name is gone.
  const lookAgain = ({ look, seen }: Reading): Fx<FileInfo> =>
    Effect.catchIf(look, errors.isNotFound, () => Effect.succeed(seen))

  const isWhole = (seen: FileInfo, after: FileInfo, size: bigint): boolean =>
    // A file with size 0, as in /proc, is as long as the bytes that were read.
    (seen.size === 0n || size === seen.size) &&
    (takesGrowing ? after.type === seen.type && after.size >= seen.size : isSame(seen, after))

  // The digest of the open file, even if another file has taken its name.
  const digestOf = (source: string, reading: Reading, size: bigint, hash: LocalHash): Fx<string> =>
    Effect.flatMap(
      Effect.option(from.follow(source)),
      (found) =>
        Option.exists(found, (found) => isSame(found, reading.seen))
          ? content.digest(from, source, size, hash)
          : content.digestOpen(reading, size, hash)
    )

  // Appends the rest to the partial file `found`, or writes a new file, and verifies the result. `compared` is the state of
  // the source when its beginning was compared with the partial file.
  const pour = (
    file: File,
    written: string,
    found?: FileInfo,
    compared?: FileInfo
  ): Effect.Effect<Copied, PlatformError, Scope.Scope> =>
    Effect.gen(function*() {
      const { source, target } = file
      const now = yield* Clock.currentTimeMillis
      const reading = yield* from.read(source)
      const { reuse, seen, stream } = reading
      if (compared !== undefined && !isSame(seen, compared)) return yield* changed(source)
      if (seen.type !== "File") {
        return yield* Effect.fail(errors.system({ method, path: source }, "BadResource", undefined, "it is not a file"))
      }
      if (hasOtherOwner(file.seen, seen)) return yield* Effect.fail(replaced({ method, path: source }))
      const offset = found?.size ?? 0n
      const keeping = preserved.ofFile(options, seen, file, now)
      // A later transfer has to open it again.
      const created = options.resume === true ? (keeping.created ?? 0) | 0o600 : keeping.created
      const { finish, write } = yield* to.write(written, created, found)
      const running = offset === 0n && Option.isSome(verifier) ? yield* verifier.value.make("sha256") : undefined
      if (offset > 0n) counter.spared(offset)
      let size = offset
      const rest = takesGrowing && seen.size > 0n ? seen.size - offset : undefined
      yield* Stream.runForEach(stream(offset, rest), (bytes) =>
        Effect.suspend(() => {
          running?.update(bytes)
          size += BigInt(bytes.length)
          // Without this, copying a file that grows as fast as it is read would not end.
          if (seen.size > 0n && size > seen.size) return changed(source)
          return Effect.map(write(bytes, () => reuse(bytes)), () => counter.sent(bytes.length))
        }))
      const arrived = yield* finish({ ...keeping, created }, sync)
      if (!isWhole(seen, yield* lookAgain(reading), size)) return yield* changed(source)
      yield* checkSize(target, size, arrived.size)
      if (Option.isSome(verifier)) {
        const expected = running?.hex() ?? (yield* digestOf(source, reading, size, verifier.value))
        yield* checkDigest(target, expected, written, verifier.value)
      }
      return { outcome: Outcome.Copied({ resumedAt: offset }), bytes: size - offset, id: arrived.id }
    })

  const isWrong = (error: PlatformError) => error._tag === "SystemError" && error.reason === "InvalidData"

  const pourNew = (file: File): Fx<Copied> =>
    arrival.arrive(to, file.target, (temporary) => Effect.scoped(pour(file, temporary)))

  // Returns the state of the source if the partial file can be used. It must belong to this user, must not be more open than
  // the final file, and the source must begin with its content.
  const usable = (file: File, path: string, found: FileInfo): Fx<FileInfo | undefined> =>
    Effect.gen(function*() {
      const { seen, source } = file
      if (found.type !== "File" || found.size === 0n || found.size > seen.size) return undefined
      const { created = 0 } = preserved.ofFile(options, seen, file, 0)
      if ((found.permissions & ~(created | 0o700)) !== 0) return undefined
      if (found.uid !== undefined && found.uid !== (yield* ownUser(path))) return undefined
      const compared = yield* from.follow(source)
      const begins = yield* content.isSamePrefix({ side: from, path: source }, { side: to, path }, found.size, hash)
      return begins ? compared : undefined
    })

  // A new file shows who this user is.
  const ownUser = (path: string): Fx<number | undefined> =>
    arrival.under(to, path, (temporary) =>
      Effect.gen(function*() {
        const { uid } = yield* to.writeSmall(
          temporary,
          new Uint8Array(),
          { ...preserved.nothing, created: 0o600 },
          false
        )
        yield* arrival.remove(to, temporary)
        return uid
      }))

  const resume = (file: File): Fx<Copied> =>
    Effect.gen(function*() {
      const { partials, seen, target } = file
      const directory = posixPath.parent(target)
      const name = names.partialName(posixPath.base(target), seen)
      const path = posixPath.join(directory, name)
      const found = partials.includes(name)
        ? yield* Effect.catchIf(to.look(path), errors.isNotFound, () => Effect.succeed(undefined))
        : undefined
      const compared = found === undefined ? undefined : yield* usable(file, path, found)
      // In a sticky directory another user's file cannot be removed.
      if (found !== undefined && compared === undefined && Either.isLeft(yield* Effect.either(to.removeFile(path)))) {
        return yield* pourNew(file)
      }
      const copied = yield* pour(file, path, compared === undefined ? undefined : found, compared).pipe(
        Effect.scoped,
        // A partial file with wrong content cannot be resumed.
        Effect.tapError((error) => isWrong(error) ? arrival.discard(to, path) : Effect.void)
      )
      yield* to.rename(path, target, copied.id)
      return copied
    })

  const copyStream = (file: File): Fx<Copied> =>
    streams.withPermits(1)(options.resume === true ? resume(file) : pourNew(file))

  const isSameContent = ({ seen, source, target }: File): Fx<boolean> =>
    content.isSameFile({ side: from, path: source }, { side: to, path: target }, seen.size, hash)

  const setTimes = (path: string, existing: FileInfo, times: Times): Fx<unknown> =>
    Effect.scoped(
      Effect.flatMap(
        to.write(path, undefined, existing),
        ({ finish }) => finish({ ...preserved.nothing, times }, false)
      )
    )

  // A young file could change again without a new time. Its copy got a time one second earlier, so the content is compared.
  const quickCheck = (file: File, existing: FileInfo): Fx<boolean> =>
    Effect.gen(function*() {
      const { seen, target } = file
      const later = seconds(seen.mtime) - seconds(existing.mtime)
      const isYoung = preserved.isYoung(seen, yield* Clock.currentTimeMillis)
      if (later === 0 && !isYoung) return true
      if (later !== 0 && later !== 1 || !(yield* isSameContent(file))) return false
      // If the time cannot be set, the next transfer compares again.
      if (!isYoung) yield* Effect.ignore(setTimes(target, existing, seen))
      return true
    })

  const isUnchanged = (file: File): Fx<boolean> =>
    Effect.suspend(() => {
      const { existing, seen } = file
      if (options.skipUnchanged === undefined || existing?.type !== "File" || existing.size !== seen.size) {
        return Effect.succeed(false)
      }
      return options.skipUnchanged === "content" ? isSameContent(file) : quickCheck(file, existing)
    })

  const removeStale = ({ partials, target }: File, except: string) =>
    Effect.suspend(() => {
      if (partials.length === 0) return Effect.void
      const beginning = names.partialsOf(posixPath.base(target))
      return Effect.forEach(
        partials.filter((name) => name.startsWith(beginning) && name !== except),
        (name) => arrival.remove(to, posixPath.join(posixPath.parent(target), name)),
        { discard: true }
      )
    })

  return (file: File): Fx<Copied> =>
    Effect.suspend(() => {
      const { existing, partials, seen, target } = file
      if (existing?.type === "Directory" || existing?.type === "Other") {
        return Effect.fail(
          errors.system({ method, path: target }, "BadResource", undefined, `it is ${existing.kind}`)
        )
      }
      return Effect.flatMap(isUnchanged(file), (unchanged) => {
        if (unchanged) {
          counter.spared(seen.size)
          return Effect.succeed({ outcome: Outcome.Unchanged(), bytes: 0n })
        }
        const copy = seen.size <= small
          ? Effect.flatMap(copyWhole(file), (whole) =>
            Option.isSome(whole) ? Effect.succeed(whole.value) : copyStream(file))
          : copyStream(file)
        return partials.length === 0 ? copy : Effect.zipRight(
          removeStale(file, options.resume === true ? names.partialName(posixPath.base(target), seen) : ""),
          copy
        )
      })
    })
}
