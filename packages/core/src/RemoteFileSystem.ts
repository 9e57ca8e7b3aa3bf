/**
 * Files of a host over SFTP, with the interface and the errors of the platform's `FileSystem`.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type { File, ReadDirectoryOptions, WatchEvent } from "@effect/platform/FileSystem"
import { FileSystem, WatchBackend } from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as digests from "./internal/files/digest.js"
import * as fileSystems from "./internal/files/fileSystem.js"
import type {
  AtomicOptions,
  ListOptions,
  ReadFileOptions,
  WalkEntry,
  WalkOptions,
  WatchOptions
} from "./internal/files/models.js"
import * as sftpRequests from "./internal/sftp/requests.js"
import * as session from "./internal/sftp/session.js"
import * as putAndGet from "./internal/transfer/putAndGet.js"
import type { DigestAlgorithm } from "./LocalHash.js"
import { LocalMachine } from "./LocalMachine.js"
import { RemoteContext } from "./RemoteContext.js"
import type { RemoteHost } from "./RemoteHost.js"
import type * as Transfer from "./Transfer.js"
import { Transport } from "./Transport.js"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  DigestAlgorithm
} from "./LocalHash.js"

export {
  /**
   * @since 0.1.0
   * @category models
   */
  type AtomicOptions,
  /**
   * @since 0.1.0
   * @category models
   */
  type ListOptions,
  /**
   * @since 0.1.0
   * @category models
   */
  type ReadFileOptions,
  /**
   * @since 0.1.0
   * @category models
   */
  type WalkedEntry,
  /**
   * @since 0.1.0
   * @category models
   */
  WalkEntry,
  /**
   * @since 0.1.0
   * @category models
   */
  type WalkOptions,
  /**
   * @since 0.1.0
   * @category models
   */
  type WatchOptions
} from "./internal/files/models.js"

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
 * Space in bytes and number of files of a file system.
 *
 * @since 0.1.0
 * @category models
 */
export interface DiskFree {
  readonly size: bigint
  readonly free: bigint
  /** The part of `free` that is available to this user. */
  readonly available: bigint
  /** Maximum number of files. 0 if the file system does not limit it. */
  readonly files: bigint
  /** Number of files that can still be made. 0 if the file system does not limit it. */
  readonly filesFree: bigint
}

/**
 * The files of one host. The methods of the platform's `FileSystem` behave as Node's implementation does, and fail with the
 * same `PlatformError`. Its cause is the server's answer (`SftpStatusError`), or a `RemoteConnectionError` (see
 * `RemoteError.findConnectionError`).
 *
 * Paths are POSIX paths of the host. Relative paths begin at the login directory. A path that begins with `~` fails with
 * `BadArgument`: use `expandPath` for a home directory, and `./~` for a file named `~`. A byte of a path that is not UTF-8
 * becomes a lone surrogate, U+DC80 to U+DCFF.
 *
 * All calls share one SFTP session. The first call opens it. If it is lost, calls in flight fail and the next call opens
 * another one.
 *
 * @since 0.1.0
 * @category models
 */
export interface RemoteFileSystem extends FileSystem {
  readonly [TypeId]: TypeId
  readonly host: RemoteHost

