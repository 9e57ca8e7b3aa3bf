/**
 * The shared state of the steps of one transfer of a tree.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import type { Source } from "../../../Transfer.js"
import * as quota from "../../files/quota.js"
import * as errors from "../../sftp/errors.js"
import { longestListing } from "../../sftp/listDirectory.js"
import * as dryEndpoint from "../dryEndpoint.js"
import type { DirectoryEntry, FileInfo, Fx } from "../endpoint.js"
import * as copier from "../file/copier.js"
import type { TransferJob } from "../job.js"
import * as pool from "../pool.js"
import type { ProgressCounter } from "../progress.js"
import * as report from "../report.js"

/** @internal */
export interface Directory {
  /** Relative to the source of the transfer, which is `""`. */
  readonly path: string
  readonly source: string
  readonly target: string
  readonly seen: FileInfo
  /** The entry at the target. */
  readonly existing: FileInfo | undefined
  readonly above: Way | undefined
}

/**
 * The real paths of the directories above an entry, if links are followed.
 *
 * @internal
 */
export interface Way {
  readonly real: string
  readonly above: Way | undefined
}

/**
 * A directory whose mode and times are set after everything below it.
 *
 * @internal
 */
export interface PendingDirectory {
  readonly directory: Directory
  /** The target's directory before the transfer. Undefined if it is new. */
  readonly existing: FileInfo | undefined
  /** Whether its owner got access until the end of the transfer. */
  readonly isOpened: boolean
}

/**
 * An entry of the target that the source lacks.
 *
 * @internal
 */
export interface Extraneous {
  readonly path: string
  readonly target: string
  readonly name: string
  readonly seen: FileInfo | undefined
}

/** @internal */
export interface ExtraneousEntries {
  readonly directory: Directory
  /** Whether the source's directory has no entries. */
  readonly isSourceEmpty: boolean
  readonly entries: ReadonlyArray<Extraneous>
}

/** @internal */
export interface Tree {
  readonly job: TransferJob
  readonly counter: ProgressCounter
  readonly recorder: report.Recorder
  readonly pool: pool.Pool
  readonly copier: copier.Copier
  /** The names of the source that are held. */
  readonly sources: quota.Quota<quota.Place, DirectoryEntry>
  readonly targets: quota.Quota<quota.Place, DirectoryEntry>
  readonly pending: Array<PendingDirectory>
  readonly extraneous: Array<ExtraneousEntries>
  /** Directories of the target that were opened to their owner, with their permissions before. */
  readonly opened: Map<Directory, number>
}

/** @internal */
export const ownerMay = 0o700

/** @internal */
export const make = (job: TransferJob, counter: ProgressCounter): Effect.Effect<Tree> => {
  const { from, method, options: { limit = longestListing, stopOnFailure = false }, to } = job
  return Effect.map(report.makeRecorder(stopOnFailure), (recorder) => ({
    job,
    counter,
    recorder,
    pool: pool.make(counter.counted),
    // Syncing each of many small files would take most of the transfer's time.
    copier: copier.make(job, counter, false),
    sources: quota.make(method, ({ path }: quota.Place, admit) => from.list(path, admit), limit),
    targets: quota.make(method, ({ path }: quota.Place, admit) => to.list(path, admit), limit),
    pending: [],
    extraneous: [],
    opened: new Map()
  }))
}

/**
 * The same tree with a report of its own, on a target that changes nothing.
 *
 * @internal
 */
export const rehearsal = (self: Tree): Effect.Effect<Tree> => {
  const job = { ...self.job, to: dryEndpoint.make(self.job.to) }
  return Effect.map(make(job, self.counter), ({ recorder, targets }) => ({ ...self, job, recorder, targets }))
}

/** @internal */
export const sourceOf = (path: string, { size, type }: FileInfo): Source => ({ path, type, size })

/** @internal */
export const isClosed = ({ permissions }: FileInfo): boolean =>
  permissions !== undefined && (permissions & ownerMay) !== ownerMay

/** @internal */
export const wrong = (
  { job: { method } }: Tree,
  path: string,
  description: string
): Effect.Effect<never, PlatformError> =>
  Effect.fail(errors.system({ method, path }, "BadResource", undefined, description))

/**
 * The entry of the target with a listed name, if it still exists.
 *
 * @internal
 */
export const lookAt = (
  { job: { to } }: Tree,
  path: string,
  listed: DirectoryEntry | undefined
): Fx<FileInfo | undefined> => {
  if (listed === undefined) return Effect.succeed(undefined)
  if (listed.seen !== undefined) return Effect.succeed(listed.seen)
  return Effect.catchIf(to.look(path), errors.isNotFound, () => Effect.succeed(undefined))
}

const depthOf = ({ path }: Directory): number => path === "" ? 0 : path.split("/").length

/**
 * Does the work for all directories of one depth at once, the deepest ones first.
 *
 * @internal
 */
export const deepestFirst = <A, E>(
  all: Iterable<A>,
  directoryOf: (one: A) => Directory,
  work: (one: A) => Effect.Effect<void, E>,
  concurrency: number
): Effect.Effect<void, E> =>
  Effect.suspend(() => {
    const byDepth = new Map<number, Array<A>>()
    for (const one of all) {
      const depth = depthOf(directoryOf(one))
      const level = byDepth.get(depth)
      if (level === undefined) byDepth.set(depth, [one])
      else level.push(one)
    }
    return Effect.forEach(
      Array.from(byDepth).sort(([one], [other]) => other - one),
      ([, level]) => Effect.forEach(level, work, { concurrency, discard: true }),
      { discard: true }
    )
  })
