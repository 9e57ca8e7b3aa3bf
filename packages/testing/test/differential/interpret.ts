/**
 * Runs a program on a host. Results are the outcome of each step and the final tree.
 */
import { Effect } from "effect"
import * as commands from "./commands.js"
import * as files from "./files.js"
import * as losses from "./losses.js"
import * as outcome from "./outcome.js"
import { type Program, Step } from "./program.js"
import type { Side } from "./side.js"
import * as transfers from "./transfers.js"

export interface Results {
  /** Of each step. */
  readonly outcomes: ReadonlyArray<string>
  readonly tree: ReadonlyArray<string>
}

// Steps are short, so a step that exceeds this is reported as hanging.
const patience = "20 seconds"

/** Runs the steps one after the other, even after failures. */
export const interpret = (side: Side, steps: Program["steps"]): Effect.Effect<Results> => {
  const make = Step.$match({
    ...files.handlers(side),
    ...commands.handlers(side),
    ...transfers.handlers(side),
    ...losses.handlers(side)
  })
  return Effect.all({
    outcomes: Effect.forEach(steps, (step) =>
      make(step).pipe(
        Effect.disconnect,
        Effect.timeoutFail({ duration: patience, onTimeout: () => "it does not end" }),
        Effect.exit,
        Effect.map((exit) => outcome.show(side, exit))
      )),
    tree: side.tree
  })
}
