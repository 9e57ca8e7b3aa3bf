import { Effect } from "effect"
import { milliseconds, runChecked, type Work } from "./work.js"

const commands = { sequential: 40, parallel: 80, atATime: 8 } as const

export const execSequential: Work = {
  name: "exec-sequential",
  unit: "ms/command",
  better: "lower",
  needs: "run",
  prepare: (contender, sshd) =>
    Effect.map(contender.connect(sshd), (connection) =>
      runChecked(connection).pipe(
        Effect.repeatN(commands.sequential - 1),
        milliseconds,
        Effect.map((time) => time / commands.sequential)
      ))
}

export const execParallel: Work = {
  name: "exec-parallel",
  unit: "commands/s",
  better: "higher",
  needs: "run",
  prepare: (contender, sshd) =>
    Effect.map(
      contender.connect(sshd),
      (connection) =>
        Effect.replicateEffect(runChecked(connection), commands.parallel, {
          concurrency: commands.atATime,
          discard: true
        }).pipe(
          milliseconds,
          Effect.map((time) => commands.parallel / (time / 1000))
        )
    )
}
