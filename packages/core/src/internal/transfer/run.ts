/**
 * One transfer: checks the arguments, and copies a file or a tree.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Result, TransferError } from "../../Transfer.js"
import * as checkPath from "../sftp/checkPath.js"
import * as errors from "../sftp/errors.js"
import { longestListing } from "../sftp/listDirectory.js"
import * as dryEndpoint from "./dryEndpoint.js"
import { checkCarried, type TransferJob } from "./job.js"
import * as progress from "./progress.js"
import * as singleFile from "./singleFile.js"
import * as treeRun from "./tree/run.js"

const concurrencyByDefault = 64

/** @internal */
export const run = (job: TransferJob): Effect.Effect<Result, PlatformError | TransferError> =>
  Effect.gen(function*() {
    const { from, hash, method, options, source, target, to } = job
    const atSource = { method, path: source }
    const atTarget = { method, path: target }
    yield* checkPath.checkPath(atSource)
    yield* checkPath.checkPath(atTarget)
    const { concurrency = concurrencyByDefault, limit = longestListing, maxDelete = Infinity } = options
    if (!Number.isSafeInteger(limit) || limit < 0) {
      return yield* Effect.fail(
        errors.badArgument(atSource, `\`limit\` must be a non-negative integer, got ${limit}`)
      )
    }
    if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
      return yield* Effect.fail(
        errors.badArgument(atSource, `\`concurrency\` must be a positive integer, got ${concurrency}`)
      )
    }
    if (maxDelete !== Infinity && !(Number.isSafeInteger(maxDelete) && maxDelete >= 0)) {
      return yield* Effect.fail(
        errors.badArgument(atTarget, `\`maxDelete\` must be a non-negative integer or \`Infinity\`, got ${maxDelete}`)
      )
    }
    if (options.verify === "digest" && Option.isNone(hash)) {
      return yield* Effect.fail(
        errors.badArgument(atSource, "digests are computed by LocalMachine, which has no `hash`")
      )
    }
    yield* checkCarried(job, source, from.carriesBytes)
    yield* checkCarried(job, target, to.carriesBytes)
    // A source that is a link is followed.
    const root = yield* from.follow(source)
    if (root.type === "File" && source.endsWith("/") || root.type === "Other" || root.type === "SymbolicLink") {
      return yield* Effect.fail(
        errors.system(atSource, "BadResource", undefined, `it is ${root.kind}, neither a file nor a directory`)
      )
    }
    const running = options.dryRun === true ? { ...job, to: dryEndpoint.make(to) } : job
    return yield* progress.told(
      options.onProgress,
      (counter) =>
        root.type === "File" ? singleFile.run(running, root, counter) : treeRun.run(running, root, counter, concurrency)
    )
  })
