/**
 * The transfer of a tree: it is listed and copied at the same time.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import { Outcome, type Result, type TransferError } from "../../../Transfer.js"
import * as posixPath from "../../lib/posixPath.js"
import type { FileInfo } from "../endpoint.js"
import { prepare, type TransferJob } from "../job.js"
import type { ProgressCounter } from "../progress.js"
import * as report from "../report.js"
import * as finish from "./finish.js"
import * as mirror from "./mirror.js"
import * as tree from "./tree.js"
import * as visit from "./visit.js"

const mostAtOnce = 1024

const copyAll = (
  self: tree.Tree,
  top: tree.Directory,
  realTarget: string,
  concurrency: number
): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { job: { options }, pool, recorder } = self
    pool.widen(visit.visit(self, top, false))
    yield* pool.run(concurrency)
    if (options.delete === true && recorder.current().failures === 0) yield* mirror.removeAll(self, realTarget)
    yield* finish.directories(self, concurrency)
  })

/** @internal */
export const run = (
  job: TransferJob,
  seen: FileInfo,
  counter: ProgressCounter,
  concurrency: number
): Effect.Effect<Result, PlatformError | TransferError> =>
  Effect.gen(function*() {
    const { options, source, target, to } = job
    const atOnce = Math.min(concurrency, mostAtOnce)
    const self = yield* tree.make(job, counter)
    const root = tree.sourceOf("", seen)
    const why = options.filter?.(root)
    if (why !== undefined) {
      return { entries: [{ ...root, outcome: Outcome.Skipped({ reason: why }) }], files: 0, bytes: 0n }
    }
    const [path, existing] = yield* to.locate(target)
    if (existing !== undefined && existing.type !== "Directory") {
      return yield* tree.wrong(self, target, `it is ${existing.kind}, and the source a directory`)
    }
    if (existing === undefined) {
      yield* prepare(job, posixPath.parent(path))
    }
    // Only a target that existed before can have entries to remove.
    const realTarget = existing !== undefined && options.delete === true ? yield* to.realPath(path) : ""
    const top = { path: "", source, target: path, seen, existing, above: undefined }
    yield* Effect.ensuring(copyAll(self, top, realTarget, atOnce), finish.closeAll(self, atOnce))
    return yield* report.finish(job, self.recorder.current(), self.recorder.entries)
  })
