/**
 * Options, results and errors of transfers between a local `FileSystem` and a host. See `RemoteFileSystem.put`. Every file
 * arrives atomically, unless `inPlace` is set. The result lists every entry with its outcome.
 *
 * @since 0.1.0
 */
import { PlatformError } from "@effect/platform/Error"
import type { FileSystem } from "@effect/platform/FileSystem"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { printable } from "./internal/lib/text.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The local side. Default: the `FileSystem` of `LocalMachine`. It must not keep the bytes of a write after the write has
   * returned, because the buffers are reused.
   */
  readonly local?: FileSystem | undefined
  /** Number of entries copied at once. At most four of them are large files. Default: 64. */
  readonly concurrency?: number | undefined
  /**
   * Attributes to copy from the source. Default: neither.
   *
   * Without `mode`, a replaced file keeps its owner, group and permission bits. An existing directory keeps all its bits.
   * New entries get the source's permission bits, reduced by the umask, and inherit from their directory (set-group-id, the
   * group). With `mode`, files and directories get exactly the source's permission bits. A replaced file still keeps its
   * owner and group. A directory keeps its other bits, such as sticky. Set-user-id and set-group-id are never copied.
   *
   * Only root can keep the owner of another user's file, and only a member can keep its group. If one of them cannot be
   * kept, the file gets fewer permissions: see docs/files.md. Links get neither attribute. If the target itself is an
   * existing directory, it keeps its attributes.
   */
  readonly preserve?: { readonly mode?: boolean | undefined; readonly timestamps?: boolean | undefined } | undefined
  /**
   * How symbolic links are copied. `"preserve"`: as links. `"follow"`: as the file or directory that they point to.
   * `"skip"`: not at all. If the source itself is a link, it is followed. The target of a single file is followed, too. No
   * other link at the target is ever followed. Default: `"preserve"`.
   */
  readonly symlinks?: "preserve" | "follow" | "skip" | undefined
  /**
   * Maximum number of names in a tree on each side, for paths of 256 characters on average. The directory that exceeds it,
   * and each directory after that, is `Failed` with reason `Unknown`. Entries found earlier are copied. Names of the target
   * count while they are in memory, with `delete` until the end. Default: 1,000,000.
   */
  readonly limit?: number | undefined
  /** Returns the reason to leave an entry out, or `undefined` to copy it. A directory is left out with all its entries. */
  readonly filter?: ((source: Source) => string | undefined) | undefined
  /**
   * Keeps the part of a file that was copied before an interruption or a failure, in a hidden file next to the target. The
   * next transfer with `resume` compares this part with the source and continues after it. It does not find the part if the
   * source's size or time has changed. Default: false.
   */
  readonly resume?: boolean | undefined
  /**
   * Overwrites existing files instead of replacing them. For files in a directory where this user may not create another one,
   * and for mounted files such as `/etc/hosts` in a container. Not atomic: a reader sees a mix of the old and the new content
   * meanwhile, and a failure or an interruption leaves it. The file keeps its owner, and its mode without `preserve.mode`.
   * `resume` has no effect on these files. New files arrive atomically, and so do files in a sticky directory that everybody may
   * write to, such as `/tmp`. Default: false.
   */
  readonly inPlace?: boolean | undefined
  /** Checks a copied file against its source before it is renamed to its target. Default: `"size"`. */
  readonly verify?: "size" | "digest" | undefined
  /**
   * Skips files that are the same on both sides. Default: every file is copied.
   *
   * - `"quick"`: compares size and time, in seconds. Implies `preserve.timestamps`. A file that was modified within two seconds of its
   *   copying can change again without a new time. Its copy therefore gets a time one second earlier, and the next transfer
   *   compares the content. The clocks of both machines must agree.
   * - `"content"`: compares size and SHA-256, or the bytes if `LocalHash` is missing. Ignores times.
   */
  readonly skipUnchanged?: "quick" | "content" | undefined
  /**
   * Replaces or keeps existing files and links of the target. A kept one is `Skipped`. Default: `"replace"`.
   *
   * - `"keep"`: all of them stay, as with `--ignore-existing` of rsync.
   * - `"keepNewer"`: files that were modified later than the source's stay, as with `--update` of rsync. Compares times in
   *   seconds, so the clocks of both machines must agree. Copies need `preserve.timestamps` to be compared with later sources.
   *
   * A file in place of a directory, and the reverse, is `Failed` in any case. Another process may create a file after this
   * check: it is replaced.
   */
  readonly existing?: "replace" | "keep" | "keepNewer" | undefined
  /**
   * How to copy a file that grows while it is read, for example a log. `"fail"`: the file is `Failed` with `InvalidData`, as
   * after any other change. `"asOpened"`: copies the bytes up to its size when it was opened. Changes of these bytes are not
   * noticed. A file that became shorter is still `Failed`. Default: `"fail"`.
   */
  readonly growing?: "fail" | "asOpened" | undefined
  /**
   * After a copy without failures, deletes entries of the target that the source lacks. Keeps entries that the filter leaves
   * out on either side, and hidden files of unfinished writes. Default: false.
   */
  readonly delete?: boolean | undefined
  /**
   * Maximum number of entries that `delete` may remove, with those below removed directories. They are counted first. If they
   * are more, nothing is removed, and the transfer fails with a `TransferError` that has `refusedDeletions`. Default: any
   * number, but 0 if the source is an empty directory. `Infinity` allows any number.
   */
  readonly maxDelete?: number | undefined
  /**
   * Changes nothing on either side. The result has the same form, and says what the transfer would do. Differences that only
   * an attempt shows, such as missing rights or a full disk, are not found. Default: false.
   */
  readonly dryRun?: boolean | undefined
  /** Ends the transfer after the first failed entry. Default: false. */
  readonly stopOnFailure?: boolean | undefined
  /**
   * Called with the latest progress, one call after another, after a change and at least once a second. Intermediate values
   * may be skipped, the last one never is. A slow callback does not slow down the transfer.
   */
  readonly onProgress?: ((progress: Progress) => Effect.Effect<void>) | undefined
}

