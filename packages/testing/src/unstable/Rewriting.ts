/**
 * Files that are read while they are rewritten, to find torn reads. All bytes of a version have one value, which is the number
 * of the version, and each version has a size of its own.
 *
 * Unstable: shared by the tests of this repository, and may change in any release.
 *
 * @since 0.1.0
 */
import * as RemoteFileSystem from "@effect-remote/core/RemoteFileSystem"
import type { PlatformError } from "@effect/platform/Error"
import * as Array from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as Schedule from "effect/Schedule"

/**
 * The content of a version from 0 to 255: `unit` bytes, times 100 and the version.
 *
 * @since 0.1.0
 * @category constructors
 */
export const content = (version: number, unit: number): Uint8Array =>
  new Uint8Array(unit * (100 + version)).fill(version)

/**
 * The versions that readers have seen.
 *
 * @since 0.1.0
 * @category models
 */
export interface Seen {
  readonly has: (version: number) => boolean
  /** Waits until a reader has seen a version. */
  readonly when: (version: number) => Effect.Effect<void>
}

/**
 * Repeats every reader, with pauses of 5 milliseconds, until `write` has ended. Dies if a reader sees anything but a whole version.
 *
 * @since 0.1.0
 * @category combinators
 */
export const readDuring = <A, E, R, E2, R2>(
  unit: number,
  readers: ReadonlyArray<Effect.Effect<Uint8Array, E, R>>,
  write: (seen: Seen) => Effect.Effect<A, E2, R2>
): Effect.Effect<A, E | E2, R | R2> =>
  Effect.suspend(() => {
    const found = new Set<number>()
    const versions = Array.makeBy(256, () => Deferred.unsafeMake<void>(FiberId.none))
    const seen: Seen = {
      has: (version) => found.has(version),
      when: (version) => Deferred.await(versions[version]!)
    }
    const see = (bytes: Uint8Array) => {
      const version = bytes[0] ?? 0
      if (!Buffer.from(content(version, unit)).equals(bytes)) {
        return Effect.dieMessage(`torn: ${bytes.length} bytes, which begin as version ${version}`)
      }
      found.add(version)
      return Deferred.succeed(versions[version]!, undefined)
    }
    const reading = readers.map((reader) => Effect.repeat(Effect.flatMap(reader, see), Schedule.spaced("5 millis")))
    return Effect.raceFirst(
      write(seen),
      Effect.zipRight(Effect.all(reading, { concurrency: "unbounded", discard: true }), Effect.never)
    )
  })

/**
 * Rewrites a file of the host atomically, while `readers` readers read it again and again. A reader sees each version before
 * the next one is written.
 *
 * @since 0.1.0
 * @category combinators
 */
export const rewrite = (
  path: string,
  readers: number,
  rewrites: number
): Effect.Effect<void, PlatformError, RemoteFileSystem.RemoteFileSystem> =>
  Effect.gen(function*() {
    const unit = 200
    const fs = yield* RemoteFileSystem.RemoteFileSystem
    yield* fs.atomicWrite(path, content(0, unit))
    yield* readDuring(unit, Array.replicate(fs.readFile(path), readers), (seen) =>
      Effect.forEach(
        Array.range(1, rewrites),
        (version) => Effect.zipRight(fs.atomicWrite(path, content(version, unit)), seen.when(version)),
        { discard: true }
      ))
  })
