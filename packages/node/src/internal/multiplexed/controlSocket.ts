/**
 * A connection to a master's control socket.
 */
import * as Wire from "@effect-remote/core/protocol/Wire"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import * as duplex from "../local/duplex.js"
import * as control from "../protocol/control.js"

/** @internal */
export interface ControlSocket {
  readonly socket: Net.Socket
  /** Passes all bytes after the answers to `take`, which must copy them: the buffer is reused. */
  readonly receive: (take: (bytes: Uint8Array) => void) => void
  /** Sends a request and waits for its answer. */
  readonly ask: (request: control.Request) => Effect.Effect<control.Answer, ControlError>
}

/** @internal */
export class ControlError extends Data.TaggedError("ControlError")<{
  readonly message: string
  readonly cause?: unknown
}> {}

// Node reads at most 64 KiB at once. The master may have three times as much ready.
const readAtOnce = 256 * 1024

interface Incoming {
  readonly pieces: Array<Uint8Array>
  take: (bytes: Uint8Array) => void
}

const connect = (path: string, incoming: Incoming): Effect.Effect<Net.Socket, ControlError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Net.Socket, ControlError>((resume) => {
      const socket = Net.connect({
        path,
        allowHalfOpen: true,
        onread: {
          buffer: Buffer.allocUnsafeSlow(readAtOnce),
          callback: (size, buffer) => {
            incoming.take(buffer.subarray(0, size))
            return true
          }
        }
      })
      socket.on("error", (cause) => resume(Effect.fail(new ControlError({ message: cause.message, cause }))))
      socket.on("connect", () => resume(Effect.succeed(socket)))
      return Effect.sync(() => socket.destroy())
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

/**
 * Connects and exchanges hello messages.
 *
 * @internal
 */
export const make = Effect.fnUntraced(function*(path: string) {
  let wake: (() => void) | undefined
  const incoming: Incoming = {
    pieces: [],
    take: (bytes) => {
      incoming.pieces.push(new Uint8Array(bytes))
      wake?.()
    }
  }
  const socket = yield* connect(path, incoming)
  for (const event of ["end", "close"]) socket.on(event, () => wake?.())
  const { write } = duplex.writer(socket)
  const split = Wire.splitter(control.longestAnswer)
  const packets: Array<ReturnType<typeof split>[number]> = []
  let id = 0

  const readSome = Effect.async<Uint8Array, ControlError>((resume) => {
    const attempt = () => {
      const bytes = incoming.pieces.shift()
      if (bytes === undefined && !socket.destroyed && !socket.readableEnded) return
      wake = undefined
      resume(
        bytes === undefined
          ? Effect.fail(new ControlError({ message: "the master closed the connection" }))
          : Effect.succeed(bytes)
      )
    }
    wake = attempt
    attempt()
    return Effect.sync(() => {
      wake = undefined
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
      Effect.mapError(({ message }) => new ControlError({ message: `the master sent a malformed answer: ${message}` }))
    )
  })

  const send = (bytes: Uint8Array) =>
    Effect.filterOrFail(
      write(bytes),
      (more) => more,
      () => new ControlError({ message: "the master closed the connection" })
    )

  yield* send(control.hello())
  const hello = yield* answer
  if (hello._tag !== "Hello") {
    return yield* new ControlError({ message: "the master did not begin with a hello message" })
  }

  const made: ControlSocket = {
    socket,
    receive: (take) => {
      incoming.take = take
      for (const bytes of incoming.pieces.splice(0)) take(bytes)
    },
    ask: (request) => Effect.zipRight(Effect.suspend(() => send(control.encode(id++, request))), answer)
  }
  return made
})
