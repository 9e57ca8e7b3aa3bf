import { Effect, Scope } from "effect"
import { milliseconds, runChecked, type Work } from "./work.js"

const connections = 3

/** From nothing to the result of the first command. Closing the connection is not counted. */
export const connectCold: Work = {
  name: "connect-cold",
  unit: "ms",
  better: "lower",
  needs: "run",
  prepare: (contender, sshd) => {
    const once = Effect.acquireUseRelease(
      Scope.make(),
      (scope) => milliseconds(Effect.flatMap(Scope.extend(contender.connect(sshd), scope), runChecked)),
      (scope, exit) => Scope.close(scope, exit)
    )
    const times = Effect.replicateEffect(once, connections)
    return Effect.succeed(Effect.map(times, (times) => times.reduce((sum, time) => sum + time, 0) / connections))
  }
}
