/**
 * The report of a transfer: counts, and whether more work may begin. `add` is a pure step, `Recorder` keeps the current report.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { findConnectionError } from "../../RemoteError.js"
import { type Entry, Outcome, type Result, type Source, TransferError } from "../../Transfer.js"
import * as finalizer from "../lib/finalizer.js"
import * as errors from "../sftp/errors.js"
import type { Fx } from "./endpoint.js"
import type { TransferJob } from "./job.js"

/** @internal */
export interface Report {
  /** Files that were copied. */
  readonly files: number
  readonly bytes: bigint
  readonly failures: number
  /** Whether a failure has stopped the transfer. */
  readonly isStopped: boolean
  /** The first failure that a lost connection caused. */
  readonly lost: PlatformError | undefined
  /** The number of entries that `delete` would have removed, if they are too many. */
  readonly refusedDeletions: number | undefined
}

/** @internal */
export const empty: Report = {
  files: 0,
  bytes: 0n,
  failures: 0,
  isStopped: false,
  lost: undefined,
  refusedDeletions: undefined
}

/**
 * An entry that is done.
 *
 * @internal
 */
export interface Done {
  readonly outcome: Outcome
  /** Bytes sent for it. */
  readonly bytes: bigint
}

/**
 * Adds an entry to the report.
 *
 * @internal
 */
export const add = (report: Report, { bytes, outcome }: Done, stopOnFailure: boolean): Report => {
  const files = report.files + (outcome._tag === "Copied" ? 1 : 0)
  const counted = { ...report, files, bytes: report.bytes + bytes }
  if (outcome._tag !== "Failed") return counted
  const isLost = Option.isSome(findConnectionError(outcome.error))
  return {
    ...counted,
    failures: report.failures + 1,
    isStopped: report.isStopped || stopOnFailure,
    lost: report.lost ?? (isLost ? outcome.error : undefined)
  }
}

/** @internal */
export const leftOver = Outcome.Skipped({ reason: "another entry failed before" })

/**
 * The outcome of an entry that must not begin any more. After a lost connection, each further entry would connect again.
 *
 * @internal
 */
export const refusal = ({ isStopped, lost }: Report, path: string): Outcome | undefined =>
  isStopped ? leftOver : lost === undefined ? undefined : Outcome.Failed({ error: errors.at(path)(lost) })

const namedBy = (method: string) => (entry: Entry): Entry =>
  entry.outcome._tag === "Failed"
    ? { ...entry, outcome: Outcome.Failed({ error: errors.by(method)(entry.outcome.error) }) }
    : entry

/**
 * The result of a transfer, sorted by path. Fails with a `TransferError` if an entry failed or deletions were refused.
 *
 * @internal
 */
export const finish = (
  { host, method, options: { maxDelete }, source, target }: Pick<
    TransferJob,
    "host" | "method" | "options" | "source" | "target"
  >,
  { bytes, files, refusedDeletions }: Report,
  entries: Array<Entry>
): Effect.Effect<Result, TransferError> => {
  entries.sort((one, other) => one.path < other.path ? -1 : one.path > other.path ? 1 : 0)
  const refused = refusedDeletions === undefined
    ? {}
    : { refusedDeletions, ...(maxDelete !== undefined && { maxDelete }) }
  return refusedDeletions !== undefined || entries.some(({ outcome }) => outcome._tag === "Failed")
    ? Effect.fail(
      new TransferError({
        entries: entries.map(namedBy(method)),
        files,
        bytes,
        from: source,
        to: target,
        host,
        ...refused
      }, true)
    )
    : Effect.succeed({ entries, files, bytes })
}

/** @internal */
export interface Recorder {
  readonly current: () => Report
  readonly entries: Array<Entry>
  readonly note: (source: Source, outcome: Outcome, bytes?: bigint) => void
  readonly fail: (source: Source, error: PlatformError) => void
  /** Records that `delete` would remove too many entries. */
  readonly refuseDeletions: (count: number) => void
  /** Does the work for one entry, and records its outcome. */
  readonly attempt: (source: Source, work: Fx<Done>) => Effect.Effect<void>
  /** Does work that records its entries itself. Records `source` only if the work fails or must not begin. */
  readonly through: (source: Source, work: Fx<void>) => Effect.Effect<void>
}

/** @internal */
export const makeRecorder = (stopOnFailure: boolean): Effect.Effect<Recorder> =>
  Effect.map(Deferred.make<void>(), (stopped) => {
    let report = empty
    const entries: Array<Entry> = []

    const note = (source: Source, outcome: Outcome, bytes = 0n): void => {
      entries.push({ ...source, outcome })
      report = add(report, { outcome, bytes }, stopOnFailure)
      if (report.isStopped) Deferred.unsafeDone(stopped, Effect.void)
    }
    const fail = (source: Source, error: PlatformError): void => note(source, Outcome.Failed({ error }))

    const unlessRefused = (source: Source, work: Effect.Effect<void>): Effect.Effect<void> =>
      Effect.suspend(() => {
        const refused = refusal(report, source.path)
        return refused === undefined ? work : Effect.sync(() => note(source, refused))
      })

    // The first failure interrupts work in progress.
    const orStopped = (work: Effect.Effect<Done>): Effect.Effect<Done> =>
      finalizer.apart(Effect.raceFirst(
        Effect.interruptible(work),
        Effect.interruptible(Effect.as(Deferred.await(stopped), { outcome: leftOver, bytes: 0n }))
      ))

    return {
      current: () => report,
      entries,
      note,
      fail,
      refuseDeletions: (count) => {
        report = { ...report, refusedDeletions: count }
      },
      attempt: (source, work) => {
        const tried = Effect.catchAll(
          work,
          (error) => Effect.succeed<Done>({ outcome: Outcome.Failed({ error }), bytes: 0n })
        )
        return unlessRefused(
          source,
          Effect.map(
            stopOnFailure ? orStopped(tried) : tried,
            ({ bytes, outcome }) => note(source, outcome, bytes)
          )
        )
      },
      through: (source, work) =>
        unlessRefused(source, Effect.catchAll(work, (error) => Effect.sync(() => fail(source, error))))
    }
  })
