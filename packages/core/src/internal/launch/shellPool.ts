/**
 * Shells on the host that read the frame of a command (see `unstable/Frame.ts`). If commands follow one another, the shell
 * for the next command is started while one runs (prewarmed), and waits for one second. The next command then takes one
 * round trip instead of three, and does not wait for its login shell.
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Scope from "effect/Scope"
import type { RemoteConnectionError } from "../../RemoteError.js"
import type { Channel, Transport } from "../../Transport.js"
import * as Frame from "../../unstable/Frame.js"
import * as scopes from "../lib/scopes.js"

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

interface State {
  readonly transport: Transport
  readonly parent: Scope.Scope
  /** The number of acquired shells. */
  inUse: number
  /** When a command began or ended last. */
  lastUse: number
  waiting: Waiting | undefined
  /** Whether `expire` is running. */
  isTimed: boolean
  /** Done when the shell that is being opened waits. */
  preparing: Deferred.Deferred<void> | undefined
}

const discard = (state: State, scope: Scope.CloseableScope): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (state.waiting?.scope !== scope) return Effect.void
    state.waiting = undefined
    return Scope.close(scope, Exit.void)
  })

const open = (state: State): Effect.Effect<void, RemoteConnectionError> =>
  Effect.uninterruptibleMask((restore) =>
    scopes.below(state.parent, (scope) =>
      Effect.gen(function*() {
        const onReclaim = discard(state, scope)
        const opening = state.transport.exec(Frame.launchLine, { priority: "idle", onReclaim })
        const channel = yield* restore(Scope.extend(opening, scope))
        state.waiting = { channel, scope, since: yield* Clock.currentTimeMillis }
      }))
  )

// One timer for all waiting shells in turn, because most are used long before they expire.
const expire = (state: State): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const { waiting } = state
    // If the clock was set back, the age of the shell is unknown.
    const left = waiting === undefined || now < waiting.since ? undefined : waiting.since + pause - now
    if (left !== undefined && left > 0) return Effect.delay(expire(state), left)
    if (waiting !== undefined) return Effect.zipRight(discard(state, waiting.scope), expire(state))
    state.isTimed = false
    return Effect.void
  })

const time = (state: State): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (state.isTimed) return Effect.void
    state.isTimed = true
    return expire(state)
  })

const prepare = (state: State) =>
  Effect.suspend(() => {
    const prepared = Deferred.unsafeMake<void>(FiberId.none)
    state.preparing = prepared
    return open(state).pipe(
      Effect.ensuring(Effect.suspend(() => {
        state.preparing = undefined
        return Deferred.succeed(prepared, undefined)
      })),
      Effect.zipRight(time(state)),
      Effect.ignore,
      Effect.interruptible,
      Effect.forkIn(state.parent)
    )
  })

const isAlive = ({ write }: Channel) => Effect.orElseSucceed(write(new Uint8Array()), () => false)

const acquire = (state: State): ShellPool["acquire"] => {
  const release = Effect.map(Clock.currentTimeMillis, (now) => {
    state.inUse--
    state.lastUse = now
  })
  return Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      state.inUse++
      yield* Effect.addFinalizer(() => release)
      if (state.preparing !== undefined) yield* restore(Deferred.await(state.preparing))
      const found = state.waiting
      state.waiting = undefined
      if (found !== undefined) {
        yield* Effect.addFinalizer((exit) => Scope.close(found.scope, exit))
        if (yield* isAlive(found.channel)) return { channel: found.channel, isPrewarmed: true }
      }
      return { channel: yield* restore(state.transport.exec(Frame.launchLine)), isPrewarmed: false }
    })
  )
}

const prewarm = (state: State): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const follows = now - state.lastUse < pause
    state.lastUse = now
    return follows && state.inUse === 1 && state.waiting === undefined && state.preparing === undefined
      ? prepare(state)
      : Effect.void
  })

/** @internal */
export const make = Effect.fnUntraced(function*(transport: Transport) {
  const state: State = {
    transport,
    parent: yield* Effect.scope,
    inUse: 0,
    lastUse: -Infinity,
    waiting: undefined,
    isTimed: false,
    preparing: undefined
  }
  const pool: ShellPool = {
    acquire: acquire(state),
    prewarm: transport.capabilities.oneConnection ? prewarm(state) : Effect.void
  }
  return pool
})