/**
 * Progress of a transfer. Totals grow while the source is still being listed. They are final once `isCounted` is true.
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
  /** Rate of the last five seconds, in bytes per second. */
  readonly rate: number
  /** Estimate of the remaining time. Left out while it is unknown. */
  readonly timeLeft: Duration.Duration | undefined
  /** Whether this is the last progress of the transfer. */
  readonly isDone: boolean
}

/**
 * An entry of the source. `path` is relative to the source of the transfer, with `/` between names. It is `""` for the source
 * itself.
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
  /**
   * A file was copied. `resumedAt` bytes of it come from an earlier transfer that was cut off. `replaced`: the target existed.
   * `unset`: the server does not let this user set modes, so the mode of the replaced file was not kept. The copy grants no
   * more than that mode.
   */
  readonly Copied: { readonly resumedAt: bigint; readonly replaced?: true; readonly unset?: "mode" }
  /** A directory was created, or existed already. */
  readonly Created: {}
  /** A symbolic link was created. */
  readonly Linked: { readonly target: string }
  /** The file is the same on both sides (`skipUnchanged`). */
  readonly Unchanged: {}
  readonly Skipped: { readonly reason: string }
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
  /** All entries, sorted by path. Entries below a directory that failed or was left out are missing. */
  readonly entries: ReadonlyArray<Entry>
  /** Number of copied files. `bytes`: the number of bytes sent for them. */
  readonly files: number
  readonly bytes: bigint
}

const entry = Schema.Struct({
  path: Schema.String,
  type: Schema.Literal("File", "Directory", "SymbolicLink", "Other"),
  size: Schema.BigInt,
  outcome: Schema.Union(
    Schema.TaggedStruct("Copied", {
      resumedAt: Schema.BigInt,
      replaced: Schema.optionalWith(Schema.Literal(true), { exact: true }),
      unset: Schema.optionalWith(Schema.Literal("mode"), { exact: true })
    }),
    Schema.TaggedStruct("Created", {}),
    Schema.TaggedStruct("Linked", { target: Schema.String }),
    Schema.TaggedStruct("Unchanged", {}),
    Schema.TaggedStruct("Skipped", { reason: Schema.String }),
    Schema.TaggedStruct("Deleted", {}),
    Schema.TaggedStruct("Failed", { error: PlatformError })
  )
})

const whyRefused = (count: number, maxDelete: number | undefined): string =>
  maxDelete === undefined
    ? `nothing was deleted, because the source is empty and \`delete\` would remove ${count} entries. ` +
      `If this is intended, set \`maxDelete\` to ${count} or more`
    : `nothing was deleted, because \`delete\` would remove ${count} entries and \`maxDelete\` is ${maxDelete}`

/**
 * Some entries failed, or `delete` would have removed too many. The other entries keep their outcome. `entries` lists all of
 * them.
 *
 * @since 0.1.0
 * @category errors
 */
export class TransferError extends Schema.TaggedError<TransferError>("@effect-remote/core/TransferError")(
  "TransferError",
  {
    entries: Schema.Array(entry),
    files: Schema.Number,
    bytes: Schema.BigInt,
    from: Schema.String,
    to: Schema.String,
    host: Schema.String,
    /** Number of entries that `delete` would have removed, if `maxDelete` does not allow it. None was removed. */
    refusedDeletions: Schema.optionalWith(Schema.Number, { exact: true }),
    /** The option, if it was given and the deletions were refused. */
    maxDelete: Schema.optionalWith(Schema.Number, { exact: true })
  }
) {
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
    const what = this.refusedDeletions === undefined
      ? `${failed.length} of ${this.entries.length} entries failed${shown}${more}`
      : whyRefused(this.refusedDeletions, this.maxDelete)
    return printable(`${this.from} to ${this.to} with ${this.host}: ${what}`)
  }
}
