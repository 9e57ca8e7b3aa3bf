/**
 * Files on another machine, over SFTP, with the meanings and the errors of the platform's `FileSystem`.
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
import * as files from "./internal/files/fileSystem.js"
import type {
  AtomicOptions,
  ListOptions,
  ReadFileOptions,
  WalkEntry,
  WalkOptions,
  WatchOptions
} from "./internal/files/models.js"
import * as operations from "./internal/sftp/requests.js"
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
 * The space on the file system that a path lies on, in bytes, and its files.
 *
 * @since 0.1.0
 * @category models
 */
export interface DiskFree {
  readonly size: bigint
  readonly free: bigint
  /** What of `free` is there for this user. */
  readonly available: bigint
  /** How many files there can be, and can still be made; 0 where the file system has no such limit. */
  readonly files: bigint
  readonly filesFree: bigint
}

/**
 * Files on one host. What has a name of the platform's `FileSystem` has its meaning and fails with the `PlatformError`
 * that Node's implementation has for the same mistake; the server's answer is its cause, or the `RemoteConnectionError`
 * (`RemoteError.findConnectionError` finds it). Paths are the host's: POSIX, relative ones begin at the login directory.
 * A path that begins with `~` is refused (`BadArgument`): only `expandPath` expands it, and `./~` is a file of that name.
 * Bytes that are no UTF-8 are carried as lone surrogates, U+DC80 to U+DCFF.
 *
 * The SFTP session is opened when it is first used, shared, and opened again after it was lost; what was in flight fails.
 *
 * @since 0.1.0
 * @category models
 */
export interface RemoteFileSystem extends FileSystem {
  readonly [TypeId]: TypeId
  readonly host: RemoteHost

  /** Reads a whole file. Fails if it has more bytes than `limit`; `stream` reads any. */
  readonly readFile: (path: string, options?: ReadFileOptions) => Effect.Effect<Uint8Array, PlatformError>
  /** Reads a whole file as text. Fails as `readFile` does, and if no string can be that long. */
  readonly readFileString: (
    path: string,
    encoding?: string,
    options?: ReadFileOptions
  ) => Effect.Effect<string, PlatformError>
  /**
   * Lists the names in a directory. Fails if it has more than `limit`, and with `InvalidData` if the server lists what no
   * directory holds: an empty name, or one with a `/` or a NUL.
   */
  readonly readDirectory: (
    path: string,
    options?: ReadDirectoryOptions & ListOptions
  ) => Effect.Effect<Array<string>, PlatformError>
  /** As `stat`, of a link itself. */
  readonly lstat: (path: string) => Effect.Effect<File.Info, PlatformError>
  /** False also when there is nothing. */
  readonly isDirectory: (path: string) => Effect.Effect<boolean, PlatformError>
  /**
   * The absolute path without links, `.` and `..`, with `~` and `~user` at its beginning taken for the home of a user.
   * A server without `expand-path@openssh.com` knows the home of its own user only.
   */
  readonly expandPath: (path: string) => Effect.Effect<string, PlatformError>
  /**
   * What is in a directory and below it, as it is found: a directory before what is in it. An entry that cannot be looked
   * at is `Failed`, and the walk goes on; only a path that is no directory that can be read, and a lost connection, fail.
   * Nothing is looked at that is not asked for; a directory is read as a whole when what is in it is asked for. Hidden
   * files of writes that may be under way (`.effect-remote-*`) are left out, here and by `listFiles`, `watch` and `copy`;
   * `readDirectory` gives them.
   */
  readonly walk: (path: string, options?: WalkOptions) => Stream.Stream<WalkEntry, PlatformError>
  /**
   * The paths of all regular files in a directory and below it, sorted, links not followed. Fails when some directory
   * cannot be read: nothing is left out unsaid but hidden files of writes that may be under way.
   */
  readonly listFiles: (path: string, options?: ListOptions) => Effect.Effect<Array<string>, PlatformError>
  /**
   * The digest of a file's content in lower-case hexadecimal. Computed on the host where it runs commands and has the
   * tool (`sha256sum` and its like), and finds a file of the same path, size, time and owner; else, and for small files, the
   * file is read and it is computed here. Default: `"sha256"`.
   */
  readonly digest: (
    path: string,
    options?: { readonly algorithm?: DigestAlgorithm | undefined }
  ) => Effect.Effect<string, PlatformError>
  /**
   * Changes of a file, or of what is in a directory, with paths as Node tells them: as seen from the directory that is
   * watched, or its own name for what is watched itself. SFTP tells of no changes, so the host is looked at again and
   * again, a directory and with `recursive` all below it by listing it: what changes back between two looks is not seen,
   * nor what keeps its size within the same second. A path that is removed is a `Remove`, and a `Create` when it is there again.
   * Links are not followed, but for the path itself. A lost connection fails; so does a path that is not there at first.
   * A `WatchBackend` that was there when the layer was built goes first.
   */
  readonly watch: (path: string, options?: WatchOptions) => Stream.Stream<WatchEvent, PlatformError>
  /** Needs `statvfs@openssh.com`. */
  readonly diskFree: (path: string) => Effect.Effect<DiskFree, PlatformError>