  /** Reads a whole file. Fails if it is larger than `limit`. Use `stream` for larger files. */
  readonly readFile: (path: string, options?: ReadFileOptions) => Effect.Effect<Uint8Array, PlatformError>
  /** Reads a whole file as text. Fails like `readFile`, and if the text exceeds the maximum length of a string. */
  readonly readFileString: (
    path: string,
    encoding?: string,
    options?: ReadFileOptions
  ) => Effect.Effect<string, PlatformError>
  /**
   * Lists the names in a directory. Fails if it has more than `limit`. Fails with `InvalidData` if the server lists an invalid
   * name: an empty one, or one with a `/` or a NUL.
   */
  readonly readDirectory: (
    path: string,
    options?: ReadDirectoryOptions & ListOptions
  ) => Effect.Effect<Array<string>, PlatformError>
  /** Like `stat`, but does not follow a link. */
  readonly lstat: (path: string) => Effect.Effect<File.Info, PlatformError>
  /** Whether a path is a directory. False if the path does not exist. */
  readonly isDirectory: (path: string) => Effect.Effect<boolean, PlatformError>
  /**
   * Returns the absolute path without links, `.` and `..`. Expands `~` and `~user` at its beginning to a home directory. A
   * server without `expand-path@openssh.com` expands only `~`.
   */
  readonly expandPath: (path: string) => Effect.Effect<string, PlatformError>
  /**
   * Lists a directory and everything below it, each directory before its entries. An entry that cannot be examined is `Failed`,
   * and the walk goes on. The walk fails only if its path is not a readable directory, or if the connection is lost. It is
   * lazy: a directory is read, as a whole, when its first entry is pulled. Hidden files of unfinished writes
   * (`.effect-remote-*`) are left out. `listFiles`, `watch` and `copy` leave them out, too. `readDirectory` lists them.
   */
  readonly walk: (path: string, options?: WalkOptions) => Stream.Stream<WalkEntry, PlatformError>
  /**
   * Lists the paths of all regular files in a directory and below it, sorted. Links are not followed. Fails if a directory
   * cannot be read. Only hidden files of unfinished writes are left out.
   */
  readonly listFiles: (path: string, options?: ListOptions) => Effect.Effect<Array<string>, PlatformError>
  /**
   * Computes the digest of a file's content, in lower-case hexadecimal. The host computes it with a command such as
   * `sha256sum`, if that command sees the same file (same path, size, time and owner). Otherwise, and for small files, this
   * reads the file and computes the digest locally. Default: `"sha256"`.
   */
  readonly digest: (
    path: string,
    options?: { readonly algorithm?: DigestAlgorithm | undefined }
  ) => Effect.Effect<string, PlatformError>
  /**
   * Emits changes of a file, or of the entries of a directory. Paths are those of Node's `watch`: relative to the watched
   * directory, or the name of the watched file or directory itself.
   *
   * SFTP does not report changes. The watch therefore lists the directory, and with `recursive` all directories below it, once
   * per `interval`. It misses a change that is undone before the next listing, and one that keeps the size within the same
   * second. A removed path is a `Remove`. If it exists again later, it is a `Create`. Links are not followed, except the
   * watched path itself.
   *
   * Fails if the path does not exist at the beginning, and if the connection is lost. If a `WatchBackend` was provided when
   * the layer was built, it is tried first.
   */
  readonly watch: (path: string, options?: WatchOptions) => Stream.Stream<WatchEvent, PlatformError>
  /** Reads the size and the free space of the file system that holds a path. Needs `statvfs@openssh.com`. */
  readonly diskFree: (path: string) => Effect.Effect<DiskFree, PlatformError>

  /**
   * Writes a file atomically: a reader sees the old file or the new one, never a part, even if the client or the host dies.
   * Makes missing parent directories.
   *
   * The bytes go to a hidden file in the target's directory, `.effect-remote-*.tmp`. After all bytes are on the disk, it is
   * renamed to the target. This uses `fsync@openssh.com` and `posix-rename@openssh.com`, if the server has them. A failure or
   * an interruption before the rename removes the hidden file and leaves the target unchanged. The hidden file remains only if
   * the client is killed or cannot reach the host again: `sweepTemporary` removes it.
   *
   * A replaced file keeps its mode. It keeps its owner and group as far as the server allows this user. If the owner cannot
   * be kept, others get no more rights than the umask allows. In a sticky directory that everybody may write to, such as
   * `/tmp`, another user may have planted the target. If the target there belongs neither to this user nor to the
   * directory's owner, its owner is not kept, not even by root. The new file then has the owner and the mode of any new
   * file.
   *
   * Fails with `TimedOut` if the rename takes longer than 30 seconds. An interruption during the rename ends within 5 seconds.
   * If the host has not answered by then, a warning names the file that may or may not have been replaced.
   *
   * Fails with `AlreadyExists` if the target exists and the server lacks `posix-rename@openssh.com`.
   */
  readonly atomicWrite: <E = never, R = never>(
    path: string,
    content: Uint8Array | string | Stream.Stream<Uint8Array, E, R>,
    options?: AtomicOptions
  ) => Effect.Effect<void, E | PlatformError, R>
  /** Like `atomicWrite`. A stream that fails or is interrupted leaves the target unchanged. */
  readonly atomicSink: (path: string, options?: AtomicOptions) => Sink.Sink<void, Uint8Array, never, PlatformError>
  /**
   * Removes the hidden files that killed clients left in a directory, and returns their names. These are files of atomic
   * writes and of resumable transfers, known by their names. Only files that did not change for `olderThan` are removed, so
   * choose a time that is longer than any of your writes. To read the clock of the file system, this creates an empty hidden
   * file. Files that this user may not remove are skipped.
   */
  readonly sweepTemporary: (
    directory: string,
    olderThan: Duration.DurationInput
  ) => Effect.Effect<Array<string>, PlatformError>

