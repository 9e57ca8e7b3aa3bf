/**
 * `RemoteProcess.kill`.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { RunError } from "../../RemoteProcess.js"
import * as Deadline from "../../unstable/Deadline.js"
import * as terminate from "../scripts/terminate.js"
import * as control from "./control.js"
import type { Execution } from "./execution.js"

/**
 * Sends a signal to the process group, and waits for the end of the command.
 *
 * @internal
 */
export const kill = Effect.fnUntraced(function*(
  { failure, host: { transport }, plan, tracking }: Execution,
  pid: number,
  signal: string
): Effect.fn.Return<void, RunError> {
  if (plan.pid !== undefined) {
    return yield* failure.error({
      reason: "Unsupported",
      detail: "on a host with shell \"none\" no process can be signalled"
    })
  }
  if (!/^SIG[A-Z0-9]{2,8}$/.test(signal)) {
    return yield* failure.error({ reason: "InvalidCommand", detail: `${JSON.stringify(signal)} is not a signal` })
  }
  if (!terminate.leadsGroup(pid)) {
    return yield* failure.error({
      reason: "Unsupported",
      detail: `the host reported the process id ${pid}, which no signal can be sent to`
    })
  }
  if (!(yield* Deferred.isDone(tracking.exited))) {
    const { code, output } = yield* Deadline.within(transport.host, `sending ${signal}`)(
      control.run(transport, terminate.signal(pid, signal))
    )
    if (code !== 0) {
      return yield* failure.error({
        reason: "InvalidCommand",
        detail: `the host sent no ${signal}: ${output.trim()}`
      })
    }
  }
  yield* Deferred.await(tracking.exited)
})