  /**
   * Writes a file so that a reader sees the old one or the new one, never a part, whatever dies and whenever. Missing parents
   * are made. The bytes go to a hidden file beside the target, `.effect-remote-*.tmp`, which takes its name once they are all
   * on the disk (`fsync@openssh.com` and `posix-rename@openssh.com`, where the server has them). A failure or an
   * interruption before that removes it and leaves the target as it was; only a client that is killed, or cannot reach
   * the host again, leaves it behind, for `sweepTemporary`. The mode of a file that is replaced is kept, and so are its
   * owner and group as far as the server lets this user. If the owner cannot be kept, others get no more than the umask allows.
   * In a sticky directory that everybody may write to, such as `/tmp`, another user may have made the file for this write.
   * There, a file that belongs neither to this user nor to the directory's owner gives the new file neither its owner nor
   * more rights than any new file gets, also for root.
   *
   * The rename has a limit of 30 seconds, then this fails with `TimedOut`. An interruption during the rename ends within
   * 5 seconds. If the host has not answered by then, a warning names the file that may or may not have been replaced.
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
  /**
   * Removes what killed clients left in a directory: files named as only atomic writes, and transfers that can be resumed,
   * name theirs, untouched for at least so long by the clock of their file system, which a hidden file that is made for a
   * moment tells. The names of what was removed; what others own and the host does not let this user remove is left out.
   * Take a time that no write of yours lasts.
   */
  readonly sweepTemporary: (
    directory: string,
    olderThan: Duration.DurationInput
  ) => Effect.Effect<Array<string>, PlatformError>

  /** Copies a local file or tree to the host: see `Transfer`. */
  readonly put: (
    localPath: string,
    path: string,
    options?: Transfer.Options
  ) => Effect.Effect<Transfer.Result, PlatformError | Transfer.TransferError>
  /** Copies a file or a tree of the host to here: see `Transfer`. */
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
 * The files of a transport's host. If a `RemoteContext` is provided, it runs the command for a `digest`; without one, `digest`
 * reads the file and computes it with `LocalMachine`'s `hash`. If the platform's `WatchBackend` is provided, `watch` asks it
 * first.
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
  const requests = operations.make(yield* session.make(transport), String(transport.host))
  const digest = digests.make(requests, { context, hash })
  const fileSystem: RemoteFileSystem = {
    [TypeId]: TypeId,
    host: transport.host,
    ...files.make(requests, digest, watchBackend),
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
 * Built anew for each transport that it is provided with, so that several hosts in one graph of layers stay apart.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<RemoteFileSystem, never, Transport | LocalMachine> = Layer.fresh(
  Layer.scoped(RemoteFileSystem, make)
)

/**
 * The host's files as the platform's `FileSystem`, for code that knows of no other, with paths that are POSIX whatever this
 * program runs on.
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
 * A sink that writes a file as `atomicWrite` does. A stream that fails or is interrupted leaves the target unchanged.
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
 * Removes the hidden files that killed clients left in a directory, and returns their names. Only files that did not change for
 * `olderThan` are removed, so choose a time that is longer than any of your writes.
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
 * Copies a local file or tree to the host. A tree goes into the directory of that path, which is made where it is missing.
 * Fails with a `PlatformError` when it cannot begin: no such source, bad arguments, a target that cannot take it.
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
 * Copies a file or a tree of the host to here. See `put`.
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
