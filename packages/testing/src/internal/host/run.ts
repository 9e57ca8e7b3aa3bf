/**
 * The record of a program, as a test sees it. The record outlives the program, so it does not reference the program's resources.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import type { Outcome, Run } from "../../HostEvent.js"
import type { Invocation } from "../program/program.js"

/** @internal */
export interface Observed {
  readonly run: Run
  /** Waits for a signal from the test. */
  readonly killed: Effect.Effect<string>
  readonly end: (outcome: Outcome) => Effect.Effect<unknown>
}

/** @internal */
export const make = ({ directory, environment, words }: Invocation, pid: number): Observed => {
  const record = { argv: words, cwd: directory, env: Object.fromEntries(environment), pid }
  const ended = Deferred.unsafeMake<Outcome>(FiberId.none)
  const killed = Deferred.unsafeMake<string>(FiberId.none)
  return observed(record, ended, killed)
}

// A function of its own: closures made together share what any one of them uses, and so would keep the invocation.
const observed = (
  record: Pick<Run, "argv" | "cwd" | "env" | "pid">,
  ended: Deferred.Deferred<Outcome>,
  killed: Deferred.Deferred<string>
): Observed => {
  let outcome: Outcome | undefined
  return {
    run: {
      ...record,
      ended: Deferred.await(ended),
      outcome: Effect.sync(() => outcome),
      kill: (signal = "KILL") => Effect.zipRight(Deferred.succeed(killed, signal), Deferred.await(ended))
    },
    killed: Deferred.await(killed),
    end: (how) =>
      Effect.suspend(() => {
        outcome = how
        return Deferred.succeed(ended, how)
      })
  }
}
