import type { Sshd } from "@effect-remote/testing"
import { Duration, Effect, type Scope } from "effect"
import { BenchError, command, type Connection, type Contender } from "../contender.js"

/** Something to do that is measured. */
export interface Work<R = never> {
  readonly name: string
  readonly unit: string
  readonly better: "lower" | "higher"
  /** The goal for ours. */
  readonly goal?: string
  /** The part of a connection that a contender must have. Default: the work item is for ours alone. */
  readonly needs?: keyof Connection
  /** Gets ready. The effect in it does the work once and succeeds with the figure. */
  readonly prepare: (
    contender: Contender,
    sshd: Sshd.Sshd
  ) => Effect.Effect<Effect.Effect<number, BenchError>, BenchError, Scope.Scope | R>
}

export const milliseconds = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<number, E, R> =>
  Effect.map(Effect.timed(effect), ([duration]) => Duration.toMillis(duration))

/** Runs the command and looks at what it printed. */
export const runChecked = ({ run }: Pick<Connection, "run">): Effect.Effect<void, BenchError> =>
  Effect.flatMap(run, (output) =>
    output === command.output
      ? Effect.void
      : new BenchError({ message: `${command.line} printed ${JSON.stringify(output)}` }))
