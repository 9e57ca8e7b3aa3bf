/**
 * Contents of `put` and `get`, failures, options and interruption.
 */
import { cases } from "./cases.js"
import * as contents from "./transfers/contents.js"
import * as failures from "./transfers/failures.js"
import * as inPlace from "./transfers/inPlace.js"
import * as interruption from "./transfers/interruption.js"
import * as options from "./transfers/options.js"
import * as plans from "./transfers/plans.js"

/** @internal */
export const transfers = cases(
  "transfers",
  contents.trees,
  contents.fileNames,
  contents.links,
  contents.specialFiles,
  failures.refusals,
  failures.partialFailures,
  failures.verification,
  options.attributes,
  options.selection,
  options.existing,
  options.hiddenFiles,
  options.deletion,
  options.progress,
  plans.dryRuns,
  plans.deletionBounds,
  inPlace.inPlace,
  interruption.resumption,
  interruption.lostConnections
)
