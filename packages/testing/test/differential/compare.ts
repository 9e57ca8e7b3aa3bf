/**
 * Compares the results of a program on both hosts, and reduces a program to the steps needed for a difference.
 */
import { Effect } from "effect"
import { interpret, type Results } from "./interpret.js"
import type { Program, Step } from "./program.js"
import type { Comparison, Defect } from "./sides.js"

/** The first difference. */
export interface Difference {
  /** The step that differs, or the tree after the last step. */
  readonly at: number | "tree"
  readonly real: string
  readonly double: string
}

const firstOf = (real: ReadonlyArray<string>, double: ReadonlyArray<string>): number => {
  const length = Math.max(real.length, double.length)
  for (let at = 0; at < length; at++) if (real[at] !== double[at]) return at
  return -1
}

const difference = (real: Results, double: Results): Difference | undefined => {
  const at = firstOf(real.outcomes, double.outcomes)
  if (at >= 0) return { at, real: real.outcomes[at]!, double: double.outcomes[at]! }
  const line = firstOf(real.tree, double.tree)
  return line < 0
    ? undefined
    : { at: "tree", real: real.tree[line] ?? "nothing", double: double.tree[line] ?? "nothing" }
}

/** The first difference that a program shows, if any. */
export const compare = (
  sides: Comparison,
  steps: Program["steps"],
  defect?: Defect
): Effect.Effect<Difference | undefined> =>
  Effect.map(
    sides.both((side) => interpret(side, steps), defect),
    ([real, double]) => difference(real, double)
  )

/** The limit of runs for reducing a program. */
const attempts = 40

/** Leaves out steps as long as something differs. */
export const shrink = (
  sides: Comparison,
  program: Program,
  found: Difference,
  most: number,
  defect?: Defect
): Effect.Effect<{ readonly steps: Program["steps"]; readonly difference: Difference }> =>
  Effect.gen(function*() {
    // Steps after the difference do not affect it.
    let steps: ReadonlyArray<Step> = found.at === "tree" ? program.steps : program.steps.slice(0, found.at + 1)
    let difference = found
    let runs = 0
    for (let size = Math.ceil(steps.length / 2); size >= 1;) {
      let isShorter = false
      for (let from = steps.length - size; from > -size && runs < most; from -= size) {
        const fewer = [...steps.slice(0, Math.max(0, from)), ...steps.slice(from + size)]
        runs++
        const left = yield* compare(sides, fewer, defect)
        if (left === undefined) continue
        steps = left.at === "tree" ? fewer : fewer.slice(0, left.at + 1)
        difference = left
        isShorter = true
        from = Math.min(from, steps.length)
      }
      if (size === 1 && !isShorter || runs >= most) break
      size = isShorter && size === 1 ? 1 : Math.floor(size / 2) || 1
    }
    return { steps, difference }
  })

/** The variable that has one program run again, by its seed and its length: `4711:100`. */
export const seedVariable = "EFFECT_REMOTE_DIFFERENTIAL"

const shown = (steps: ReadonlyArray<Step>, { at, double, real }: Difference): string =>
  [
    at === "tree" ? "the trees in the end" : `step ${at}: ${JSON.stringify(steps[at])}`,
    `  sshd:         ${real}`,
    `  InMemoryHost: ${double}`
  ].join("\n")

/** Runs a program on both hosts. Succeeds with a report of the difference, if any. */
export const report = (
  sides: Comparison,
  program: Program,
  { defect, most = attempts }: { readonly defect?: Defect; readonly most?: number } = {}
): Effect.Effect<string | undefined> =>
  Effect.gen(function*() {
    const found = yield* compare(sides, program.steps, defect)
    if (found === undefined) return undefined
    const small = yield* shrink(sides, program, found, most, defect)
    return [
      `program of seed ${program.seed} (again: ${seedVariable}=${program.seed}:${program.steps.length})`,
      shown(program.steps, found),
      `which ${small.steps.length} of its ${program.steps.length} steps show, too:`,
      ...small.steps.map((step) => `  ${JSON.stringify(step)},`),
      shown(small.steps, small.difference)
    ].join("\n")
  })
