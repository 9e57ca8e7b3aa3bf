/**
 * What a transfer takes over from its source, what it leaves alone, and what becomes of a source that changes.
 */
import { cases } from "./cases.js"
import * as attributes from "./transferRules/attributes.js"
import * as changes from "./transferRules/changes.js"

/** @internal */
export const transferRules = cases(
  "transfer rules",
  attributes.ownership,
  attributes.directories,
  attributes.underWay,
  changes.quick,
  changes.content,
  changes.replaced
)
