/**
 * How one file is copied: whole in a few steps where it is small, else piece by piece, and from where it was cut off.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { LocalHash } from "../../LocalHash.js"
import type { Options } from "../../Transfer.js"
import { Outcome } from "../../TransferError.js"
import * as posixPath from "../posixPath.js"
import * as failure from "../sftp/failure.js"
import * as arrival from "./arrival.js"
import * as content from "./content.js"
import * as names from "./names.js"
import type { Board } from "./progress.js"
import type { Fx, Kept, Seen, Side } from "./side.js"

/** @internal */
export interface Setting {
  readonly method: "put" | "get"
  readonly from: Side
  readonly to: Side
  readonly options: Options
  readonly hash: Option.Option<LocalHash>
  /** Whether files are to be on the disk before they get their names. */
  readonly sync: boolean
}

/** @internal */
export interface File {
  readonly source: string
  readonly target: string
  readonly seen: Seen
  /** What is at the target. */
  readonly existing: Seen | undefined
  /** The names of partial files in the target's directory. */
  readonly partials: ReadonlyArray<string>
}

/** @internal */
export interface Copied {
  readonly outcome: Outcome
  readonly bytes: bigint
}

// What is whole in two requests, and not worth going on with.
const small = 64n * 1024n

// Each may have some MiB on the way.
const streamsAtOnce = 4

const copiedWhole = Outcome.Copied({ resumedAt: 0n })

const permissionBits = 0o777

const isSame = (one: Seen, other: Seen): boolean =>
  one.type === other.type && one.size === other.size && one.mtime === other.mtime

const seconds = (time: number) => Math.floor(time / 1000)

/**
 * What a copy gets, of what its source has and what was there before. A set-user-id bit is for the owner that the source
 * has.
 *
 * @internal
 */
export const kept = ({ preserve, update }: Options, seen: Seen, existing: Seen | undefined): Kept => ({
  permissions: preserve?.mode !== false
    ? seen.permissions & permissionBits
    : existing?.type === "File"
    ? existing.permissions & permissionBits
    : undefined,
  times: preserve?.times === true || update === true ? seen : undefined
})

