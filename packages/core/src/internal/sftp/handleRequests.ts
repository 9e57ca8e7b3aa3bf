/**
 * Sends requests for one open file.
 */
import * as Effect from "effect/Effect"
import type * as Sftp from "../../protocol/Sftp.js"
import type { Fx } from "../lib/fx.js"
import * as answers from "./answers.js"
import type { CallContext } from "./callContext.js"
import type { Answer, Client } from "./client.js"
import * as errors from "./errors.js"
import * as found from "./found.js"

/** @internal */
export interface FileHandle {
  readonly client: Client
  readonly handle: Uint8Array
  readonly call: CallContext
  /** The size when it was opened, 0 if unknown. Another process may have changed it since, and it is 0 in `/proc`. */
  readonly likelySize: bigint
  /** Whether answers may take very long, like those of a pipe or a device. */
  readonly mayBlock: boolean
  isClosed: boolean
}

/**
 * A request in flight.
 *
 * @internal
 */
export interface Sent {
  readonly bytes: number
  /** When it was sent, in milliseconds. */
  readonly at: number
  readonly answer: Answer
}

/**
 * The call that a step belongs to. A file that the caller opened has steps of its own, as the platform's `File`.
 *
 * @internal
 */
export const callOf = ({ call }: FileHandle, step: string): CallContext => ({
  ...call,
  method: call.method === "open" ? step : call.method,
  step
})

// Servers reuse the number of a closed handle for the next file.
const whileOpen = <A>(file: FileHandle, method: string, effect: Fx<A>): Fx<A> =>
  Effect.suspend(() =>
    file.isClosed
      ? Effect.fail(
        errors.system(callOf(file, method), "BadResource", undefined, "the file is closed: its scope has ended")
      )
      : effect
  )

/** @internal */
export const request = (file: FileHandle, method: string, request: Sftp.Request): Fx<Sftp.Response> =>
  whileOpen(
    file,
    method,
    Effect.mapError(
      file.mayBlock
        ? Effect.flatMap(file.client.send(request, true), ({ wait }) => wait)
        : file.client.request(request),
      errors.connection(callOf(file, method))
    )
  )

/**
 * Sends a request and does not wait for the answer.
 *
 * @internal
 */
export const send = (file: FileHandle, method: string, request: Sftp.Request, bytes = 0): Fx<Sent> =>
  whileOpen(
    file,
    method,
    Effect.clockWith((clock) =>
      Effect.mapBoth(file.client.send(request, file.mayBlock), {
        onFailure: errors.connection(callOf(file, method)),
        onSuccess: (answer) => ({ bytes, at: clock.unsafeCurrentTimeMillis(), answer })
      })
    )
  )

/**
 * Waits for the answer. `waited` gets the times of the request and of the answer, unless the answer had already arrived.
 *
 * @internal
 */
export const answerTo = (
  file: FileHandle,
  method: string,
  { answer, at }: Sent,
  waited?: (sentAt: number, answeredAt: number) => void
): Fx<Sftp.Response> => {
  const response = Effect.mapError(answer.wait, errors.connection(callOf(file, method)))
  return answer.hasCome() || waited === undefined
    ? response
    : Effect.clockWith((clock) =>
      Effect.map(response, (answer) => {
        waited(at, clock.unsafeCurrentTimeMillis())
        return answer
      })
    )
}

/**
 * Sends a request that is answered with a status. Returns an effect that waits for the status.
 *
 * @internal
 */
export const sendStatus = (file: FileHandle, method: string, request: Sftp.Request): Fx<Fx<void>> =>
  Effect.map(send(file, method, request), (sent) =>
    Effect.flatMap(
      answerTo(file, method, sent),
      (answer) => answers.expectOk(file.client, callOf(file, method), "write", answer)
    ))

/** @internal */
export const requestStatus = (file: FileHandle, method: string, packet: Sftp.Request): Fx<void> =>
  Effect.flatMap(
    request(file, method, packet),
    (answer) => answers.expectOk(file.client, callOf(file, method), "write", answer)
  )

/** @internal */
export const attributesOf = (file: FileHandle, answer: Sftp.Response): Fx<found.Found> =>
  Effect.map(answers.expectAttributes(file.client, callOf(file, "stat"), answer), found.ofHandle)
