/**
 * The default schedule for reconnecting after a loss.
 */
import { isTransient, type RemoteConnectionError } from "@effect-remote/core/RemoteError"
import * as Schedule from "effect/Schedule"

const isBusy = ({ reason }: RemoteConnectionError): boolean => reason === "ServerBusy"

const brief = Schedule.exponential("200 millis").pipe(
  Schedule.jittered,
  Schedule.intersect(Schedule.recurs(4)),
  Schedule.whileInput((error: RemoteConnectionError) => isTransient(error) && !isBusy(error))
)

// A penalty of sshd lasts 15 seconds at least. A refused attempt does not prolong it.
const patient = Schedule.exponential("1 second").pipe(
  Schedule.union(Schedule.spaced("10 seconds")),
  Schedule.jittered,
  Schedule.upTo("1 minute"),
  Schedule.whileInput(isBusy)
)

/**
 * Four more attempts within some three seconds. If the server is busy, attempts for a minute. None if it refuses.
 *
 * @internal
 */
export const reconnects: Schedule.Schedule<unknown, RemoteConnectionError> = Schedule.union(brief, patient)
