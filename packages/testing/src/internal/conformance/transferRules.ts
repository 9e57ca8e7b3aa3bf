/**
 * Attributes that a transfer keeps or copies, and sources that change.
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
