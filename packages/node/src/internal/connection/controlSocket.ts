/**
 * A connection to a master's control socket.
 */
import * as Wire from "@effect-remote/core/protocol/Wire"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import * as duplex from "../duplex.js"
import * as control from "./control.js"

/** @internal */
export interface ControlSocket {
  readonly socket: Net.Socket
  /** One request and its answer. */
  readonly ask: (request: control.Request) => Effect.Effect<control.Answer, ControlError>
}

/** @internal */
export class ControlError extends Data.TaggedError("ControlError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

const connect = (path: string): Effect.Effect<Net.Socket, ControlError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Net.Socket, ControlError>((resume) => {
      const socket = Net.connect({ path, allowHalfOpen: true })
      socket.on("error", (cause) => resume(Effect.fail(new ControlError({ message: cause.message, cause }))))
      socket.on("connect", () => resume(Effect.succeed(socket)))
      return Effect.sync(() => socket.destroy())
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

/**
 * Connects, and exchanges hellos.
 *
 * @internal
 */
export const make = Effect.fnUntraced(function*(path: string) {
  const socket = yield* connect(path)
  const { write } = duplex.writer(socket)
  const split = Wire.splitter(control.longestAnswer)
  const packets: Array<ReturnType<typeof split>[number]> = []
  let id = 0

  // Read by hand, so that nothing behind the answer is taken from whoever has the socket then.
  const readSome = Effect.async<Uint8Array, ControlError>((resume) => {
    const attempt = () => {
      const bytes: Uint8Array | null = socket.read()
      if (bytes !== null) finish(Effect.succeed(bytes))
      else if (socket.destroyed || socket.readableEnded) {
        finish(Effect.fail(new ControlError({ message: "the master hung up" })))
      }
    }
    const finish = (result: Effect.Effect<Uint8Array, ControlError>) => {
      for (const event of events) socket.off(event, attempt)
      resume(result)
    }
    const events = ["readable", "end", "close"] as const
    for (const event of events) socket.on(event, attempt)
    attempt()
    return Effect.sync(() => {
      for (const event of events) socket.off(event, attempt)
    })
  })

  const answer: Effect.Effect<control.Answer, ControlError> = Effect.suspend(() => {
    const packet = packets.shift()
    if (packet === undefined) {
      return Effect.flatMap(readSome, (bytes) => {
        for (const packet of split(bytes)) packets.push(packet)
        return answer
      })
    }
    return Effect.flatMap(packet, control.decode).pipe(
      Effect.mapError(({ message }) => new ControlError({ message: `the master answered nonsense: ${message}` }))
    )
  })

  const send = (bytes: Uint8Array) =>
    Effect.filterOrFail(write(bytes), (more) => more, () => new ControlError({ message: "the master hung up" }))

  yield* send(control.hello())
  const hello = yield* answer
  if (hello._tag !== "Hello") return yield* new ControlError({ message: "the master said no hello" })

  const made: ControlSocket = {
    socket,
    ask: (request) => Effect.zipRight(Effect.suspend(() => send(control.encode(id++, request))), answer)
  }
  return made
})
