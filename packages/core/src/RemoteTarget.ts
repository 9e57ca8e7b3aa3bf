/**
 * A file somewhere else as a value: a path and a format, read and written as a typed stream.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as Take from "effect/Take"
import type * as Format from "./Format.js"
import * as finalizer from "./internal/lib/finalizer.js"
import * as RemoteFileSystem from "./RemoteFileSystem.js"
import type * as Transfer from "./Transfer.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface RemoteTarget<A> {
  readonly path: string
  readonly format: Format.Format<A>
  readonly exists: Effect.Effect<boolean, PlatformError, RemoteFileSystem.RemoteFileSystem>
  /** A missing file fails at once; a stream that is left early closes the file. */
  readonly read: Stream.Stream<A, PlatformError, RemoteFileSystem.RemoteFileSystem>
  /** Writes atomically: nobody ever sees half a file. See `RemoteFileSystem.atomicWrite`. */
  readonly write: Sink.Sink<void, A, never, PlatformError, RemoteFileSystem.RemoteFileSystem>
  /** Copies a local file here, atomically and as it is: the format has no part in it. */
  readonly put: (
    localPath: string,
    options?: Transfer.Options
  ) => Effect.Effect<Transfer.Result, PlatformError | Transfer.TransferError, RemoteFileSystem.RemoteFileSystem>
  /** Copies the file to a local one, atomically and as it is. */
  readonly get: (
    localPath: string,
    options?: Transfer.Options
  ) => Effect.Effect<Transfer.Result, PlatformError | Transfer.TransferError, RemoteFileSystem.RemoteFileSystem>
  /** The file system that it lies on. */
  readonly fs: Effect.Effect<RemoteFileSystem.RemoteFileSystem, never, RemoteFileSystem.RemoteFileSystem>
}

// A format turns streams into streams, perhaps in fibers of its own, so that the sink hands its values to one.
const encoded = <A>(
  format: Format.Format<A>,
  into: Sink.Sink<void, Uint8Array, never, PlatformError>
): Sink.Sink<void, A, never, PlatformError> =>
  Sink.unwrapScoped(Effect.gen(function*() {
    const queue = yield* Effect.acquireRelease(Queue.bounded<Take.Take<A>>(16), Queue.shutdown)
    const writing = yield* Stream.fromQueue(queue).pipe(
      Stream.flattenTake,
      format.encode,
      Stream.run(into),
      Effect.interruptible,
      Effect.forkScoped
    )
    const offer = (take: Take.Take<A>) =>
      finalizer.apart(
        Effect.raceFirst(Effect.interruptible(Queue.offer(queue, take)), Effect.interruptible(Fiber.join(writing)))
      )
    return Sink.forEachChunk((values: Chunk.Chunk<A>) => offer(Take.chunk(values))).pipe(
      Sink.mapEffect(() => Effect.zipRight(offer(Take.end), Fiber.join(writing)))
    )
  }))

/**
 * A target; `Format.bytes` leaves its bytes as they are.
 *
 * @since 0.1.0
 * @category constructors
 * @example
 * ```ts
 * import { Format, RemoteTarget } from "@effect-remote/core"
 * import { Effect, Stream } from "effect"
 *
 * const report = RemoteTarget.make("/data/report.txt", Format.text)
 *
 * const program = Effect.gen(function*() {
 *   if (yield* report.exists) return yield* Stream.mkString(report.read)
 *   yield* Stream.run(Stream.make("all ", "quiet\n"), report.write)
 *   return "written"
 * })
 * ```
 */
export const make = <A>(path: string, format: Format.Format<A>): RemoteTarget<A> => ({
  path,
  format,
  exists: Effect.flatMap(RemoteFileSystem.RemoteFileSystem, (fs) => fs.exists(path)),
  read: Stream.unwrap(Effect.map(RemoteFileSystem.RemoteFileSystem, (fs) => format.decode(fs.stream(path)))),
  write: Sink.unwrap(Effect.map(RemoteFileSystem.RemoteFileSystem, (fs) => encoded(format, fs.atomicSink(path)))),
  put: (localPath, options) => RemoteFileSystem.put(localPath, path, options),
  get: (localPath, options) => RemoteFileSystem.get(path, localPath, options),
  fs: RemoteFileSystem.RemoteFileSystem
})
