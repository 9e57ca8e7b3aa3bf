/**
 * Records the start and the end of programs: each program of a command, and each scripted program.
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import { HostEvent, Outcome } from "../../HostEvent.js"
import { type Program, ProgramExit } from "../program/program.js"
import { current } from "../program/running.js"
import type { Faults } from "./faults.js"
import type { Journal } from "./journal.js"
import * as runs from "./run.js"

/** @internal */
export interface ProgramRecorder {
  readonly record: (program: Program) => Program
  /** The number of recorded programs that are running. */
  readonly running: () => number
}

const outcomeOf = ProgramExit.$match({
  Code: ({ code }) => Outcome.Exited({ code }),
  Signal: ({ signal }) => Outcome.Signalled({ signal })
})

const killed = (signal: string) => ProgramExit.Signal({ signal })

/** @internal */
export const make = (journal: Journal, faults: Faults): ProgramRecorder => {
  let running = 0
  return {
    record: (program) => (invocation) =>
      Effect.flatMap(FiberRef.get(current), ({ pid }) => {
        const observed = runs.make(invocation, pid)
        const end = (how: Outcome) =>
          Effect.suspend(() => {
            running--
            return observed.end(how)
          })
        running++
        journal.add(HostEvent.Started({ run: observed.run }))
        const signal = faults.killing(invocation.words[0])
        const ending = signal === undefined
          ? Effect.raceFirst(program(invocation), Effect.map(observed.killed, killed))
          : Effect.succeed(killed(signal))
        return Effect.onExit(
          ending,
          (exit) => end(Exit.isSuccess(exit) ? outcomeOf(exit.value) : Outcome.Interrupted())
        )
      }),
    running: () => running
  }
}
