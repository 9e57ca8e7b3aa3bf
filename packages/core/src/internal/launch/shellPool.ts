/**
 * Shells on the host that read the frame of a command (see `unstable/Frame.ts`). If commands follow one another, the shell
 * for the next command is started while one runs (prewarmed), and waits for one second. The next command then takes one
 * round trip instead of three, and does not wait for its login shell.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Scope from "effect/Scope"
import type { RemoteConnectionError } from "../../RemoteError.js"
import type { Channel, Transport } from "../../Transport.js"
import * as Frame from "../../unstable/Frame.js"

/** @internal */
export interface Shell {
  readonly channel: Channel
  /** Whether it was started before its command. It may then have exited before it read a frame. */
  readonly isPrewarmed: boolean
}

/** @internal */
export interface ShellPool {
  /** Takes the prewarmed shell, or opens one. */
  readonly acquire: Effect.Effect<Shell, RemoteConnectionError, Scope.Scope>
  /** Prewarms a shell if commands follow one another. Called after a frame was sent. */
  readonly prewarm: Effect.Effect<void>
}

interface Waiting {
  readonly channel: Channel
  readonly scope: Scope.CloseableScope
  /** Time of the clock, in milliseconds. */
  readonly since: number
}

// Maximum time between two commands that follow one another, and for which a shell waits. In milliseconds.
const pause = 1000

/** @internal */
export const make = Effect.fnUntraced(function*(transport: Transport) {
  const parent = yield* Effect.scope
  let inUse = 0
  let lastUse = -Infinity
  let waiting: Waiting | undefined
  let isTimed = false
  let preparing: Deferred.Deferred<void> | undefined

  const discard = (scope: Scope.CloseableScope) =>
    Effect.suspend(() => {
      if (waiting?.scope !== scope) return Effect.void
      waiting = undefined
      return Scope.close(scope, Exit.void)
    })

  const open = Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      const scope = yield* Scope.fork(parent, ExecutionStrategy.sequential)
      const channel = yield* restore(Scope.extend(
        transport.exec(Frame.launchLine, { priority: "idle", onReclaim: discard(scope) }),
        scope
      )).pipe(Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))))
      waiting = { channel, scope, since: yield* Clock.currentTimeMillis }
    })
  )

  // One timer for all waiting shells in turn, because most are used long before they expire.
  const expire: Effect.Effect<void> = Effect.flatMap(Clock.currentTimeMillis, (now) => {
    // If the clock was set back, the age of the shell is unknown.
    const left = waiting === undefined || now < waiting.since ? undefined : waiting.since + pause - now
    if (left !== undefined && left > 0) return Effect.delay(expire, left)
    if (waiting !== undefined) return Effect.zipRight(discard(waiting.scope), expire)
    isTimed = false
    return Effect.void
  })

  const time = Effect.suspend(() => {
    if (isTimed) return Effect.void
    isTimed = true
    return expire
  })

  const prepare = Effect.suspend(() => {
    const prepared = Deferred.unsafeMake<void>(FiberId.none)
    preparing = prepared
    return open.pipe(
      Effect.ensuring(Effect.suspend(() => {
        preparing = undefined
        return Deferred.succeed(prepared, undefined)
      })),
      Effect.zipRight(time),
      Effect.ignore,
      Effect.interruptible,
      Effect.forkIn(parent)
    )
  })

  const isAlive = ({ write }: Channel) => Effect.orElseSucceed(write(new Uint8Array()), () => false)

  const used = Effect.map(Clock.currentTimeMillis, (now) => {
    lastUse = now
  })

  const acquire = Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      inUse++
      yield* Effect.addFinalizer(() => {
        inUse--
        return used
      })
      if (preparing !== undefined) yield* restore(Deferred.await(preparing))
      const found = waiting
      waiting = undefined
      if (found !== undefined) {
        yield* Effect.addFinalizer((exit) => Scope.close(found.scope, exit))
        if (yield* isAlive(found.channel)) return { channel: found.channel, isPrewarmed: true }
      }
      return { channel: yield* restore(transport.exec(Frame.launchLine)), isPrewarmed: false }
    })
  )

  const pool: ShellPool = {
    acquire,
    prewarm: transport.capabilities.oneConnection
      ? Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const follows = now - lastUse < pause
        lastUse = now
        return follows && inUse === 1 && waiting === undefined && preparing === undefined ? prepare : Effect.void
      })
      : Effect.void
  }
  return pool
})
