/**
 * Options, results and errors of transfers between a local `FileSystem` and a host. See `RemoteFileSystem.put`. Every file
 * arrives atomically. The result lists every entry with its outcome.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import type { FileSystem } from "@effect/platform/FileSystem"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import { printable } from "./internal/lib/text.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The local side. Left out: the `FileSystem` there was when the layer was built. What its files are given to write may change
   * once it has been written.
   */
  readonly local?: FileSystem | undefined
  /** How many entries at once, of which four may be large files. Default: 64. */
  readonly concurrency?: number | undefined
  /**
   * What a copy takes over from its source. Default: neither.
   *
   * Without `mode`, a file that is replaced keeps its owner, group and permission bits, and a directory that was there all of
   * its bits. New ones get the source's permission bits less those of the umask, and what the directory above hands down
   * (set-group-id, the group). With `mode`, files and directories get the source's permission bits as they are; owner and
   * group of a replaced file, and bits such as sticky of a directory, stay. Set-user-id and its like are never copied.
   *
   * Only root can keep the owner of another user's file, and only a member its group. What cannot be kept gives no rights:
   * see docs/files.md. Links get neither, and the target directory that was named, if it was there, keeps its own.
   */
  readonly preserve?: { readonly mode?: boolean | undefined; readonly times?: boolean | undefined } | undefined
  /**
   * What becomes of symbolic links: they are made anew as they are (`"preserve"`, the default), what they name is copied
   * in their place (`"follow"`), or they are left out. The source itself, and the target of a single file, may be links,
   * which are followed; no other link at the target ever is.
   */
  readonly links?: "preserve" | "follow" | "leaveOut" | undefined
  /**
   * The most names that a tree may have on each side, with paths of 256 characters on average. The directory that exceeds it,
   * and each directory after that, is `Failed` with reason `Unknown`. What was found before is copied. Names of the target
   * count for as long as they are held: with `delete` until the end. Default: 1,000,000.
   */
  readonly limit?: number | undefined
  /** Why an entry is left out, or `undefined` for one that is not. A directory is left out with all that is in it. */
  readonly filter?: ((source: Source) => string | undefined) | undefined
  /**
   * A file that is cut off stays, under a hidden name made of the target, and size and time of the source, and the next
   * transfer with `resume` checks it against the source and goes on behind it. Default: false.
   */
  readonly resume?: boolean | undefined
  /** What is compared before a file gets its name. Default: `"size"`. */
  readonly verify?: "size" | "digest" | undefined
  /**
   * Leaves files alone that are the same on both sides. Default: every file is copied.
   *
   * - `"quick"`: same size and time, in seconds; implies `preserve.times`. A file that was modified within two seconds of its
   *   copying can change again without a new time. Its copy therefore gets a time of one second before, and the next transfer
   *   compares the content. The clocks of both machines must agree.
   * - `"content"`: same size and SHA-256, or bytes if there is no `LocalHash`, whatever the times.
   */
  readonly skipUnchanged?: "quick" | "content" | undefined
  /**
   * What happens if a file grows while it is read, as a log does. `"fail"` (the default): it is `Failed` with `InvalidData`,
   * as after any other change. `"asOpened"`: as many bytes are copied as it had when it was opened, and later changes within
   * them are not noticed. A file that became shorter is `Failed` all the same.
   */
  readonly growing?: "fail" | "asOpened" | undefined
  /**
   * Removes what the target's directories hold and the source's do not, when all else went well, but for what the filter
   * leaves out on either side, and hidden files of writes that may be under way. Default: false.
   */
  readonly delete?: boolean | undefined
  /** Whether one failed entry ends the transfer. Default: false. */
  readonly stopOnFailure?: boolean | undefined
  /**
   * Is told how far the transfer is: the latest when it is ready for it, whatever came between, and the end always. It never
   * holds up the transfer.
   */
  readonly onProgress?: ((progress: Progress) => Effect.Effect<void>) | undefined
}

/**
 * How far a transfer is. Totals grow while the source is still being looked through (`isCounted` says when they are final).
 *
 * @since 0.1.0
 * @category models
 */
export interface Progress {
  readonly files: number
  readonly totalFiles: number
  readonly bytes: bigint
  readonly totalBytes: bigint
  readonly isCounted: boolean
  /** Bytes per second, of late. */
  readonly rate: number
  /** Left out while nobody can tell. */
  readonly timeLeft: Duration.Duration | undefined
  /** Whether this is the last one. */
  readonly isDone: boolean
}

/**
 * An entry of the source: its path below what is transferred (`""` for that itself), with `/` between names.
 *
 * @since 0.1.0
 * @category models
 */
export interface Source {
  readonly path: string
  readonly type: "File" | "Directory" | "SymbolicLink" | "Other"
  /** Bytes. 0 for directories, links and special files. */
  readonly size: bigint
}

/**
 * The outcome of one entry.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome = Data.TaggedEnum<{
  /** A file was copied. `resumedAt` bytes of it come from an earlier transfer that was cut off. */
  readonly Copied: { readonly resumedAt: bigint }
  /** A directory was made, or was there. */
  readonly Made: {}
  /** A symbolic link was made. */
  readonly Linked: { readonly target: string }
  /** `skipUnchanged` found it to be the same. */
  readonly Unchanged: {}
  readonly LeftOut: { readonly why: string }
  /** `delete` removed it. */
  readonly Deleted: {}
  readonly Failed: { readonly error: PlatformError }
}>

/**
 * @since 0.1.0
 * @category constructors
 */
export const Outcome = Data.taggedEnum<Outcome>()

/**
 * @since 0.1.0
 * @category models
 */
export interface Entry extends Source {
  readonly outcome: Outcome
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Result {
  /** Every entry, in the order of their paths. What is below a directory that failed, or is left out, is not looked at. */
  readonly entries: ReadonlyArray<Entry>
  /** Files that were copied, and the bytes that went over for them. */
  readonly files: number
  readonly bytes: bigint
}

/**
 * Some entries failed. The others keep their outcome. `entries` lists all of them.
 *
 * @since 0.1.0
 * @category errors
 */
export class TransferError extends Data.TaggedError("TransferError")<
  Result & { readonly from: string; readonly to: string; readonly host: string }
> {
  /**
   * @since 0.1.0
   */
  override get message(): string {
    const failed = this.entries.flatMap(({ outcome, path }) =>
      outcome._tag === "Failed"
        ? [`${path === "" ? "it" : path.replaceAll("\n", "\\u000a")}: ${outcome.error.message}`]
        : []
    )
    const shown = failed.slice(0, 5).map((line) => `\n  ${line}`).join("")
    const more = failed.length > 5 ? `\n  and ${failed.length - 5} more` : ""
    return printable(
      `${this.from} to ${this.to} with ${this.host}: ${failed.length} of ${this.entries.length} entries failed${shown}${more}`
    )
  }
}
