/**
 * The common part of the steps that copy one file: the two endpoints, the options, and checks of the copy.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { LocalHash } from "../../../LocalHash.js"
import { Outcome } from "../../../Transfer.js"
import * as errors from "../../sftp/errors.js"
import * as content from "../content.js"
import type { FileInfo, Fx, Identity, Written } from "../endpoint.js"
import type { TransferJob } from "../job.js"
import type { ProgressCounter } from "../progress.js"

/** @internal */
export interface Copier extends Pick<TransferJob, "from" | "hash" | "method" | "options" | "to"> {
  /** Whether files are synced to the disk before the rename. */
  readonly sync: boolean
  readonly counter: ProgressCounter
  /** The hash for the option `verify`. */
  readonly verifier: Option.Option<LocalHash>
  /** Bounds the files that are copied piece by piece at the same time. */
  readonly streams: Effect.Semaphore
}

/** @internal */
export interface File {
  readonly source: string
  readonly target: string
  readonly seen: FileInfo
  /** The entry at the target. */
  readonly existing: FileInfo | undefined
  /** Whether any user can have made the entry at the target (see `sharedDirectory.isSuspect`). */
  readonly isSuspect: boolean
  /** The names of partial files in the target's directory. */
  readonly partials: ReadonlyArray<string>
}

/** @internal */
export interface Copied {
  readonly outcome: Outcome
  readonly bytes: bigint
  /** Identity of the written file. */
  readonly id?: Identity | undefined
}

// Each may have some MiB in flight.
const streamsAtOnce = 4

/** @internal */
export const make = (
  { from, hash, method, options, to }: TransferJob,
  counter: ProgressCounter,
  sync: boolean
): Copier => ({
  from,
  hash,
  method,
  options,
  sync,
  to,
  counter,
  verifier: options.verify === "digest" ? hash : Option.none(),
  streams: Effect.unsafeMakeSemaphore(streamsAtOnce)
})

/** @internal */
export const isSame = (one: FileInfo, other: FileInfo): boolean =>
  one.type === other.type && one.size === other.size && one.mtime === other.mtime

const differ = (one: number | undefined, other: number | undefined): boolean =>
  one !== undefined && other !== undefined && one !== other

/**
 * Opening follows a link. Another user may have replaced a file with a link, so that this user copies another file.
 *
 * @internal
 */
export const hasOtherOwner = (one: FileInfo, other: FileInfo): boolean =>
  differ(one.uid, other.uid) || differ(one.gid, other.gid)

const failed = ({ method }: Copier, path: string, description: string): Effect.Effect<never, PlatformError> =>
  Effect.fail(errors.system({ method, path }, "InvalidData", undefined, description))

/** @internal */
export const changed = (self: Copier, path: string): Effect.Effect<never, PlatformError> =>
  failed(self, path, "it changed while it was copied")

/** @internal */
export const checkSize = (self: Copier, path: string, expected: bigint, found: bigint | undefined): Fx<void> =>
  // Some servers report no sizes.
  found === undefined || found === expected ? Effect.void : failed(self, path, `${found} bytes of ${expected} arrived`)

/** @internal */
export const copied = (
  { existing }: Pick<File, "existing">,
  resumedAt: bigint,
  { lacksMode = false }: Pick<Written, "lacksMode"> = {}
): Outcome =>
  Outcome.Copied({ resumedAt, ...(existing !== undefined && { replaced: true }), ...(lacksMode && { unset: "mode" }) })

/**
 * Fails if the file at `written`, which is to become `target`, has another digest.
 *
 * @internal
 */
export const checkDigest = (
  self: Copier,
  target: string,
  expected: string,
  written: string,
  hash: LocalHash
): Fx<void> =>
  Effect.flatMap(
    content.digest(self.to, written, undefined, hash),
    (found) =>
      found === expected ? Effect.void : failed(self, target, `its digest is ${found}, and the source's ${expected}`)
  )
