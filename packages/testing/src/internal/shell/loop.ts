/**
 * Loops, and how `break` and `continue` leave them.
 */
import * as Effect from "effect/Effect"
import * as state from "./state.js"

type Shell = state.Shell
type Run = Effect.Effect<number, state.Control>

interface Turn {
  readonly status: number
  /** Whether the loop ends, or the rest of the turn is left out. */
  readonly left: boolean
  readonly next: boolean
}

const looping = (
  shell: Shell,
  run: (turn: (body: Run) => Effect.Effect<Turn, state.Control>) => Run
): Run => {
  shell.loops++
  const turn = (body: Run): Effect.Effect<Turn, state.Control> =>
    Effect.catchTag(
      Effect.map(body, (status): Turn => ({ status, left: false, next: false })),
      "Leave",
      ({ kind, levels }) =>
        levels > 1 && shell.loops > 1
          ? new state.Leave({ kind, levels: levels - 1 })
          : Effect.succeed<Turn>({ status: 0, left: kind === "break", next: kind === "continue" })
    )
  return Effect.ensuring(
    run(turn),
    Effect.sync(() => {
      shell.loops--
    })
  )
}

/** @internal */
export const whileLoop = (
  shell: Shell,
  { until }: { readonly until: boolean },
  condition: () => Run,
  body: () => Run
): Run =>
  looping(shell, (turn) =>
    Effect.gen(function*() {
      let status = 0
      while (true) {
        const met = yield* turn(condition())
        if (met.left) break
        if (met.next) continue
        if ((met.status === 0) === until) break
        const done = yield* turn(body())
        status = done.status
        if (done.left) break
      }
      shell.status = status
      return status
    }))

/** @internal */
export const forLoop = (shell: Shell, name: string, values: ReadonlyArray<string>, body: () => Run): Run =>
  looping(shell, (turn) =>
    Effect.gen(function*() {
      let status = 0
      for (const value of values) {
        yield* state.assign(shell, name, value)
        const done = yield* turn(body())
        status = done.status
        if (done.left) break
      }
      shell.status = status
      return status
    }))
