/**
 * Walks, digests, watches, and the hidden files of writes.
 */
import { cases } from "./cases.js"
import * as digests from "./walking/digests.js"
import * as hiddenFiles from "./walking/hiddenFiles.js"
import * as walks from "./walking/walks.js"
import * as watches from "./walking/watches.js"

/** @internal */
export const walking = cases(
  "walking",
  walks.order,
  walks.links,
  walks.unreadable,
  walks.endings,
  digests.digests,
  digests.fileNames,
  watches.changes,
  watches.lostConnections,
  hiddenFiles.underWay,
  hiddenFiles.swept
)
