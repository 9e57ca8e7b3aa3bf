/**
 * A connection as the platform's `Socket`, which behaves like `NodeSocket`. `run` opens the connection, and ends when the other
 * side has ended its output. Closing the scope of a writer ends our output. Handlers run concurrently.
 */
import type { Duplex } from "@effect-remote/core/Transport"
import * as Socket from "@effect/platform/Socket"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"

interface Current {
  readonly duplex: Duplex<never>
  readonly close: (error: Socket.SocketError) => Effect.Effect<unknown>
}

/** @internal */
export const make = <E>(open: Effect.Effect<Duplex<never>, E, Scope.Scope>): Socket.Socket => {
  const encoder = new TextEncoder()
  const opened = Effect.unsafeMakeLatch(false)
  let current: Current | undefined

  const run: Socket.Socket["run"] = <_, E, R>(
    handler: (bytes: Uint8Array) => Effect.Effect<_, E, R> | void,
    { onOpen = Effect.void }: { readonly onOpen?: Effect.Effect<void> | undefined } = {}
  ) =>
    Effect.scopedWith(Effect.fnUntraced(function*(scope) {
      const duplex = yield* Effect.mapError(
        Scope.extend(open, scope),
        (cause) => new Socket.SocketGenericError({ reason: "Open", cause })
      )
      const fibers = yield* Scope.extend(FiberSet.make<unknown, E | Socket.SocketError>(), scope)
      const fork = yield* FiberSet.runtime(fibers)<R>()
      const next: Effect.Effect<void> = Effect.flatMap(
        duplex.read,
        Option.match({
          onNone: () => Effect.void,
          onSome: (bytes) => {
            const handled = handler(bytes)
            if (Effect.isEffect(handled)) fork(handled)
            return next
          }
        })
      )
      current = { duplex, close: (error) => Deferred.fail(fibers.deferred, error) }
      yield* opened.open
      yield* onOpen
      fork(Effect.zipRight(next, Deferred.succeed(fibers.deferred, undefined)))
      return yield* FiberSet.join(fibers)
    })).pipe(
      Effect.ensuring(Effect.sync(() => {
        opened.unsafeClose()
        current = undefined
      })),
      Effect.interruptible
    )

  // Bytes that the other side no longer reads are lost, as on a network. After the write, the caller may reuse the bytes.
  const write = (piece: Uint8Array | string | Socket.CloseEvent): Effect.Effect<void> =>
    opened.whenOpen(Effect.suspend((): Effect.Effect<unknown> => {
      if (current === undefined) return Effect.void
      return Socket.isCloseEvent(piece)
        ? current.close(new Socket.SocketCloseError({ reason: "Close", code: piece.code, closeReason: piece.reason }))
        : current.duplex.write(typeof piece === "string" ? encoder.encode(piece) : piece.slice())
    }))

  return Socket.Socket.of({
    [Socket.TypeId]: Socket.TypeId,
    run,
    runRaw: run,
    writer: Effect.acquireRelease(Effect.succeed(write), () => Effect.suspend(() => current?.duplex.end ?? Effect.void))
  })
}
