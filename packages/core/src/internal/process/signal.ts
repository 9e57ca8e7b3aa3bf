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
      detail: "signals need a shell on the host, and its option `shell` is \"none\""
    })
  }
  if (!/^SIG[A-Z0-9]{2,8}$/.test(signal)) {
    return yield* failure.error({
      reason: "InvalidCommand",
      detail: `${JSON.stringify(signal)} is not the name of a signal, such as SIGTERM`
    })
  }
  if (!terminate.leadsGroup(pid)) {
    return yield* failure.error({
      reason: "Unsupported",
      detail: pid === 0
        ? "the command leads no process group on the host, so it cannot be signalled: a ForceCommand wraps it, or `setsid` is missing there"
        : `the host reported process id ${pid}, which is not a process group that can be signalled`
    })
  }
  if (!(yield* Deferred.isDone(tracking.exited))) {
    const { code, output } = yield* Deadline.within(transport.host, `sending ${signal}`)(
      control.run(transport, terminate.signal(pid, signal))
    )
    if (code !== 0) {
      return yield* failure.error({
        reason: "InvalidCommand",
        detail: `the host did not send ${signal}: ${output.trim()}`
      })
    }
  }
  yield* Deferred.await(tracking.exited)
})