/** @internal */
export const make = ({ from, hash, method, options, sync, to }: Setting, board: Board) => {
  const streams = Effect.unsafeMakeSemaphore(streamsAtOnce)

  const failed = (path: string, description: string) =>
    Effect.fail(failure.system({ method, path }, "InvalidData", undefined, description))
  const changed = (path: string) => failed(path, "it changed while it was copied")

  const checkSize = (path: string, expected: bigint, found: bigint) =>
    found === expected ? Effect.void : failed(path, `${found} bytes of ${expected} arrived`)

  const checkDigest = (target: string, expected: string, written: string, hash: LocalHash) =>
    Effect.flatMap(
      content.digest(to, written, undefined, hash),
      (found) =>
        found === expected ? Effect.void : failed(target, `its digest is ${found}, and the source's ${expected}`)
    )

  const verifier = options.verify === "digest" ? hash : Option.none<LocalHash>()

  const copyWhole = (file: File): Fx<Option.Option<Copied>> =>
    Effect.flatMap(from.readSmall(file.source, Number(file.seen.size)), ([bytes, after]) => {
      const { seen } = file
      if (!isSame(seen, after) || BigInt(bytes.length) !== seen.size) return Effect.succeedNone
      return Effect.map(
        sync || Option.isSome(verifier) ? arriveChecked(file, bytes) : arriveSmall(file, bytes),
        () => {
          board.sent(bytes.length)
          return Option.some({ outcome: copiedWhole, bytes: seen.size })
        }
      )
    })

  const arriveSmall = ({ existing, seen, target }: File, bytes: Uint8Array): Fx<void> =>
    arrival.under(to, target, (temporary) =>
      Effect.flatMap(
        to.place(target, temporary, bytes, kept(options, seen, existing)),
        (size) => checkSize(target, seen.size, size)
      ))

  const arriveChecked = ({ existing, seen, target }: File, bytes: Uint8Array): Fx<void> =>
    arrival.arrive(to, target, (temporary) =>
      Effect.gen(function*() {
        const size = yield* to.writeSmall(temporary, bytes, kept(options, seen, existing), sync)
        yield* checkSize(target, seen.size, size)
        if (Option.isSome(verifier)) {
          const { hex, update } = yield* verifier.value.make("sha256")
          update(bytes)
          yield* checkDigest(target, hex(), temporary, verifier.value)
        }
      }))

  // From the offset on, to what is open for that; then all there is to check of it. `compared` is what was known of the
  // source when it was found to begin like that.
  const pour = (
    file: File,
    written: string,
    offset: bigint,
    compared?: Seen
  ): Effect.Effect<Copied, PlatformError, Scope.Scope> =>
    Effect.gen(function*() {
      const { existing, source, target } = file
      const { reuse, seen, stream } = yield* from.read(source)
      if (compared !== undefined && !isSame(seen, compared)) return yield* changed(source)
      if (seen.type !== "File") {
        return yield* Effect.fail(failure.system({ method, path: source }, "BadResource", undefined, "it is no file"))
      }
      const keeping = kept(options, seen, existing)
      const partial = offset > 0n || options.resume === true
      const permissions = keeping.permissions === undefined
        ? undefined
        // A later transfer has to open it again.
        : keeping.permissions | (partial ? 0o600 : 0)
      const { finish, write } = yield* to.write(written, permissions, offset > 0n ? offset : undefined)
      const running = offset === 0n && Option.isSome(verifier) ? yield* verifier.value.make("sha256") : undefined
      if (offset > 0n) board.spared(offset)
      let size = offset
      yield* Stream.runForEach(stream(offset), (bytes) =>
        Effect.suspend(() => {
          running?.update(bytes)
          size += BigInt(bytes.length)
          // One that grows as fast as it is read would never end.
          if (seen.size > 0n && size > seen.size) return changed(source)
          return Effect.map(write(bytes, () => reuse(bytes)), () => board.sent(bytes.length))
        }))
      const arrived = yield* finish(keeping, sync)
      // What has no size, as in /proc, has what could be read.
      if (!isSame(seen, yield* from.follow(source)) || (seen.size > 0n && size !== seen.size)) {
        return yield* changed(source)
      }
      yield* checkSize(target, size, arrived)
      if (Option.isSome(verifier)) {
        const expected = running?.hex() ?? (yield* content.digest(from, source, undefined, verifier.value))
        yield* checkDigest(target, expected, written, verifier.value)
      }
      return { outcome: Outcome.Copied({ resumedAt: offset }), bytes: size - offset }
    })

  const isWrong = (error: PlatformError) => error._tag === "SystemError" && error.reason === "InvalidData"

  const resume = (file: File): Fx<Copied> =>
    Effect.gen(function*() {
      const { partials, seen, source, target } = file
      const directory = posixPath.parent(target)
      const name = names.partialName(posixPath.base(target), seen)
      const path = posixPath.join(directory, name)
      const there = partials.includes(name) ? yield* Effect.asSome(to.look(path)) : Option.none<Seen>()
      const found = Option.getOrUndefined(there)
      const fits = found?.type === "File" && found.size > 0n && found.size <= seen.size
      const compared = fits ? yield* from.follow(source) : undefined
      const goesOn = fits &&
        (yield* content.isSamePrefix({ side: from, path: source }, { side: to, path }, found.size, hash))
      if (found !== undefined && !goesOn) yield* to.removeFile(path)
      const copied = yield* pour(file, path, goesOn ? found.size : 0n, goesOn ? compared : undefined).pipe(
        Effect.scoped,
        // Nobody can go on with what is wrong.
        Effect.tapError((error) => isWrong(error) ? arrival.discard(to, path) : Effect.void)
      )
      yield* to.rename(path, target)
      return copied
    })

  const copyStream = (file: File): Fx<Copied> =>
    streams.withPermits(1)(
      options.resume === true
        ? resume(file)
        : arrival.arrive(to, file.target, (temporary) => Effect.scoped(pour(file, temporary, 0n)))
    )

  const removeStale = ({ partials, target }: File, except: string) =>
    Effect.suspend(() => {
      if (partials.length === 0) return Effect.void
      const beginning = names.partialsOf(posixPath.base(target))
      return Effect.forEach(
        partials.filter((name) => name.startsWith(beginning) && name !== except),
        (name) => arrival.discard(to, posixPath.join(posixPath.parent(target), name)),
        { discard: true }
      )
    })

  return (file: File): Fx<Copied> =>
    Effect.suspend(() => {
      const { existing, partials, seen, target } = file
      if (existing?.type === "Directory" || existing?.type === "Other") {
        return Effect.fail(
          failure.system({ method, path: target }, "BadResource", undefined, `it is ${existing.kind}`)
        )
      }
      if (
        options.update === true && existing?.type === "File" && existing.size === seen.size &&
        seconds(existing.mtime) === seconds(seen.mtime)
      ) {
        board.spared(seen.size)
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
}
