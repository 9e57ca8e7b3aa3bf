/**
 * What became of a transfer: the entries, one by one, and the error of one that did not go well.
 *
 * @since 0.1.0
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Data from "effect/Data"
import { printable } from "./internal/lib/text.js"

/**
 * An entry of the source: its path below what is transferred (`""` for that itself), with `/` between names.
 *
 * @since 0.1.0
 * @category models
 */
export interface Source {
  readonly path: string
  readonly type: "File" | "Directory" | "SymbolicLink" | "Other"
  /** Bytes; 0 for what is no file. */
  readonly size: bigint
}

/**
 * What became of an entry.
 *
 * @since 0.1.0
 * @category models
 */
export type Outcome = Data.TaggedEnum<{
  /** A file is there, so many bytes of it from an earlier transfer that was cut off. */
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
 * Some entries failed. What was done stays done, and `entries` tells it all.
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
