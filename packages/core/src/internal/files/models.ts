/**
 * The options and entries of `RemoteFileSystem`, which exports them.
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
  /** Permission bits of the new file. Default: those of the replaced file, else 0666 reduced by the host's umask. */
  readonly mode?: number | undefined
  /**
   * Never replaces a file. Fails with `AlreadyExists` if the file exists, also if another process creates it during the
   * write. Of two concurrent writes, one succeeds. Default: false.
   */
  readonly ifAbsent?: boolean | undefined
  /**
   * Syncs the file and its directory, so that a completed write survives a power cut. Fails before writing if the server
   * lacks `fsync@openssh.com`. Default: false, which syncs the file if the server can.
   */
  readonly durable?: boolean | undefined
  /**
   * How to treat a target that is a link. `"follow"`: replaces the file that the link points to. `"replace"`: replaces the
   * link. Following fails with `PermissionDenied` for another user's link in a sticky directory that everybody may write to,
   * such as `/tmp`. Default: `"follow"`.
   */
  readonly symlinks?: "follow" | "replace" | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface WatchOptions extends PlatformWatchOptions {
  /** Time between two listings. A number is in milliseconds. Default: 1 second. */
  readonly interval?: Duration.DurationInput | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface WalkOptions {
  /**
   * How to treat links below the walked directory. `"list"`: as entries of their own. `"follow"`: as the file or directory
   * that they point to, with its entries. A link to one of its parent directories is not followed. Default: `"list"`.
   */
  readonly symlinks?: "list" | "follow" | undefined
  /**
   * Maximum number of names that are listed but not visited yet. A directory that exceeds it is `Failed`. If it is the
   * walked directory itself, the walk fails. Default: 1,000,000.
   */
  readonly limit?: number | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ReadFileOptions {
  /** Maximum number of bytes to read. A larger file fails with `Unknown`. Default: 2,147,483,647, as for Node's `readFile`. */
  readonly limit?: SizeInput | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface ListOptions {
  /** Maximum number of names to list. A longer listing fails with `Unknown`. Default: 1,000,000. */
  readonly limit?: number | undefined
}

/**
 * One entry of a walk. `path` begins with the path of the walk. `depth` is 1 for an entry of its directory. `info` describes
 * the entry itself, or a link's target with `symlinks: "follow"`. `Failed`: the entry could not be examined or read. A
 * directory that cannot be read is first a `Directory`, then a `Failed`. If the server lists an invalid name (empty, or with
 * a `/`), `path` is its directory.
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
