/**
 * Files on another machine, over SFTP, with the meanings and the errors of the platform's `FileSystem`.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type { File, OpenFlag, SinkOptions, StreamOptions, WriteFileOptions } from "@effect/platform/FileSystem"
import { FileSystem } from "@effect/platform/FileSystem"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Sink from "effect/Sink"
import type * as Stream from "effect/Stream"
import * as files from "./internal/files.js"
import * as operations from "./internal/sftp/operations.js"
import * as session from "./internal/sftp/session.js"
import type { RemoteHost } from "./RemoteHost.js"
import { Transport } from "./Transport.js"

/**
 * @since 0.1.0
 * @category type ids
 */
export const TypeId: unique symbol = Symbol.for("@effect-remote/core/RemoteFileSystem")

/**
 * @since 0.1.0
 * @category type ids
 */
export type TypeId = typeof TypeId

/**
 * @since 0.1.0
 * @category models
 */
export interface AtomicOptions {
  /** The permission bits of the new file. Left out: those of the file it replaces, else what the host's umask leaves. */
  readonly mode?: number | undefined
}

/**
 * Files on one host. What has a name of the platform's `FileSystem` has its meaning and fails with the `PlatformError`
 * that Node's implementation has for the same mistake; the server's answer is its cause, or the `RemoteConnectionError`
 * (`RemoteError.connectionError` finds it). Paths are the host's: POSIX, relative ones begin at the login directory, `~` is a
 * name like any other, and bytes that are no UTF-8 are carried as lone surrogates, U+DC80 to U+DCFF.
 *
 * The SFTP session is opened when it is first used, shared, and opened again after it was lost; what was in flight fails.
 *
 * @since 0.1.0
 * @category models
 */
export interface RemoteFileSystem {
  readonly [TypeId]: TypeId
  readonly host: RemoteHost

  /** Opens a file until the scope closes. Default flag: `"r"`. */
  readonly open: (
    path: string,
    options?: { readonly flag?: OpenFlag | undefined; readonly mode?: number | undefined }
  ) => Effect.Effect<File, PlatformError, Scope.Scope>
  /** Follows links. */
  readonly stat: (path: string) => Effect.Effect<File.Info, PlatformError>
  /** Does not follow a link. */
  readonly lstat: (path: string) => Effect.Effect<File.Info, PlatformError>
  readonly exists: (path: string) => Effect.Effect<boolean, PlatformError>
  /** False also when there is nothing. */
  readonly isDirectory: (path: string) => Effect.Effect<boolean, PlatformError>
  /** The names in a directory, in the host's order. */
  readonly readDirectory: (path: string) => Effect.Effect<Array<string>, PlatformError>
  /**
   * Fails with `AlreadyExists` when there is something of that name. With `recursive` parents are made and an existing
   * directory is fine.
   */
  readonly makeDirectory: (
    path: string,
    options?: { readonly recursive?: boolean | undefined; readonly mode?: number | undefined }
  ) => Effect.Effect<void, PlatformError>
  /** A directory needs `recursive`; links are removed, not followed. With `force` nothing there is fine. */
  readonly remove: (
    path: string,
    options?: { readonly recursive?: boolean | undefined; readonly force?: boolean | undefined }
  ) => Effect.Effect<void, PlatformError>
  /** Replaces a file of the new name in one step. */
  readonly rename: (oldPath: string, newPath: string) => Effect.Effect<void, PlatformError>
  readonly readFile: (path: string) => Effect.Effect<Uint8Array, PlatformError>
  readonly readFileString: (path: string, encoding?: string) => Effect.Effect<string, PlatformError>
  /** Writes in place, so that a reader may see half of it: see `atomicWrite`. */
  readonly writeFile: (
    path: string,
    data: Uint8Array,
    options?: WriteFileOptions
  ) => Effect.Effect<void, PlatformError>
  readonly writeFileString: (
    path: string,
    data: string,
    options?: WriteFileOptions
  ) => Effect.Effect<void, PlatformError>
  /** Reads to the end of the file, whatever its size says, with several requests in flight. */
  readonly stream: (path: string, options?: StreamOptions) => Stream.Stream<Uint8Array, PlatformError>
  /** Writes in place, with several requests in flight: see `atomicSink`. */
  readonly sink: (path: string, options?: SinkOptions) => Sink.Sink<void, Uint8Array, never, PlatformError>

  /**
   * Writes a file so that a reader sees the old one or the new one, never a part, whatever dies and whenever. Missing parents
   * are made. The bytes go to a hidden file beside the target, `.effect-remote-*.tmp`, which takes its name once they are all
   * on the disk (`fsync@openssh.com` and `posix-rename@openssh.com`, where the server has them). A failure or an
   * interruption before that removes it and leaves the target as it was; only a client that is killed, or cannot reach
   * the host again, leaves it behind. A link is followed: what it names is replaced.
   *
   * A target that exists on a server without `posix-rename@openssh.com` is a failure, `AlreadyExists`.
   */
  readonly atomicWrite: <E = never, R = never>(
    path: string,
    content: Uint8Array | string | Stream.Stream<Uint8Array, E, R>,
    options?: AtomicOptions
  ) => Effect.Effect<void, E | PlatformError, R>
  /** As `atomicWrite`. A stream that fails, or is interrupted, writes nothing. */
  readonly atomicSink: (path: string, options?: AtomicOptions) => Sink.Sink<void, Uint8Array, never, PlatformError>

  /** Copies a local file to the host, atomically. The local side is the `FileSystem` there was when the layer was built. */
  readonly put: (localPath: string, path: string, options?: AtomicOptions) => Effect.Effect<void, PlatformError>
  /** Copies a file of the host to here, atomically. */
  readonly get: (path: string, localPath: string) => Effect.Effect<void, PlatformError>
}

/**
 * @since 0.1.0
 * @category tags
 */
export const RemoteFileSystem: Context.Tag<RemoteFileSystem, RemoteFileSystem> = Context.GenericTag<RemoteFileSystem>(
  "@effect-remote/core/RemoteFileSystem"
)

/**
 * The files of a transport's host. A `FileSystem` that is there already is the local side of `put` and `get`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.gen(function*() {
  const transport = yield* Transport
  const local = yield* Effect.serviceOption(FileSystem)
  const fileSystem: RemoteFileSystem = {
    [TypeId]: TypeId,
    host: transport.host,
    ...files.make(operations.make(yield* session.make(transport)), local)
  }
  return fileSystem
})

/**
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<RemoteFileSystem, never, Transport> = Layer.scoped(RemoteFileSystem, make)
