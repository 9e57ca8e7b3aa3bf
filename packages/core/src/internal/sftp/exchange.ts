/**
 * Pipelined requests about one file, from its opening to its close, without an effect for each request. In a tree of small
 * files, those effects would take most of the time.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Sftp from "../../protocol/Sftp.js"
import type { RemoteConnectionError } from "../../RemoteError.js"
import type { Fx } from "../lib/fx.js"
import * as answers from "./answers.js"
import type { CallContext } from "./callContext.js"
import type { Client } from "./client.js"
import type { Undo } from "./conversation.js"
import * as errors from "./errors.js"
import type * as explain from "./explain.js"
import type { WithClient } from "./withClient.js"

/** @internal */
export interface Exchange<A> {
  readonly client: Client
  readonly handle: Uint8Array
  /** Sends a request. `then` receives the answer, unless the exchange has ended. */
  readonly ask: (request: Sftp.Request, then: (answer: Sftp.Response) => void) => void
  readonly close: (then: (answer: Sftp.Response) => void) => void
  /** Ends the exchange with a failure unless the answer is "OK". */
  readonly isOk: (answer: Sftp.Response, intent: explain.Intent) => boolean
  readonly end: (result: Fx<A>) => void
}

/** @internal */
export interface Opening {
  readonly call: CallContext
  readonly intent: explain.Intent
  readonly request: Extract<Sftp.Request, { readonly _tag: "Open" }>
  readonly undo?: Undo | undefined
}

// Returns a function that abandons the requests in flight.
const start = <A>(
  client: Client,
  { call, intent, request, undo }: Opening,
  use: (exchange: Exchange<A>) => void,
  resume: (result: Fx<A>) => void
): () => void => {
  let isEnded = false
  let open: Uint8Array | undefined
  const inFlight: Array<() => void> = []
  const leave = () => {
    isEnded = true
    if (open !== undefined) client.close(open)
    open = undefined
  }
  const end = (result: Fx<A>) => {
    if (isEnded) return
    leave()
    resume(result)
  }
  const lost = (cause: Cause.Cause<RemoteConnectionError>) =>
    end(Effect.failCause(Cause.map(cause, errors.connection(call))))
  const ask: Exchange<A>["ask"] = (request, then) =>
    void inFlight.push(client.post(request, (answer) => {
      if (isEnded) return
      if (Exit.isSuccess(answer)) then(answer.value)
      else lost(answer.cause)
    }))
  const isOk: Exchange<A>["isOk"] = (answer, intent) => {
    if (answers.isOk(answer)) return true
    end(answers.refused(client, call, intent, answer))
    return false
  }
  inFlight.push(client.post(request, (answer) => {
    if (Exit.isFailure(answer)) return lost(answer.cause)
    if (answer.value._tag !== "Handle") return end(answers.refused(client, call, intent, answer.value))
    const { handle } = answer.value
    open = handle
    const close: Exchange<A>["close"] = (then) => {
      open = undefined
      ask(Sftp.Request.Close({ handle }), then)
    }
    use({ client, handle, ask, close, isOk, end })
  }, undo))
  return () => {
    for (const abandon of inFlight) abandon()
    leave()
  }
}

/**
 * Opens a file and runs `use`, which sends requests until one of its callbacks ends the exchange. The file is closed in any
 * case.
 *
 * @internal
 */
export const pipelined = <A>(
  withClient: WithClient,
  opening: Opening,
  use: (exchange: Exchange<A>) => void
): Fx<A> =>
  withClient(opening.call, (client) =>
    Effect.mapError(
      client.begin(
        "Open",
        Effect.async<A, PlatformError>((resume) => {
          const abandon = start(client, opening, use, resume)
          return Effect.sync(abandon)
        })
      ),
      (error) => error._tag === "RemoteConnectionError" ? errors.connection(opening.call)(error) : error
    ))