  /** Copies a local file or tree to the host. See `Transfer`. */
  readonly put: (
    localPath: string,
    path: string,
    options?: Transfer.Options
  ) => Effect.Effect<Transfer.Result, PlatformError | Transfer.TransferError>
  /** Copies a file or a tree of the host to this machine. See `Transfer`. */
  readonly get: (
    path: string,
    localPath: string,
    options?: Transfer.Options
  ) => Effect.Effect<Transfer.Result, PlatformError | Transfer.TransferError>
}

/**
 * @since 0.1.0
 * @category tags
 */
export const RemoteFileSystem: Context.Tag<RemoteFileSystem, RemoteFileSystem> = Context.GenericTag<RemoteFileSystem>(
  "@effect-remote/core/RemoteFileSystem"
)

/**
 * Makes the service for a transport's host. If a `RemoteContext` is provided, `digest` runs a command on the host. Otherwise
 * it reads the file and computes the digest with `LocalMachine`'s `hash`. If the platform's `WatchBackend` is provided,
 * `watch` tries it first.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = Effect.gen(function*() {
  const transport = yield* Transport
  const machine = yield* LocalMachine
  const hash = Option.fromNullable(machine.hash)
  const context = yield* Effect.serviceOption(RemoteContext)
  const watchBackend = yield* Effect.serviceOption(WatchBackend)
  const requests = sftpRequests.make(yield* session.make(transport), String(transport.host))
  const digest = digests.make(requests, { context, hash })
  const fileSystem: RemoteFileSystem = {
    [TypeId]: TypeId,
    host: transport.host,
    ...fileSystems.make(requests, digest, watchBackend),
    ...putAndGet.make(requests, String(transport.host), {
      digest,
      hash,
      isRemote: (fs) => TypeId in fs,
      local: Option.fromNullable(machine.fileSystem),
      localFiles: Option.fromNullable(machine.files)
    })
  }
  return putAndGet.identify(fileSystem, requests)
})

/**
 * Provides the files of the transport's host. The layer is fresh: each transport gets its own service, so one program can use
 * several hosts.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<RemoteFileSystem, never, Transport | LocalMachine> = Layer.fresh(
  Layer.scoped(RemoteFileSystem, make)
)

/**
 * Provides the host's files as the platform's `FileSystem`, for code that uses that service. Paths are POSIX paths on every
 * platform.
 *
 * @since 0.1.0
 * @category layers
 * @example
 * ```ts
 * import { FileSystem } from "@effect/platform"
 * import { RemoteFileSystem } from "@effect-remote/core"
 * import { Effect } from "effect"
 *
 * const motd = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.readFileString("/etc/motd"))
 *
 * const there = motd.pipe(Effect.provide(RemoteFileSystem.layerFileSystem))
 * ```
 */
export const layerFileSystem: Layer.Layer<FileSystem | Path.Path, never, RemoteFileSystem> = Layer.fresh(
  Layer.merge(Layer.effect(FileSystem, RemoteFileSystem), Path.layer)
)

/**
 * Reads the attributes of a path without following a link at its end.
 *
 * @since 0.1.0
 * @category accessors
 */
export const lstat = (path: string): Effect.Effect<File.Info, PlatformError, RemoteFileSystem> =>
  Effect.flatMap(RemoteFileSystem, (fs) => fs.lstat(path))

/**
 * Whether a path is a directory. False if the path does not exist.
 *
 * @since 0.1.0
 * @category accessors
 */
export const isDirectory = (path: string): Effect.Effect<boolean, PlatformError, RemoteFileSystem> =>
  Effect.flatMap(RemoteFileSystem, (fs) => fs.isDirectory(path))

/**
 * Expands `~` or `~user` at the beginning of a path, and resolves links, `.` and `..`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const expandPath = (path: string): Effect.Effect<string, PlatformError, RemoteFileSystem> =>
  Effect.flatMap(RemoteFileSystem, (fs) => fs.expandPath(path))

/**
 * Lists a directory and everything below it, lazily. An entry that cannot be read is `Failed`, and the walk goes on.
 *
 * @since 0.1.0
 * @category accessors
 * @example
 * ```ts
 * import { RemoteFileSystem } from "@effect-remote/core"
 * import { Stream } from "effect"
 *
 * const logs = RemoteFileSystem.walk("/var/log").pipe(
 *   Stream.filter((entry) => entry._tag === "Failed" || entry.path.endsWith(".log"))
 * )
 * ```
 */
