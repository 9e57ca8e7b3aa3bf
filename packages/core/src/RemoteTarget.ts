/**
 * A remote file as a value: a path and a format, read and written as a typed stream.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { dual } from "effect/Function"
import * as Queue from "effect/Queue"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as Take from "effect/Take"
import type * as Format from "./Format.js"
import * as finalizer from "./internal/lib/finalizer.js"
import * as RemoteFileSystem from "./RemoteFileSystem.js"
import type * as Transfer from "./Transfer.js"

/**
 * A file of a host: a path and a format. `R` is the service that its effects require: `RemoteFileSystem`, or none after
 * `on`.
 *
 * @since 0.1.0
 * @category models
 */
export interface RemoteTarget<A, R = RemoteFileSystem.RemoteFileSystem> {
  readonly path: string
  readonly format: Format.Format<A>
  readonly exists: Effect.Effect<boolean, PlatformError, R>
  /** Reads the file. Fails at once if the file is missing. A stream that is not read to its end closes the file. */
  readonly read: Stream.Stream<A, PlatformError, R>
  /** Writes atomically: a reader sees the old file or the new one. See `RemoteFileSystem.atomicWrite`. */
  readonly write: Sink.Sink<void, A, never, PlatformError, R>
  /** Copies a local file to the path, atomically. The format is not used. */
  readonly put: (
    localPath: string,
    options?: Transfer.Options
  ) => Effect.Effect<Transfer.Result, PlatformError | Transfer.TransferError, R>
  /** Copies the file to a local path, atomically. The format is not used. */
  readonly get: (
    localPath: string,
    options?: Transfer.Options
  ) => Effect.Effect<Transfer.Result, PlatformError | Transfer.TransferError, R>
  /** The file system of the host. */
  readonly fs: Effect.Effect<RemoteFileSystem.RemoteFileSystem, never, R>
}

// `encode` maps a stream to a stream, and a sink is needed. A queue connects the two.
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
 * Makes a target. Its effects require a `RemoteFileSystem`, which determines the host. `Format.bytes` reads and writes plain
 * bytes.
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
export const make = <A>(path: string, format: Format.Format<A>): RemoteTarget<A> => {
  const target = Effect.map(RemoteFileSystem.RemoteFileSystem, (fs) => bound(path, format, fs))
  return {
    path,
    format,
    exists: Effect.flatMap(target, ({ exists }) => exists),
    read: Stream.unwrap(Effect.map(target, ({ read }) => read)),
    write: Sink.unwrap(Effect.map(target, ({ write }) => write)),
    put: (localPath, options) => Effect.flatMap(target, ({ put }) => put(localPath, options)),
    get: (localPath, options) => Effect.flatMap(target, ({ get }) => get(localPath, options)),
    fs: RemoteFileSystem.RemoteFileSystem
  }
}

const bound = <A>(
  path: string,
  format: Format.Format<A>,
  fs: RemoteFileSystem.RemoteFileSystem
): RemoteTarget<A, never> => ({
  path,
  format,
  exists: fs.exists(path),
  read: Stream.suspend(() => format.decode(fs.stream(path))),
  write: encoded(format, fs.atomicSink(path)),
  put: (localPath, options) => fs.put(localPath, path, options),
  get: (localPath, options) => fs.get(path, localPath, options),
  fs: Effect.succeed(fs)
})

/**
 * Binds a target to a host's file system. Its effects then require no service. For programs with more than one host.
 *
 * @since 0.1.0
 * @category combinators
 * @example
 * ```ts
 * import { Format, RemoteTarget } from "@effect-remote/core"
 * import type { RemoteFileSystem } from "@effect-remote/core/RemoteFileSystem"
 * import { Stream } from "effect"
 *
 * const log = RemoteTarget.make("/var/log/job.log", Format.text)
 *
 * // For example with `fileSystem` of `OpenSsh.connect`.
 * export const copied = (from: RemoteFileSystem, to: RemoteFileSystem) =>
 *   Stream.run(RemoteTarget.on(log, from).read, RemoteTarget.on(log, to).write)
 * ```
 */
export const on: {
  (fs: RemoteFileSystem.RemoteFileSystem): <A, R>(self: RemoteTarget<A, R>) => RemoteTarget<A, never>
  <A, R>(self: RemoteTarget<A, R>, fs: RemoteFileSystem.RemoteFileSystem): RemoteTarget<A, never>
} = dual(
  2,
  <A, R>({ format, path }: RemoteTarget<A, R>, fs: RemoteFileSystem.RemoteFileSystem): RemoteTarget<A, never> =>
    bound(path, format, fs)
)
