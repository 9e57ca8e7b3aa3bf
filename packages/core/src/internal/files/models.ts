/**
 * The options and entries of `RemoteFileSystem`, which exports them, for the modules that it is made of.
 */
import type { PlatformError } from "@effect/platform/Error"
import type { File, SizeInput, WatchOptions as PlatformWatchOptions } from "@effect/platform/FileSystem"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"

/**
 * @since 0.1.0
 * @category models
 */
export interface AtomicOptions {
  /** The permission bits of the new file. Left out: those of the file it replaces, else what the host's umask leaves. */
  readonly mode?: number | undefined
  /**
   * Replaces nothing: a file that exists, or that somebody else makes meanwhile, is a failure, `AlreadyExists`. Of two
   * that write at once, one succeeds. Default: false.
   */
  readonly ifAbsent?: boolean | undefined
  /**
   * Survives a power cut once it has succeeded: the file and its directory are on the disk. A server that cannot tell
   * (`fsync@openssh.com`) is a failure before anything is written. Default: false, which syncs the file where that can be
   * had.
   */
  readonly durable?: boolean | undefined
  /**
   * What becomes of a target that is a link: what it names is replaced (`"follow"`, the default), or the link is. Following
   * fails with `PermissionDenied` for another user's link in a sticky directory that everybody may write to, as `/tmp`.
   */
  readonly symlinks?: "follow" | "replace" | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface WatchOptions extends PlatformWatchOptions {
  /** The time between two looks. Default: 1 second. */
  readonly interval?: Duration.DurationInput | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface WalkOptions {
  /**
   * Goes into directories that links name, too, but never into one that the way there leads through: such a link is told
   * as one. Default: false.
   */
  readonly followLinks?: boolean | undefined
  /**
   * How many names the walk may hold that were listed and not reached yet. A directory with more is `Failed`; the one that
   * is walked fails. Default: 1,000,000.
   */
  readonly limit?: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ReadFileOptions {
  /** The most bytes to read. A larger file fails with `Unknown`. Default: 2,147,483,647, as for Node's `readFile`. */
  readonly limit?: SizeInput | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ListOptions {
  /** The most names to list. More of them fail with `Unknown`. Default: 1,000,000. */
  readonly limit?: number | undefined
}

/**
 * What a walk came upon. `path` begins as the walk's own, `depth` is 1 for what lies right in its directory, `info` is
 * that of the entry itself, or of what a link names with `followLinks`. `Failed` is what could not be looked at or into: a
 * directory that cannot be read is told as `Directory`, and then as `Failed`. For a name that the server made up (one
 * that is empty, or holds a `/`) it is told with the path of its directory.
 *
 * @since 0.1.0
 * @category models
 */
export type WalkEntry = Data.TaggedEnum<{
  readonly File: WalkedEntry
  readonly Directory: WalkedEntry
  readonly SymbolicLink: WalkedEntry
  /** A device, a socket or a pipe. */
  readonly Other: WalkedEntry
  readonly Failed: { readonly path: string; readonly depth: number; readonly error: PlatformError }
}>

/**
 * @since 0.1.0
 * @category models
 */
export interface WalkedEntry {
  readonly path: string
  readonly depth: number
  readonly info: File.Info
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const WalkEntry = Data.taggedEnum<WalkEntry>()
