/**
 * The transfer of a single file.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Outcome, type Result, type Source, type TransferError } from "../../Transfer.js"
import * as sharedDirectory from "../files/sharedDirectory.js"
import * as posixPath from "../lib/posixPath.js"
import * as errors from "../sftp/errors.js"
import type { FileInfo } from "./endpoint.js"
import * as copier from "./file/copier.js"
import { copyFile } from "./file/copyFile.js"
import { prepare, type TransferJob } from "./job.js"
import * as names from "./names.js"
import type { ProgressCounter } from "./progress.js"
import * as report from "./report.js"

/** @internal */
export const run = (
  job: TransferJob,
  seen: FileInfo,
  counter: ProgressCounter
): Effect.Effect<Result, PlatformError | TransferError> =>
  Effect.gen(function*() {
    const { method, options, source, target, to } = job
    counter.found(seen.size)
    counter.counted()
    const entry: Source = { path: "", type: seen.type, size: seen.size }
    const why = options.filter?.(entry)
    if (why !== undefined) {
      return { entries: [{ ...entry, outcome: Outcome.Skipped({ reason: why }) }], files: 0, bytes: 0n }
    }
    // Both at once: a round trip may take long.
    const [[path, existing], above] = yield* Effect.all(
      [to.locate(target), Effect.option(to.follow(posixPath.parent(target)))],
      { concurrency: 2 }
    )
    if (target.endsWith("/") || existing !== undefined && existing.type !== "File") {
      const kind = existing?.kind ?? "the name of a directory"
      const hint = existing === undefined || existing.type === "Directory"
        ? `: to copy the file into it, use ${JSON.stringify(posixPath.join(target, posixPath.base(source)))}`
        : ""
      return yield* Effect.fail(
        errors.system({ method, path: target }, "BadResource", undefined, `it is ${kind}, and the source a file${hint}`)
      )
    }
    const directory = posixPath.parent(path)
    if (existing === undefined && (path !== target || Option.isNone(above))) {
      yield* prepare(job, directory)
    }
    const around = existing === undefined || path === target ? above : yield* Effect.option(to.follow(directory))
    const listed = options.resume === true && options.dryRun !== true ? yield* to.list(directory) : []
    const recorder = yield* report.makeRecorder(false)
    yield* recorder.attempt(
      entry,
      copyFile(copier.make(job, counter, true), {
        source,
        target: path,
        seen,
        existing,
        isSuspect: sharedDirectory.isSuspect(Option.getOrUndefined(around), existing),
        partials: listed.flatMap(({ name }) => names.isPartial(name) ? [name] : [])
      })
    )
    counter.settled()
    return yield* report.finish(job, recorder.current(), recorder.entries)
  })