export const walk = (
  path: string,
  options?: WalkOptions
): Stream.Stream<WalkEntry, PlatformError, RemoteFileSystem> =>
  Stream.flatMap(RemoteFileSystem, (fs) => fs.walk(path, options))

/**
 * Lists the paths of all regular files below a directory, sorted. Fails if a directory cannot be read.
 *
 * @since 0.1.0
 * @category accessors
 */
export const listFiles = (
  path: string,
  options?: ListOptions
): Effect.Effect<Array<string>, PlatformError, RemoteFileSystem> =>
  Effect.flatMap(RemoteFileSystem, (fs) => fs.listFiles(path, options))

/**
 * Computes the digest of a file's content, in lower-case hexadecimal. Default: SHA-256.
 *
 * @since 0.1.0
 * @category accessors
 */
export const digest = (
  path: string,
  options?: { readonly algorithm?: DigestAlgorithm | undefined }
): Effect.Effect<string, PlatformError, RemoteFileSystem> =>
  Effect.flatMap(RemoteFileSystem, (fs) => fs.digest(path, options))

/**
 * Reads the size and the free space of the file system that holds a path. Needs `statvfs@openssh.com`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const diskFree = (path: string): Effect.Effect<DiskFree, PlatformError, RemoteFileSystem> =>
  Effect.flatMap(RemoteFileSystem, (fs) => fs.diskFree(path))

/**
 * Writes a file so that a reader sees the old file or the new one, never a part.
 *
 * @since 0.1.0
 * @category accessors
 * @example
 * ```ts
 * import { RemoteFileSystem } from "@effect-remote/core"
 *
 * const release = RemoteFileSystem.atomicWrite("/srv/app/version", "2\n", { mode: 0o644 })
 * ```
 */
export const atomicWrite = <E = never, R = never>(
  path: string,
  content: Uint8Array | string | Stream.Stream<Uint8Array, E, R>,
  options?: AtomicOptions
): Effect.Effect<void, E | PlatformError, R | RemoteFileSystem> =>
  Effect.flatMap(RemoteFileSystem, (fs) => fs.atomicWrite(path, content, options))

/**
 * A sink that writes a file like `atomicWrite`. A stream that fails or is interrupted leaves the target unchanged.
 *
 * @since 0.1.0
 * @category accessors
 */
export const atomicSink = (
  path: string,
  options?: AtomicOptions
): Sink.Sink<void, Uint8Array, never, PlatformError, RemoteFileSystem> =>
  Sink.unwrap(Effect.map(RemoteFileSystem, (fs) => fs.atomicSink(path, options)))

/**
 * Removes the hidden files that killed clients left in a directory, and returns their names. Only files that did not change
 * for `olderThan` are removed, so choose a time that is longer than any of your writes.
 *
 * @since 0.1.0
 * @category accessors
 */
export const sweepTemporary = (
  directory: string,
  olderThan: Duration.DurationInput
): Effect.Effect<Array<string>, PlatformError, RemoteFileSystem> =>
  Effect.flatMap(RemoteFileSystem, (fs) => fs.sweepTemporary(directory, olderThan))

/**
 * Copies a local file or tree to the host. The entries of a tree go into the directory `path`, which is made if it is missing.
 * Fails with a `PlatformError` if it cannot begin: the source is missing, an argument is invalid, or the target cannot be
 * written.
 *
 * @since 0.1.0
 * @category accessors
 */
export const put = (
  localPath: string,
  path: string,
  options?: Transfer.Options
): Effect.Effect<Transfer.Result, PlatformError | Transfer.TransferError, RemoteFileSystem> =>
  Effect.flatMap(RemoteFileSystem, (fs) => fs.put(localPath, path, options))

/**
 * Copies a file or a tree of the host to this machine. See `put`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const get = (
  path: string,
  localPath: string,
  options?: Transfer.Options
): Effect.Effect<Transfer.Result, PlatformError | Transfer.TransferError, RemoteFileSystem> =>
  Effect.flatMap(RemoteFileSystem, (fs) => fs.get(path, localPath, options))
